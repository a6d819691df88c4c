#include "map/sdp.h"

#include "base/text.h"

#define PORT "5060" /* what Lync writes there */

struct reading {
    struct map_sdp *out;
    unsigned takes[MAP_SDP_LINES_MAX]; /* by line; 0: nothing was said */
    bool off[MAP_SDP_LINES_MAX];       /* port 0 */
    bool too_many;
};

/* The next line without its end, CRLF or LF (RFC 4566 5). False: the end. */
static bool next_line(struct slice *in, struct slice *line)
{
    if (!in->n)
        return false;
    slice_cut(*in, '\n', line, in);
    if (line->n && line->p[line->n - 1] == '\r')
        line->n--;
    return true;
}

/* The next word of a line. False: none is left. */
static bool next_word(struct slice *in, struct slice *word)
{
    while (in->n && *in->p == ' ')
        *in = slice_from(*in, 1);
    if (!in->n)
        return false;
    if (!slice_cut(*in, ' ', word, in))
        *in = slice_of(NULL, 0);
    return true;
}

/* "port" or "port/number". */
static bool read_port(struct slice word, uint64_t *port)
{
    struct slice first, count;
    uint64_t n;

    if (!slice_cut(word, '/', &first, &count))
        return slice_u64(word, 65535, port);
    return slice_u64(first, 65535, port) && slice_u64(count, 65535, &n);
}

/* m=message 5060 sip null */
static bool read_media(struct reading *r, struct slice value)
{
    struct map_sdp *out = r->out;
    struct map_sdp_line line;
    struct slice port_text;
    uint64_t port;

    if (!next_word(&value, &line.media) || !next_word(&value, &port_text) || !read_port(port_text, &port) ||
        !next_word(&value, &line.proto) || !value.n)
        return false;
    line.format = value;
    if (out->n == MAP_SDP_LINES_MAX) {
        r->too_many = true;
        return true;
    }
    r->off[out->n] = port == 0;
    out->lines[out->n++] = line;
    return true;
}

static unsigned type_bits(struct slice type)
{
    static const struct {
        const char *type;
        unsigned bits;
    } types[] = {
        { "*", MAP_SDP_TEXT | MAP_SDP_COMPOSING },
        { "text/*", MAP_SDP_TEXT },
        { "text/plain", MAP_SDP_TEXT },
        { "application/im-iscomposing+xml", MAP_SDP_COMPOSING },
        { "application/ms-imdn+xml", MAP_SDP_MS_IMDN | MAP_SDP_LYNC },
        { "text/x-msmsgsinvite", MAP_SDP_LYNC },
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (slice_ieq(type, slice_str(types[i].type)))
            return types[i].bits;
    return 0;
}

/* accept-types:text/plain text/html; of the media line above it. */
static void read_attribute(struct reading *r, struct slice value)
{
    struct slice prefix = SLICE("accept-types:"), type;
    unsigned *takes = r->out->n && !r->too_many ? &r->takes[r->out->n - 1] : NULL;

    if (!takes || !slice_istarts(value, prefix))
        return;
    value = slice_from(value, prefix.n);
    *takes |= 1u << 31; /* it was said */
    while (next_word(&value, &type))
        *takes |= type_bits(type);
}

static bool read_line(struct reading *r, struct slice line)
{
    struct slice value = slice_from(line, 2);

    if (line.n < 2 || line.p[1] != '=' || line.p[0] < 'a' || line.p[0] > 'z' || text_has_control(line))
        return false;
    if (line.p[0] == 'm')
        return read_media(r, value);
    if (line.p[0] == 'a')
        read_attribute(r, value);
    return true;
}

/* Lync's older clients call the medium x-ms-message; the format is "null" or the other's address. */
static bool is_ours(const struct reading *r, unsigned i)
{
    const struct map_sdp_line *line = &r->out->lines[i];

    return !r->off[i] && (slice_ieq(line->media, SLICE("message")) || slice_ieq(line->media, SLICE("x-ms-message"))) &&
           slice_ieq(line->proto, SLICE("sip")) && (!r->takes[i] || r->takes[i] & MAP_SDP_TEXT);
}

enum map_sdp_fault map_sdp_read(struct slice body, struct map_sdp *out)
{
    struct reading r = { .out = out };
    struct slice line;

    *out = (struct map_sdp){ 0 };
    if (!next_line(&body, &line) || !slice_is(line, "v=0"))
        return MAP_SDP_MALFORMED;
    while (next_line(&body, &line))
        if (line.n && !read_line(&r, line))
            return MAP_SDP_MALFORMED;
    for (unsigned i = 0; i < out->n && !r.too_many; i++) {
        if (!is_ours(&r, i))
            continue;
        out->chosen = i;
        out->takes = r.takes[i] ? r.takes[i] & ~(1u << 31) : MAP_SDP_TEXT;
        return MAP_SDP_OK;
    }
    return MAP_SDP_NO_LINE;
}

static void put_address(struct buf *b, struct slice host)
{
    bool v6 = memchr(host.p, ':', host.n) != NULL;

    buf_str(b, v6 ? "IN IP6 " : "IN IP4 ");
    if (v6 && host.p[0] == '[')
        host = slice_of(host.p + 1, host.n - 2);
    buf_put(b, host);
    buf_str(b, "\r\n");
}

/* What is not spoken is told so in its place (RFC 3264 6). */
static void put_refused(struct buf *b, const struct map_sdp_line *line)
{
    buf_str(b, "m=");
    buf_put(b, line->media);
    buf_str(b, " 0 ");
    buf_put(b, line->proto);
    buf_char(b, ' ');
    buf_put(b, line->format);
    buf_str(b, "\r\n");
}

static void put_message_line(struct buf *b, struct slice media)
{
    buf_str(b, "m=");
    buf_put(b, media);
    buf_str(b, " " PORT " sip null\r\n"
               "a=accept-types:text/plain text/html text/rtf multipart/alternative multipart/mixed multipart/related "
               "message/cpim application/im-iscomposing+xml\r\n");
}

void map_sdp_put(struct buf *b, const struct map_sdp *offer, struct slice host, uint64_t id)
{
    buf_str(b, "v=0\r\no=- ");
    buf_u64(b, id >> 2); /* some read it as a signed number */
    buf_char(b, ' ');
    buf_u64(b, offer ? offer->n : 1);
    buf_char(b, ' ');
    put_address(b, host);
    buf_str(b, "s=session\r\nc=");
    put_address(b, host);
    buf_str(b, "t=0 0\r\n");
    if (!offer)
        put_message_line(b, SLICE("message"));
    for (unsigned i = 0; offer && i < offer->n; i++) {
        if (i == offer->chosen)
            put_message_line(b, offer->lines[i].media);
        else
            put_refused(b, &offer->lines[i]);
    }
}
