/* What is up with one partner and one stream: their state, and the test that shows its steps as they happen. */
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/ladder.h"
#include "ctl/look.h"
#include "ctl/object.h"
#include "ctl/term.h"

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
    term_put(&b, slice_str(ladder_text(pair, "local")));
    buf_str(&b, " - ");
    term_put(&b, slice_str(ladder_text(pair, "remote")));
    buf_str(&b, " (");
    term_put(&b, slice_str(ladder_text(pair, "method")));
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
    ladder_print(c, json_object_get(stream, "steps"), 0);
}

enum ctl_exit stream_show(struct ctl *c)
{
    return look_each(c, "/v1/streams/", "", print_stream);
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
        ladder_print(c, json_object_get(attempt, "steps"), 0);
    }
}

enum ctl_exit partner_status(struct ctl *c)
{
    return look_each(c, "/v1/partners/", "/status", print_status);
}

/* ---- the test ---- */

enum ctl_exit partner_test(struct ctl *c)
{
    const char *from = args_value(&c->args, OPT_FROM);

    return ladder_test(c, "/v1/partners/", from ? json_pack("{s:s}", "from", from) : json_object());
}
