#include "base/trace_text.h"

#include <inttypes.h>
#include <time.h>

#include "base/columns.h"
#include "base/text.h"

#define LEFT 50 /* columns of the SIP side */

static void put_text(struct buf *out, struct slice s, bool ascii)
{
    size_t at = 0;
    uint32_t ch;

    if (!ascii) {
        columns_put(out, s);
        return;
    }
    for (size_t from = 0; text_next(s, &at, &ch); from = at)
        if (ch < 0x80)
            columns_put(out, slice_of(s.p + from, at - from));
        else
            buf_printf(out, "\\u{%x}", (unsigned)ch);
}

/* From where the line began to that column. */
static void pad(struct buf *b, size_t from, size_t columns, char with)
{
    for (size_t width = columns_of(slice_of(b->p + from, b->n - from)); width < columns && buf_ok(b); width++)
        buf_char(b, with);
}

void trace_text_head(struct buf *out)
{
    size_t from;

    buf_str(out, "time (UTC)    ");
    from = out->n;
    buf_str(out, "SIP");
    pad(out, from, LEFT, ' ');
    buf_str(out, "| XMPP\n");
}

void trace_text_people(struct buf *out, const struct trace_text *e, bool ascii)
{
    buf_str(out, "-- SIP: ");
    put_text(out, e->sip, ascii);
    buf_str(out, "   XMPP: ");
    put_text(out, e->xmpp, ascii);
    if (e->conversation.n) {
        buf_str(out, "   conversation ");
        put_text(out, e->conversation, ascii);
    }
    buf_char(out, '\n');
}

static void put_time(struct buf *b, int64_t at_ms)
{
    time_t s = (time_t)(at_ms / 1000);
    char text[32] = "";
    struct tm tm;

    if (gmtime_r(&s, &tm))
        strftime(text, sizeof(text), "%H:%M:%S", &tm);
    buf_printf(b, "%s.%03dZ ", text, (int)(at_ms % 1000));
}

/* What came from SIP, or goes there. */
static void put_left(struct buf *b, const struct trace_text *e, bool in, bool ascii)
{
    size_t from = b->n;

    buf_str(b, in ? "" : "<---- ");
    put_text(b, e->what, ascii);
    buf_str(b, in ? " " : "");
    pad(b, from, in ? LEFT - 1 : LEFT, in ? '-' : ' ');
    buf_str(b, in ? ">|" : "|");
}

static void put_side(struct buf *b, const struct trace_text *e, bool ascii)
{
    bool in = slice_is(e->direction, "in");

    if (slice_is(e->leg, "sip")) {
        put_left(b, e, in, ascii);
    } else {
        pad(b, b->n, LEFT, ' ');
        if (slice_is(e->leg, "stream")) {
            buf_str(b, in ? "|<... [" : "|...> [");
            put_text(b, e->details, ascii);
            buf_str(b, "] ");
        } else {
            buf_str(b, slice_is(e->leg, "gateway") ? "* " : in ? "|<--- " : "|---> ");
        }
        put_text(b, e->what, ascii);
    }
    buf_char(b, '\n');
}

static void put_below(struct buf *b, const struct trace_text *e, struct slice what, const char *mark, bool ascii)
{
    bool left = slice_is(e->leg, "sip");

    if (!what.n || slice_is(e->leg, "stream"))
        return;
    buf_str(b, "              ");
    if (!left)
        pad(b, b->n, LEFT, ' ');
    buf_str(b, left ? "  " : "|      ");
    buf_str(b, mark);
    put_text(b, what, ascii);
    buf_char(b, '\n');
}

void trace_text_event(struct buf *out, const struct trace_text *e, bool ascii)
{
    put_time(out, e->at_ms);
    put_side(out, e, ascii);
    put_below(out, e, e->details, "", ascii);
    put_below(out, e, e->body, "body: ", ascii);
}

void trace_text_missing(struct buf *out, uint64_t n)
{
    buf_printf(out, "(%" PRIu64 " events are missing here: more passed than could be read)\n", n);
}
