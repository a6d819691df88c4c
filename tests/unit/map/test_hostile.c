/* What a sender can put into a message must not become anything else on the other side (threats E3, E4, E6). */
#include "im_support.h"

#define SEED 4711
#define ROUNDS 20000

/* Pieces that mean something to one of the two grammars. */
static const char *const nasty[] = {
    "\r\n",
    "\n",
    "\r",
    "\t",
    " ",
    "<",
    ">",
    "&",
    "\"",
    "'",
    "]]>",
    "<!--",
    "-->",
    "<![CDATA[",
    "&#0;",
    "&amp;",
    "</body>",
    "<?x?>",
    "\x01",
    "\x1b",
    "\x7f",
    "\xc2\x85",
    "\xef\xbf\xbe",
    "\xed\xa0\x80",
    "\xff",
    "\xc0\xaf",
    "\xe2\x80\xa8",
    "Route: <sip:evil>",
    "\r\n\r\n",
    "Content-Length: 0",
    "SIP/2.0",
    "%00",
    "%0d%0a",
    ";tag=x",
    "\\20",
    "ü",
    "😀",
    "xmlns='y'",
    "=",
    ",",
};

static void random_text(struct buf *b, uint64_t *seed, bool xml_only)
{
    for (uint64_t n = 1 + next_random(seed) % 6; n;) {
        const char *piece = nasty[next_random(seed) % (sizeof(nasty) / sizeof(nasty[0]))];
        bool forbidden = strpbrk(piece, "\x01\x1b\xff\xc0\xed") || strcmp(piece, "\xef\xbf\xbe") == 0;

        if (xml_only && forbidden)
            continue;
        buf_str(b, piece);
        n--;
    }
}

/* The lines that a MESSAGE of ours may have, in this order; Content-Language, Subject and Date only now and then. */
static bool has_the_template(const struct sip_msg *m)
{
    static const char *const names[] = { "Via",          "Max-Forwards",     "To",      "From", "Call-ID",       "CSeq",
                                         "Content-Type", "Content-Language", "Subject", "Date", "Content-Length" };
    size_t at = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bool here = at < m->n_headers && slice_is(m->headers[at].name, names[i]);

        if (!here && strcmp(names[i], "Content-Language") != 0 && strcmp(names[i], "Subject") != 0 &&
            strcmp(names[i], "Date") != 0)
            return false;
        at += here;
    }
    return at == m->n_headers;
}

static const char *escaped(struct arena *a, struct slice s)
{
    struct buf b;
    const char *text;

    buf_init(&b, ARENA_MAX);
    for (size_t i = 0; i < s.n; i++) {
        if (strchr("<>&'\"\r\n\t", s.p[i]))
            buf_printf(&b, "&#%d;", s.p[i]);
        else
            buf_char(&b, s.p[i]);
    }
    text = c_str(a, buf_slice(&b));
    buf_free(&b);
    return text;
}

static void e3_no_stanza_adds_a_header(void **state)
{
    uint64_t seed = SEED;
    unsigned n_sent = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct x2s x;
        struct buf b;
        const char *text[6];

        x2s_init(&x);
        buf_init(&b, 4096);
        for (unsigned j = 0; j < 6; j++) {
            buf_clear(&b);
            random_text(&b, &seed, true);
            text[j] = escaped(&x.arena, buf_slice(&b));
        }
        /* Not every resource is one; a JID that is none never gets here. */
        x2s_stanza(&x,
                   text_of(&x.arena,
                           "<message from='" JULIET
                           "' to='romeo@example.net' id='%s' xml:lang='%s'><subject>%s</subject>"
                           "<body>%s</body><thread>%s</thread><delay xmlns='urn:xmpp:delay' stamp='%s'/></message>",
                           text[0], text[1], text[2], text[3], text[4], text[5]),
                   "", i);
        if (x.result == MAP_IM_OK) {
            n_sent++;
            if (!has_the_template(x.msg))
                fail_msg("seed %d, round %u", SEED, i);
        }
        buf_free(&b);
        x2s_fini(&x);
    }
    print_message("%u of %d stanzas sent, seed %d\n", n_sent, ROUNDS, SEED);
    assert_true(n_sent > ROUNDS / 2);
}

static bool has_child_elements(const struct xml *el)
{
    return xml_first_child(el) != NULL;
}

