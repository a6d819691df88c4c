/*
 * Any MESSAGE that the parser accepts becomes one stanza of the expected form, or none; that stanza becomes a MESSAGE
 * whose headers are those of the template.
 */
#include <stdlib.h>

#include "map/im.h"
#include "sip/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
    if (!ok)
        abort();
}

struct seen {
    const struct map_conf *conf;
    unsigned n;
};

static void answer_it(const struct map_conf *conf, const struct xml *stanza)
{
    struct arena a;
    struct map_im_message m;
    struct map_im_xmpp_refusal refusal;
    struct jid from, to;
    struct buf b;

    arena_init(&a, 1 << 20);
    check(jid_parse(&a, xml_attr(stanza, "from"), &from) && jid_parse(&a, xml_attr(stanza, "to"), &to));
    if (map_im_to_message(&a, conf, stanza, &from, &to, (struct slice){ 0 }, 1, &m, &refusal) == MAP_IM_OK) {
        struct sip_msg msg;
        const char *fault;
        size_t used;

        buf_init(&b, 1 << 20);
        buf_printf(&b, "MESSAGE %.*s SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=%.*s\r\nMax-Forwards: 70\r\nTo: ",
                   SLICE_FMT(m.uri), SLICE_FMT(m.branch));
        buf_put(&b, m.to);
        buf_str(&b, "\r\nFrom: ");
        buf_put(&b, m.from);
        buf_str(&b, "\r\nCall-ID: ");
        buf_put(&b, m.call_id);
        buf_str(&b, "\r\nCSeq: 1 MESSAGE\r\n");
        buf_put(&b, m.headers);
        sip_put_body(&b, m.body);
        check(buf_ok(&b));
        check(sip_msg_parse(&msg, &a, b.p, b.n, false, &used, &fault) == SIP_PARSE_OK);
        check(msg.n_headers <= 11 && slice_eq(msg.body, m.body) && !sip_msg_header(&msg, SIP_H_ROUTE));
        buf_free(&b);
    }
    arena_reset(&a);
}

static void on_root(void *owner, const struct xml *root)
{
}

static void on_close(void *owner)
{
    check(false);
}

static void on_element(void *owner, struct xml *el)
{
    struct seen *seen = owner;

    check(++seen->n == 1 && xml_is(el, "jabber:server", "message"));
    check(xml_child(el, "jabber:server", "body") && xml_child(el, "jabber:server", "thread"));
    for (const struct xml *child = xml_first_child(el); child; child = xml_next(child))
        check(!xml_first_child(child));
    answer_it(seen->conf, el);
}

static void read_back(const struct map_conf *conf, struct slice stanza)
{
    static const char root[] = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>";
    static const struct xml_reader_ops ops = { .open = on_root, .element = on_element, .close = on_close };
    static const struct xml_limits limits = {
        .element_max = 1 << 20, .tag_max = 65536, .depth_max = 8, .attrs_max = 8
    };
    struct seen seen = { .conf = conf };
    struct xml_reader *r = xml_reader_new(&ops, &seen, &limits, (size_t)16 << 20);

    check(r);
    check(xml_reader_feed(r, root, sizeof(root) - 1) == XML_OK);
    check(xml_reader_feed(r, stanza.p, stanza.n) == XML_OK && seen.n == 1);
    xml_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct map_conf conf = { .key = "0123456789abcdef0123456789abcde", .body_max = 65536, .now_wall_s = 1577836800 };
    char *bytes = malloc(n ? n : 1);
    struct map_im_sip_refusal refusal;
    struct arena a;
    struct sip_msg m;
    struct jid from, to;
    struct buf out;
    struct slice gr = { 0 };
    struct map_im_stanza made;
    const char *fault;
    size_t used;

    check(bytes);
    if (n)
        memcpy(bytes, data, n);
    arena_init(&a, 1 << 20);
    buf_init(&out, 1 << 20);
    if (sip_msg_parse(&m, &a, bytes, n, false, &used, &fault) == SIP_PARSE_OK && m.is_request) {
        if (!sip_gruu(&m.from, &gr))
            gr = (struct slice){ 0 };
        if (map_uri_to_jid(&a, &m.from.uri, gr, NULL, &from) == MAP_ADDRESS_OK &&
            map_uri_to_jid(&a, &m.uri, (struct slice){ 0 }, NULL, &to) == MAP_ADDRESS_OK &&
            map_im_to_stanza(&a, &conf, &m, &from, &to, SLICE(""), &out, &made, &refusal) == MAP_IM_OK)
            read_back(&conf, buf_slice(&out));
    }
    buf_free(&out);
    arena_reset(&a);
    free(bytes);
    return 0;
}
