/* What is up with one partner and one stream: their state, and the test that shows its steps as they happen. */
#include <time.h>

#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/look.h"
#include "ctl/object.h"
#include "ctl/term.h"

#define POLL_MS 100
#define POLLS_MAX 1200 /* two minutes: the daemon's own bounds are shorter */

static const char *member(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    return text ? text : "";
}

/* ---- steps ---- */

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
    term_put(&b, slice_str(member(step, "step")));
    while (b.n < 25)
        buf_char(&b, ' ');
    buf_printf(&b, "%-7s ", mark_of(member(step, "result")));
    term_put(&b, slice_str(member(step, "text")));
    buf_char(&b, '\n');
    term_flush(c->out, &b);
    buf_free(&b);
    fflush(c->out);
}

static size_t print_steps(struct ctl *c, const json_t *steps, size_t from)
{
    for (; from < json_array_size(steps); from++)
        print_step(c, json_array_get(steps, from));
    return from;
}

/* ---- one stream ---- */

/* All members but those that get lines of their own. */
static void print_members(struct ctl *c, const json_t *o)
{
    static const char *const own[] = { "steps", "pairs", "streams", "failed" };
    json_t *rest = json_copy((json_t *)o);

    if (!rest)
        return;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        json_object_del(rest, own[i]);
    object_print(c, rest);
    json_decref(rest);
}

static void print_pair(struct ctl *c, const json_t *pair)
{
    struct buf b;

    buf_init(&b, 8192);
    buf_str(&b, "pair: ");
    term_put(&b, slice_str(member(pair, "local")));
    buf_str(&b, " - ");
    term_put(&b, slice_str(member(pair, "remote")));
    buf_str(&b, " (");
    term_put(&b, slice_str(member(pair, "method")));
    buf_str(&b, ")\n");
    term_flush(c->out, &b);
    buf_free(&b);
}

static void print_stream(struct ctl *c, const json_t *stream)
{
    const json_t *pairs = json_object_get(stream, "pairs");

    print_members(c, stream);
    for (size_t i = 0; i < json_array_size(pairs); i++)
        print_pair(c, json_array_get(pairs, i));
    print_steps(c, json_object_get(stream, "steps"), 0);
}

/* Each operand's path: as JSON, or by print. */
static enum ctl_exit show_each(struct ctl *c, const char *prefix, const char *suffix,
                               void (*print)(struct ctl *c, const json_t *v))
{
    enum ctl_exit rc = CTL_DONE;

    for (size_t i = 0; i < c->args.n_operands && rc == CTL_DONE; i++) {
        const char *path = client_path(c, prefix, slice_str(c->args.operands[i]), suffix);

        rc = path ? look_show(c, path, print) : CTL_REFUSED;
    }
    return rc;
}

enum ctl_exit stream_show(struct ctl *c)
{
    return show_each(c, "/v1/streams/", "", print_stream);
}

/* ---- a partner ---- */

static void print_status(struct ctl *c, const json_t *status)
{
    const json_t *streams = json_object_get(status, "streams"), *failed = json_object_get(status, "failed");

    print_members(c, status);
    for (size_t i = 0; i < json_array_size(streams); i++) {
        fputs("\nstream:\n", c->out);
        print_members(c, json_array_get(streams, i));
    }
    for (size_t i = 0; i < json_array_size(failed); i++) {
        const json_t *attempt = json_array_get(failed, i);

        fputs("\nlast set-up that failed:\n", c->out);
        print_members(c, attempt);
        print_steps(c, json_object_get(attempt, "steps"), 0);
    }
}

enum ctl_exit partner_status(struct ctl *c)
{
    return show_each(c, "/v1/partners/", "/status", print_status);
}

/* ---- the test ---- */

/* The id of a test that was begun now; 0 with a sentence said, and *rc. */
static json_int_t begin_test(struct ctl *c, enum ctl_exit *rc)
{
    const char *path = client_path(c, "/v1/partners/", slice_str(c->args.operands[0]), "/test");
    const char *from = args_value(&c->args, OPT_FROM);
    json_t *body = from ? json_pack("{s:s}", "from", from) : json_object();
    json_int_t id = 0;
    struct answer a;

    *rc = CTL_REFUSED;
    if (path && !body)
        *rc = ctl_fail_memory(c);
    if (path && body) {
        *rc = client_call(c, "POST", path, body, &a);
        id = json_integer_value(json_object_get(a.body, "id"));
        answer_fini(&a);
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
        term_write(c->out, slice_str(member(test, "verdict")));
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
            *shown = print_steps(c, json_object_get(a.body, "steps"), *shown);
        *done = json_is_true(json_object_get(a.body, "done"));
        if (*done)
            rc = end_test(c, a.body);
    }
    answer_fini(&a);
    return rc;
}

enum ctl_exit partner_test(struct ctl *c)
{
    const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
    enum ctl_exit rc;
    json_int_t id = begin_test(c, &rc);
    char behind[40];
    const char *path;
    size_t shown = 0;
    bool done = false;

    if (!id)
        return rc;
    snprintf(behind, sizeof(behind), "/test/%" JSON_INTEGER_FORMAT, id);
    path = client_path(c, "/v1/partners/", slice_str(c->args.operands[0]), behind);
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
