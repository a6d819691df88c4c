#include "ctl/ladder.h"

#include <time.h>

#include "ctl/client.h"
#include "ctl/object.h"
#include "ctl/term.h"

#define POLL_MS 100
#define POLLS_MAX 3000 /* five minutes: the daemon's own bounds are shorter */

const char *ladder_text(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    return text ? text : "";
}

static const char *mark_of(const char *result)
{
    if (strcmp(result, "ok") == 0)
        return "ok";
    return strcmp(result, "failed") == 0 ? "FAILED" : "";
}

static void print_step(struct ctl *c, const json_t *step)
{
    double seconds = (double)json_integer_value(json_object_get(step, "ms")) / 1000;
    struct buf b;

    buf_init(&b, 1u << 16);
    buf_printf(&b, "%7.3f s  ", seconds);
    term_put(&b, slice_str(ladder_text(step, "step")));
    while (b.n < 25)
        buf_char(&b, ' ');
    buf_printf(&b, "%-7s ", mark_of(ladder_text(step, "result")));
    term_put(&b, slice_str(ladder_text(step, "text")));
    buf_char(&b, '\n');
    term_flush(c->out, &b);
    buf_free(&b);
    fflush(c->out);
}

size_t ladder_print(struct ctl *c, const json_t *steps, size_t from)
{
    for (; from < json_array_size(steps); from++)
        print_step(c, json_array_get(steps, from));
    return from;
}

/* The id of a test that was begun now; 0 with a sentence said, and *rc. */
static json_int_t begin_test(struct ctl *c, const char *path, json_t *body, enum ctl_exit *rc)
{
    json_int_t id = 0;
    struct answer a;

    if (body) {
        *rc = client_call(c, "POST", path, body, &a);
        id = json_integer_value(json_object_get(a.body, "id"));
        answer_fini(&a);
    } else {
        *rc = ctl_fail_memory(c);
    }
    json_decref(body);
    return *rc == CTL_DONE ? id : 0;
}

static enum ctl_exit end_test(struct ctl *c, const json_t *test)
{
    if (args_has(&c->args, OPT_JSON)) {
        object_print_json(c, test);
    } else {
        fputc('\n', c->out);
        term_write(c->out, slice_str(ladder_text(test, "verdict")));
        fputc('\n', c->out);
    }
    return json_is_true(json_object_get(test, "works")) ? CTL_DONE : CTL_REFUSED;
}

/* Asks once. CTL_DONE with *done not set: it goes on. */
static enum ctl_exit follow(struct ctl *c, const char *path, size_t *shown, bool *done)
{
    struct answer a;
    enum ctl_exit rc = client_call(c, "GET", path, NULL, &a);

    if (rc == CTL_DONE) {
        if (!args_has(&c->args, OPT_JSON))
            *shown = ladder_print(c, json_object_get(a.body, "steps"), *shown);
        *done = json_is_true(json_object_get(a.body, "done"));
        if (*done)
            rc = end_test(c, a.body);
    }
    answer_fini(&a);
    return rc;
}

enum ctl_exit ladder_run(struct ctl *c, const char *path, json_t *body)
{
    const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
    enum ctl_exit rc;
    json_int_t id = begin_test(c, path, body, &rc);
    char number[32];
    size_t shown = 0;
    bool done = false;

    if (!id)
        return rc;
    snprintf(number, sizeof(number), "/%" JSON_INTEGER_FORMAT, id);
    path = client_path(c, path, slice_of(NULL, 0), number);
    if (!path)
        return CTL_REFUSED;
    for (unsigned i = 0; i < POLLS_MAX && rc == CTL_DONE && !done; i++) {
        rc = follow(c, path, &shown, &done);
        if (!done && rc == CTL_DONE)
            nanosleep(&pause, NULL);
    }
    return done || rc != CTL_DONE ? rc
                                  : ctl_fail(c, CTL_UNREACHABLE, "the daemon does not come to an end with the test");
}

enum ctl_exit ladder_test(struct ctl *c, const char *prefix, json_t *body)
{
    const char *path = client_path(c, prefix, slice_str(c->args.operands[0]), "/test");

    if (path)
        return ladder_run(c, path, body);
    json_decref(body);
    return CTL_REFUSED;
}