/* <message><subject/><body/><thread/></message>, and no elements inside. */
static bool is_the_message(const struct xml *stanza)
{
    const struct xml *el = xml_first_child(stanza);

    if (!xml_is(stanza, "jabber:server", "message"))
        return false;
    if (el && xml_is(el, "jabber:server", "subject") && !has_child_elements(el))
        el = xml_next(el);
    if (!el || !xml_is(el, "jabber:server", "body") || has_child_elements(el))
        return false;
    el = xml_next(el);
    return el && xml_is(el, "jabber:server", "thread") && !has_child_elements(el) && !xml_next(el);
}

static void e4_no_MESSAGE_adds_an_element(void **state)
{
    uint64_t seed = SEED;
    unsigned n_sent = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct s2x s;
        struct buf b;
        struct sip_msg *msg;
        struct sip_header subject = { .id = SIP_H_SUBJECT }, type = { .id = SIP_H_CONTENT_TYPE };
        struct slice text[4];

        s2x_init(&s);
        buf_init(&b, 4096);
        for (unsigned j = 0; j < 4; j++) {
            buf_clear(&b);
            random_text(&b, &seed, false);
            text[j] = dup_or_fail(&s.arena, buf_slice(&b));
        }
        /* More than the parser would let through: the mapping must not rely on it. */
        msg = sip_message(&s.arena, "X-A: b\r\nX-C: d\r\n", text[0]);
        subject.value = text[1];
        type.value = i % 3 ? SLICE("text/plain;charset=utf-8") : SLICE("text/html;charset=utf-8");
        msg->headers[msg->n_headers - 2] = subject;
        msg->headers[msg->n_headers - 3] = type;
        msg->call_id = text[2];
        if (i % 2)
            msg->via.branch = text[3];
        s2x_msg(&s, msg);
        if (s.result == MAP_IM_OK) {
            n_sent++;
            if (!is_the_message(s.stanza))
                fail_msg("seed %d, round %u: %.*s", SEED, i, SLICE_FMT(buf_slice(&s.out)));
        }
        buf_free(&b);
        s2x_fini(&s);
    }
    print_message("%u of %d MESSAGEs sent, seed %d\n", n_sent, ROUNDS, SEED);
    assert_true(n_sent > ROUNDS / 2);
}

/* Sizes 1..4096 and around 64 KiB, of characters of every length: whole, or refused. */
static size_t next_size(size_t n)
{
    return n == 4096 ? 65400 : n == 65600 ? 0 : n + 1;
}

static void fill(char *text, size_t n, const char *character)
{
    size_t step = strlen(character), i = 0;

    for (; i + step <= n; i += step)
        memcpy(text + i, character, step);
    memset(text + i, 'x', n - i);
}

static void e6_no_text_is_cut(void **state)
{
    static const char *const characters[] = { "x", "ü", "€", "😀" };
    static char text[65600];

    for (size_t n = 1; n; n = next_size(n)) {
        struct arena a;
        struct map_conf conf = im_conf();
        struct slice body = slice_of(text, n);
        struct map_im_stanza made;
        struct jid romeo = { SLICE("romeo"), SLICE("example.net"), { 0 } },
                   juliet = { SLICE("juliet"), SLICE("example.com"), { 0 } };
        struct sip_msg msg = { .is_request = true, .body = body, .call_id = SLICE("c") };
        struct map_im_sip_refusal refusal;
        struct map_im_xmpp_refusal xmpp_refusal;
        struct map_im_message m;
        struct xml run = { .is_text = true, .text = body };
        struct xml el = { .first = &run, .last = &run, .ns = SLICE("jabber:server"), .name = SLICE("body") };
        struct xml stanza = { .first = &el, .last = &el, .ns = el.ns, .name = SLICE("message") };
        struct buf out;
        enum map_im result;

        fill(text, n, characters[n % 4]);
        arena_init(&a, ARENA_MAX);
        buf_init(&out, ARENA_MAX);
        result = map_im_to_stanza(&a, &conf, &msg, &romeo, &juliet, SLICE(""), &out, &made, &refusal);
        /* The thread has a limit of its own. */
        assert_int_equal(result, n <= conf.body_max ? MAP_IM_OK : MAP_IM_REFUSED);
        if (result == MAP_IM_OK)
            assert_non_null(memmem(out.p, out.n, text, n));
        else
            assert_int_equal(refusal.status, 413);
        assert_int_equal(map_im_to_message(&a, &conf, &stanza, &juliet, &romeo, SLICE(""), n, &m, &xmpp_refusal),
                         MAP_IM_OK);
        assert_true(slice_eq(m.body, body));
        buf_free(&out);
        arena_reset(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(e3_no_stanza_adds_a_header),
        cmocka_unit_test(e4_no_MESSAGE_adds_an_element),
        cmocka_unit_test(e6_no_text_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
