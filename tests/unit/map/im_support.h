/* One message through the mapping, either way, as the bridge would do it. */
#ifndef STOX_TESTS_IM_SUPPORT_H
#define STOX_TESTS_IM_SUPPORT_H

#include "map_support.h"

#include "map/im.h"
#include "sip/writer.h"

#define NOW 1577836800 /* 2020-01-01T00:00:00Z */
#define JULIET "juliet@example.com/yn0cl4bnw0yr3vym"

static inline struct map_conf im_conf(void)
{
    return (struct map_conf){ .key = "0123456789abcdef0123456789abcde", .body_max = 65536, .now_wall_s = NOW };
}

struct s2x {
    struct arena arena;
    struct map_conf conf;
    struct slice thread; /* that the Call-ID is known to stand for */
    enum map_im result;
    struct map_im_sip_refusal refusal;
    struct buf out;
    struct map_im_stanza made;
    struct xml *stanza; /* when result is MAP_IM_OK: read back */
};

static inline void s2x_msg(struct s2x *s, const struct sip_msg *msg)
{
    struct slice gr;
    struct jid from, to;

    if (!sip_gruu(&msg->from, &gr))
        gr = (struct slice){ 0 };
    assert_int_equal(map_uri_to_jid(&s->arena, &msg->from.uri, gr, &s->conf.aliases, &from), MAP_ADDRESS_OK);
    assert_int_equal(map_uri_to_jid(&s->arena, &msg->uri, (struct slice){ 0 }, &s->conf.aliases, &to), MAP_ADDRESS_OK);
    buf_clear(&s->out);
    s->stanza = NULL;
    s->result = map_im_to_stanza(&s->arena, &s->conf, msg, &from, &to, s->thread, &s->out, &s->made, &s->refusal);
    if (s->result == MAP_IM_OK)
        s->stanza = stanza_of(&s->arena, buf_slice(&s->out));
    else
        assert_int_equal(s->out.n, 0);
}

static inline void s2x_init(struct s2x *s)
{
    *s = (struct s2x){ .conf = im_conf() };
    arena_init(&s->arena, ARENA_MAX);
    buf_init(&s->out, ARENA_MAX);
}

static inline void s2x_fini(struct s2x *s)
{
    buf_free(&s->out);
    arena_reset(&s->arena);
}

/* A MESSAGE of Romeo with these header lines and this body. */
static inline void s2x_run(struct s2x *s, const char *lines, struct slice body)
{
    s2x_init(s);
    s2x_msg(s, sip_message(&s->arena, lines, body));
}

/* Refused with this status, and not a byte was written. */
#define assert_refused(s, with)                                                                                        \
    do {                                                                                                               \
        assert_int_equal((s)->result, MAP_IM_REFUSED);                                                                 \
        assert_int_equal((s)->refusal.status, (with));                                                                 \
    } while (0)

struct x2s {
    struct arena arena;
    struct map_conf conf;
    enum map_im result;
    struct map_im_xmpp_refusal refusal;
    struct map_im_message m;
    struct sip_msg *msg; /* when result is MAP_IM_OK: as a SIP server would read it */
    size_t size;         /* of the whole request */
};

static inline void x2s_init(struct x2s *x)
{
    *x = (struct x2s){ .conf = im_conf() };
    arena_init(&x->arena, ARENA_MAX);
}

static inline void x2s_stanza(struct x2s *x, const char *text, const char *stream_lang, uint64_t nonce)
{
    struct xml *stanza = stanza_of(&x->arena, slice_str(text));
    struct jid from, to;
    struct buf b;

    assert_true(jid_parse(&x->arena, xml_attr(stanza, "from"), &from));
    assert_true(jid_parse(&x->arena, xml_attr(stanza, "to"), &to));
    x->msg = NULL;
    x->result =
        map_im_to_message(&x->arena, &x->conf, stanza, &from, &to, slice_str(stream_lang), nonce, &x->m, &x->refusal);
    if (x->result != MAP_IM_OK)
        return;
    buf_init(&b, ARENA_MAX);
    buf_str(&b, "MESSAGE ");
    buf_put(&b, x->m.uri);
    buf_str(&b, " SIP/2.0\r\nVia: SIP/2.0/TCP gw.example;branch=");
    buf_put(&b, x->m.branch.n ? x->m.branch : SLICE("z9hG4bKmade"));
    buf_str(&b, "\r\nMax-Forwards: 70\r\nTo: ");
    buf_put(&b, x->m.to);
    buf_str(&b, "\r\nFrom: ");
    buf_put(&b, x->m.from);
    buf_str(&b, "\r\nCall-ID: ");
    buf_put(&b, x->m.call_id);
    buf_str(&b, "\r\nCSeq: 1 MESSAGE\r\n");
    buf_put(&b, x->m.headers);
    sip_put_body(&b, x->m.body);
    assert_true(buf_ok(&b));
    x->msg = sip_of_bytes(&x->arena, buf_slice(&b));
    x->size = b.n;
    assert_true(slice_eq(x->msg->body, x->m.body));
    buf_free(&b);
}

/* A message of Juliet to Romeo: attributes beside id, from and to, and what is inside. */
static inline void x2s_run(struct x2s *x, const char *attrs, const char *inside)
{
    x2s_init(x);
    x2s_stanza(x,
               text_of(&x->arena, "<message id='a786hjs2' from='" JULIET "' to='romeo@example.net' %s>%s</message>",
                       attrs, inside),
               "en", 42);
}

static inline void x2s_fini(struct x2s *x)
{
    arena_reset(&x->arena);
}

/* Value of the header, NULL: absent. */
static inline const char *sip_value(struct arena *a, const struct sip_msg *m, enum sip_header_id id)
{
    const struct sip_header *h = sip_msg_header(m, id);

    return h ? c_str(a, h->value) : NULL;
}

#define assert_absent(x, id) assert_null(sip_msg_header((x)->msg, (id)))

#endif
