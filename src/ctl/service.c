/* stoxd as a service: through systemd where it is its unit, else through the API. */
#include <time.h>

#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/object.h"
#include "ctl/service_unit.h"

#define PATH "/v1/service"
#define LOOK_MS 100
#define HAND_OVER_MS 90000u
#define LATE_S 30 /* on top of the bound that the daemon has */

static json_int_t number(const json_t *v, const char *name)
{
    return json_integer_value(json_object_get(v, name));
}

static const char *word(const json_t *v, const char *name)
{
    const char *s = json_string_value(json_object_get(v, name));

    return s ? s : "";
}

/* "draining: 3 messages held, 2 streams" */
static void print_state(struct ctl *c, const json_t *v)
{
    json_int_t held = number(v, "held") + number(v, "queued"), streams = number(v, "streams");

    fprintf(c->out,
            "%s: %" JSON_INTEGER_FORMAT " message%s held, %" JSON_INTEGER_FORMAT
            " stream%s (stoxd %s, pid %" JSON_INTEGER_FORMAT ")\n",
            word(v, "state"), held, held == 1 ? "" : "s", streams, streams == 1 ? "" : "s", word(v, "version"),
            number(v, "pid"));
}

/* Is somebody there? Nothing is said of it. The answer is filled in either case. */
static enum ctl_exit ask_quietly(struct ctl *c, struct answer *a)
{
    FILE *diag = c->diag, *nowhere = fopen("/dev/null", "we");
    enum ctl_exit rc;

    if (nowhere)
        c->diag = nowhere;
    rc = client_call(c, "GET", PATH, NULL, a);
    c->diag = diag;
    if (nowhere)
        fclose(nowhere);
    return rc;
}

static enum ctl_exit print_not_running(struct ctl *c, const struct service_unit *unit)
{
    if (args_has(&c->args, OPT_JSON))
        fprintf(c->out, "{\"state\": \"not running\"}\n");
    else if (unit->loaded)
        fprintf(c->out, "not running: %s is %s%s%s\n", SERVICE_UNIT, unit->state, unit->detail[0] ? ": " : "",
                unit->detail);
    else
        fputs("not running\n", c->out);
    return CTL_UNREACHABLE;
}

enum ctl_exit service_status(struct ctl *c)
{
    struct service_unit unit;
    struct answer a;
    enum ctl_exit rc = ask_quietly(c, &a);

    if (rc == CTL_DONE && args_has(&c->args, OPT_JSON)) {
        object_print_json(c, a.body);
    } else if (rc == CTL_DONE) {
        print_state(c, a.body);
    } else if (rc == CTL_UNREACHABLE) {
        service_unit_look(c, &unit);
        rc = print_not_running(c, &unit);
    } else { /* once more, aloud */
        answer_fini(&a);
        rc = client_call(c, "GET", PATH, NULL, &a);
    }
    answer_fini(&a);
    return rc;
}

static enum ctl_exit tell(struct ctl *c, const char *action, struct answer *a)
{
    json_t *body = json_pack("{s:s}", "action", action);
    enum ctl_exit rc;

    *a = (struct answer){ NULL };
    if (!body)
        return ctl_fail_memory(c);
    rc = client_call(c, "POST", PATH, body, a);
    json_decref(body);
    return rc;
}

static enum ctl_exit tell_and_print(struct ctl *c, const char *action)
{
    struct answer a;
    enum ctl_exit rc = tell(c, action, &a);

    if (rc == CTL_DONE)
        print_state(c, a.body);
    answer_fini(&a);
    return rc;
}

enum ctl_exit service_drain(struct ctl *c)
{
    return tell_and_print(c, "drain");
}

enum ctl_exit service_resume(struct ctl *c)
{
    return tell_and_print(c, "resume");
}

static void wait_ms(unsigned ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

    nanosleep(&t, NULL);
}

/* Until the API is gone. */
static enum ctl_exit stop_by_api(struct ctl *c)
{
    struct answer a;
    enum ctl_exit rc = tell(c, "stop", &a);
    json_int_t left_ms = (number(a.body, "stop-within-s") + LATE_S) * 1000;

    answer_fini(&a);
    while (rc == CTL_DONE && left_ms > 0) {
        wait_ms(LOOK_MS);
        left_ms -= LOOK_MS;
        rc = ask_quietly(c, &a);
        answer_fini(&a);
    }
    if (rc == CTL_DONE)
        return ctl_fail(c, CTL_REFUSED, "stoxd is still stopping: stoxctl service status shows how far it is");
    if (rc != CTL_UNREACHABLE)
        return rc;
    fputs("stopped\n", c->out);
    return CTL_DONE;
}

enum ctl_exit service_stop(struct ctl *c)
{
    struct service_unit unit;

    service_unit_look(c, &unit);
    if (!unit.active)
        return stop_by_api(c);
    if (service_unit_do(c, "stop") != CTL_DONE)
        return CTL_REFUSED;
    fputs("stopped\n", c->out);
    return CTL_DONE;
}

static enum ctl_exit say_how(struct ctl *c)
{
    return ctl_fail(c, CTL_REFUSED,
                    "stoxd is not a unit of systemd here (make install brings one): start it with stoxd --config "
                    "/etc/stox/stox.conf, or as whatever runs it does");
}

static enum ctl_exit unit_do_and_print(struct ctl *c, const char *verb)
{
    enum ctl_exit rc = service_unit_do(c, verb);

    return rc == CTL_DONE ? service_status(c) : rc;
}

enum ctl_exit service_start(struct ctl *c)
{
    struct service_unit unit;
    struct answer a;
    enum ctl_exit rc = ask_quietly(c, &a);

    if (rc == CTL_DONE) /* as with services elsewhere, that is no error */
        print_state(c, a.body);
    answer_fini(&a);
    if (rc == CTL_DONE)
        return rc;
    service_unit_look(c, &unit);
    return unit.loaded ? unit_do_and_print(c, "start") : say_how(c);
}

/* Until another process answers, or the one that does says why not. */
static enum ctl_exit await_successor(struct ctl *c, json_int_t before)
{
    for (unsigned left_ms = HAND_OVER_MS; left_ms > 0; left_ms -= LOOK_MS) {
        struct answer a;
        enum ctl_exit rc;

        client_free(c->client); /* a connection that stays leads to the old one */
        c->client = NULL;
        rc = client_call(c, "GET", PATH, NULL, &a);
        if (rc == CTL_DONE && number(a.body, "pid") != before) {
            print_state(c, a.body);
            answer_fini(&a);
            return CTL_DONE;
        }
        if (rc == CTL_DONE && word(a.body, "hand-over-fault")[0])
            rc = ctl_fail(c, CTL_REFUSED, "the process with pid %" JSON_INTEGER_FORMAT " goes on: %s", before,
                          word(a.body, "hand-over-fault"));
        answer_fini(&a);
        if (rc != CTL_DONE)
            return rc;
        wait_ms(LOOK_MS);
    }
    return ctl_fail(c, CTL_REFUSED, "no new process answers: stoxctl service status");
}

static enum ctl_exit hand_over(struct ctl *c)
{
    struct answer a;
    enum ctl_exit rc = tell(c, "hand-over", &a);
    json_int_t pid = number(a.body, "pid");

    answer_fini(&a);
    return rc == CTL_DONE ? await_successor(c, pid) : rc;
}

enum ctl_exit service_restart(struct ctl *c)
{
    struct service_unit unit;

    if (args_has(&c->args, OPT_HAND_OVER))
        return hand_over(c);

    service_unit_look(c, &unit);
    return unit.loaded ? unit_do_and_print(c, "restart") : say_how(c);
}
