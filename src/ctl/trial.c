/* A test message: sent, waited for, judged. */
#include <time.h>

#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/object.h"
#include "ctl/term.h"

#define POLL_MS 100
#define POLLS_MAX 1200 /* two minutes: the daemon's own bounds are shorter */

static void print_line(struct ctl *c, const char *name, const char *value)
{
    struct buf b;

    buf_init(&b, 1u << 16);
    buf_printf(&b, "%-11s", name);
    term_put(&b, slice_str(value));
    buf_char(&b, '\n');
    term_flush(c->out, &b);
    buf_free(&b);
}

static const char *member(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    return text ? text : "";
}

/* hh:mm:ss.fff, as Lync's Test-CsXmppIM has it. */
static void print_latency(struct ctl *c, const json_t *latency)
{
    json_int_t ms = json_integer_value(latency);
    char text[64];

    snprintf(text, sizeof(text), "%02d:%02d:%02d.%03d", (int)(ms / 3600000 % 100), (int)(ms / 60000 % 60),
             (int)(ms / 1000 % 60), (int)(ms % 1000));
    print_line(c, "Latency:", json_is_integer(latency) ? text : "");
}

static enum ctl_exit end_test(struct ctl *c, const json_t *test)
{
    bool works = strcmp(member(test, "result"), "success") == 0;

    if (args_has(&c->args, OPT_JSON)) {
        object_print_json(c, test);
    } else {
        print_line(c, "From:", member(test, "from"));
        print_line(c, "To:", member(test, "to"));
        print_line(c, "Result:", works ? "Success" : "Failure");
        print_latency(c, json_object_get(test, "latency-ms"));
        print_line(c, "Error:", member(test, "error"));
        print_line(c, "Diagnosis:", member(test, "diagnosis"));
    }
    return works ? CTL_DONE : CTL_REFUSED;
}

/* Asks once. CTL_DONE with *done not set: it goes on. */
static enum ctl_exit follow(struct ctl *c, const char *path, bool *done)
{
    struct answer a;
    enum ctl_exit rc = client_call(c, "GET", path, NULL, &a);

    if (rc == CTL_DONE) {
        *done = json_is_true(json_object_get(a.body, "done"));
        if (*done)
            rc = end_test(c, a.body);
    }
    answer_fini(&a);
    return rc;
}

static enum ctl_exit wait_for(struct ctl *c, json_int_t id)
{
    const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
    enum ctl_exit rc = CTL_DONE;
    bool done = false;
    char path[64];

    snprintf(path, sizeof(path), "/v1/message-tests/%" JSON_INTEGER_FORMAT, id);
    for (unsigned i = 0; i < POLLS_MAX && rc == CTL_DONE && !done; i++) {
        rc = follow(c, path, &done);
        if (!done && rc == CTL_DONE)
            nanosleep(&pause, NULL);
    }
    return done || rc != CTL_DONE ? rc
                                  : ctl_fail(c, CTL_UNREACHABLE, "the daemon does not come to an end with the test");
}

enum ctl_exit test_im(struct ctl *c)
{
    const char *from = args_value(&c->args, OPT_TEST_FROM), *to = args_value(&c->args, OPT_TEST_TO);
    json_t *body;
    json_int_t id;
    enum ctl_exit rc;
    struct answer a;

    if (!from || !to)
        return ctl_fail(c, CTL_USAGE, "from whom to whom? --from alice@contoso.example --to romeo@fabrikam.example");
    body = json_pack("{s:s, s:s, s:s*}", "from", from, "to", to, "text", args_value(&c->args, OPT_TEXT));
    if (!body)
        return ctl_fail_memory(c);
    rc = client_call(c, "POST", "/v1/message-tests", body, &a);
    id = json_integer_value(json_object_get(a.body, "id"));
    answer_fini(&a);
    json_decref(body);
    return rc == CTL_DONE ? wait_for(c, id) : rc;
}
