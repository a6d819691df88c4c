/* What is up with one route: its SIP servers, and the test of the way there. */
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/ladder.h"
#include "ctl/look.h"
#include "ctl/object.h"
#include "ctl/term.h"

static void print_ago(struct buf *b, const json_t *hop, const char *member, const char *words)
{
    const json_t *v = json_object_get(hop, member);

    if (json_is_integer(v))
        buf_printf(b, ", %s %" JSON_INTEGER_FORMAT " s", words, json_integer_value(v));
}

static void print_hop(struct ctl *c, const json_t *hop)
{
    json_int_t alone = json_integer_value(json_object_get(hop, "left-alone-s"));
    struct buf b;

    buf_init(&b, 8192);
    term_put(&b, slice_str(ladder_text(hop, "hop")));
    buf_printf(&b, " (%s", ladder_text(hop, "transport"));
    if (ladder_text(hop, "name")[0]) {
        buf_str(&b, ", ");
        term_put(&b, slice_str(ladder_text(hop, "name")));
    }
    buf_printf(&b, "): %s", ladder_text(hop, "state"));
    print_ago(&b, hop, "since-s", "for");
    print_ago(&b, hop, "checked-s", "last heard of before");
    if (alone)
        buf_printf(&b, ", left alone for %" JSON_INTEGER_FORMAT " s more", alone);
    if (ladder_text(hop, "why")[0]) {
        buf_str(&b, "; last failure: ");
        term_put(&b, slice_str(ladder_text(hop, "why")));
    }
    buf_char(&b, '\n');
    term_flush(c->out, &b);
    buf_free(&b);
}

static void print_status(struct ctl *c, const json_t *status)
{
    const json_t *hops = json_object_get(status, "hops");
    const char *note = ladder_text(status, "note");

    for (size_t i = 0; i < json_array_size(hops); i++)
        print_hop(c, json_array_get(hops, i));
    if (note[0]) {
        term_write(c->out, slice_str(note));
        fputc('\n', c->out);
    }
}

enum ctl_exit route_show_status(struct ctl *c)
{
    return look_each(c, "/v1/routes/", "/status", print_status);
}

enum ctl_exit route_run_test(struct ctl *c)
{
    return ladder_test(c, "/v1/routes/", json_object());
}
