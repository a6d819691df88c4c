/* What passes, live, as a ladder: SIP on the left, Stox in the middle, XMPP on the right. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/trace_text.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/term.h"
#include "store/json.h"

#define POLL_MS 200
#define LINE_MAX_BYTES (64u << 10)

struct ladder {
    struct ctl *c;
    FILE *file; /* NULL: none */
    bool ascii, json;
    char people[512]; /* whom the last event was about */
    json_int_t dropped;
    uint64_t shown, count; /* events; count 0: no end by it */
};

/* To the screen and into the file. */
static void put_out(struct ladder *l, struct buf *b)
{
    if (l->file && buf_ok(b) && b->n)
        fwrite(b->p, 1, b->n, l->file);
    term_flush(l->c->out, b);
}

/* Who it is between, when that is another pair than before. */
static void put_people(struct ladder *l, struct buf *b, const struct trace_text *e)
{
    char people[sizeof(l->people)];

    snprintf(people, sizeof(people), "%.*s\n%.*s", SLICE_FMT(e->sip), SLICE_FMT(e->xmpp));
    if (strcmp(people, l->people) == 0)
        return;
    memcpy(l->people, people, sizeof(people));
    trace_text_people(b, e, l->ascii);
}

static void print_event(struct ladder *l, const json_t *e)
{
    struct buf b;

    buf_init(&b, LINE_MAX_BYTES);
    if (l->json) {
        char *text = json_dumps(e, JSON_COMPACT | JSON_ENSURE_ASCII);

        buf_str(&b, text ? text : "{}");
        buf_char(&b, '\n');
        free(text);
    } else {
        const struct trace_text text = json_trace_text(e);

        put_people(l, &b, &text);
        trace_text_event(&b, &text, l->ascii);
    }
    put_out(l, &b);
    buf_free(&b);
}

/* For whoever looks on, and for whoever reads the file. */
static void print_missing(struct ladder *l, uint64_t n)
{
    struct buf b;

    if (l->json)
        return;
    buf_init(&b, 1000);
    trace_text_missing(&b, n);
    if (l->file && buf_ok(&b))
        fwrite(b.p, 1, b.n, l->file);
    term_flush(l->c->diag, &b);
    buf_free(&b);
}

/* What came now. The number to ask from next. */
static json_int_t print_page(struct ladder *l, const json_t *page)
{
    const json_t *events = json_object_get(page, "events");
    json_int_t dropped = json_integer_value(json_object_get(page, "dropped"));

    if (dropped > l->dropped)
        print_missing(l, (uint64_t)(dropped - l->dropped));
    l->dropped = dropped;
    for (size_t i = 0; i < json_array_size(events) && (!l->count || l->shown < l->count); i++, l->shown++)
        print_event(l, json_array_get(events, i));
    fflush(l->c->out);
    return json_integer_value(json_object_get(page, "next"));
}

/* ---- whom, and how long ---- */

static json_t *values_of(struct ctl *c, enum option_id id)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < c->args.n_options; i++)
        if (c->args.options[i].id == id && json_array_append_new(list, json_string(c->args.options[i].value))) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

/* NULL with a sentence said. */
static json_t *wish_of(struct ctl *c, uint64_t *count)
{
    const char *time = args_value(&c->args, OPT_FOR), *n = args_value(&c->args, OPT_COUNT);
    uint64_t seconds = time ? option_seconds(slice_str(time)) : 600;
    json_t *v;

    if (!args_has(&c->args, OPT_WATCH_USER) && !args_has(&c->args, OPT_WATCH_PARTNER)) {
        ctl_fail(c, CTL_USAGE, "trace whom? --user USER or --partner DOMAIN");
        return NULL;
    }
    if (!seconds || seconds > 86400) {
        ctl_fail(c, CTL_USAGE, "--for: \"%s\" is no time like 30s, 10m or 2h, of a day at most", time);
        return NULL;
    }
    *count = 0;
    if (n && (!slice_u64(slice_str(n), UINT32_MAX, count) || !*count)) {
        ctl_fail(c, CTL_USAGE, "--count: \"%s\" is no number of events", n);
        return NULL;
    }
    v = json_pack("{s:o, s:o, s:b, s:I}", "users", values_of(c, OPT_WATCH_USER), "partners",
                  values_of(c, OPT_WATCH_PARTNER), "bodies", args_has(&c->args, OPT_BODIES), "seconds",
                  (json_int_t)seconds);
    if (!v)
        ctl_fail_memory(c);
    return v;
}

/* For its owner alone: it says who writes to whom. False with a sentence said. */
static bool open_file(struct ladder *l)
{
    const char *path = args_value(&l->c->args, OPT_OUTPUT);
    int fd;

    if (!path)
        return true;
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    l->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!l->file) {
        if (fd >= 0)
            close(fd);
        ctl_fail(l->c, CTL_REFUSED, "--output: %s cannot be written: %m", path);
    }
    return l->file != NULL;
}

/* Waits; true: the user wants to end it. */
static bool pause_or_end(const sigset_t *ends)
{
    const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };

    return sigtimedwait(ends, NULL, &pause) > 0;
}

/* Reads on until it is over. */
static enum ctl_exit follow(struct ladder *l, const char *path, const sigset_t *ends)
{
    enum ctl_exit rc = CTL_DONE;
    json_int_t next = 0, left = 1;
    bool over = false;

    while (rc == CTL_DONE && left > 0 && !over && (!l->count || l->shown < l->count)) {
        char query[64];
        const char *from;
        struct answer a;

        snprintf(query, sizeof(query), "?after=%" JSON_INTEGER_FORMAT, next);
        from = client_path(l->c, path, SLICE(""), query);
        if (!from)
            return CTL_REFUSED;
        over = pause_or_end(ends);
        rc = client_call(l->c, "GET", from, NULL, &a);
        if (rc == CTL_DONE) {
            next = print_page(l, a.body);
            left = json_integer_value(json_object_get(a.body, "left-s")) - 1; /* the last second is not waited for */
        }
        answer_fini(&a);
    }
    return rc;
}

static enum ctl_exit run(struct ladder *l, json_int_t id)
{
    char path[64];
    sigset_t ends, before;
    enum ctl_exit rc;
    struct answer a;

    snprintf(path, sizeof(path), "/v1/traces/%" JSON_INTEGER_FORMAT, id);
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, &before);
    rc = follow(l, path, &ends);
    if (rc == CTL_DONE) {
        rc = client_call(l->c, "DELETE", path, NULL, &a);
        answer_fini(&a);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static void print_head(struct ladder *l)
{
    struct buf b;

    if (l->json)
        return;
    buf_init(&b, 1000);
    trace_text_head(&b);
    put_out(l, &b);
    buf_free(&b);
    fflush(l->c->out);
}

enum ctl_exit trace_show(struct ctl *c)
{
    struct ladder l = { .c = c, .ascii = args_has(&c->args, OPT_ASCII), .json = args_has(&c->args, OPT_JSON) };
    json_t *wish = wish_of(c, &l.count);
    struct answer a = { 0 };
    enum ctl_exit rc;

    if (!wish)
        return CTL_USAGE;
    rc = open_file(&l) ? client_call(c, "POST", "/v1/traces", wish, &a) : CTL_REFUSED;
    json_decref(wish);
    if (rc == CTL_DONE) {
        print_head(&l);
        rc = run(&l, json_integer_value(json_object_get(a.body, "id")));
    }
    answer_fini(&a);
    if (l.file && fclose(l.file))
        rc = ctl_fail(c, CTL_REFUSED, "--output: not all could be written: %m");
    return rc;
}
