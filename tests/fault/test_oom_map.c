/*
 * Parsers and mapping with memory running out: allocation number 0, 1, 2 ... fails, alone or with all behind it,
 * until the call gets through. Before that it must say that memory was missing, and nothing else: no crash, no leak, no half result, no
 * "no such user". The same with arenas that end after n bytes.
 */
#include "../unit/map/im_support.h"

#include "map/content.h"
#include "map/entity.h"
#include "map/error.h"
#include "oom.h"
#include "xmpp/parties.h"

enum outcome { DONE, NO_MEMORY, WRONG };

/* Everything a subject works on, made while memory is there. */
struct given {
    struct arena arena;
    struct map_conf conf;
    struct sip_msg *msg, *response;
    struct xml *stanza, *error, *question;
    struct sip_name_addr address;
    struct jid romeo, juliet, domain;
};

typedef enum outcome subject(const struct given *g, struct arena *a);

static void given_init(struct given *g)
{
    *g = (struct given){ .conf = im_conf() };
    arena_init(&g->arena, ARENA_MAX);
    g->msg = sip_message(
        &g->arena, "Content-Type: multipart/alternative;boundary=b\r\nDate: Tue, 31 Dec 2019 20:00:00 GMT\r\n",
        SLICE("--b\r\nContent-Type: message/cpim\r\n\r\nFrom: <sip:romeo@example.net>\r\nSubject: \\u00e9\r\n\r\n"
              "Content-Type: text/html;\r\n charset=iso-8859-1\r\nContent-Transfer-Encoding: base64\r\n\r\n"
              "PGI+Wvxy\r\naWNoPC9iPg==\r\n--b--"));
    g->msg->via.branch = SLICE("not-ours"); /* so that the id is a digest */
    g->response = sip_of_bytes(
        &g->arena, SLICE("SIP/2.0 301 Moved\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKa\r\nTo: <sip:a@b>;tag=b\r\n"
                         "From: <sip:c@d>;tag=a\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n"
                         "Contact: <sip:b%C3%BCcher@xn--bcher-kva.example;gr=a%20b>\r\nContent-Length: 0\r\n\r\n"));
    g->stanza = stanza_of(&g->arena,
                          SLICE("<message from='a@b' to='c@d' id='1' xml:lang='cs'><subject>s</subject><body>x &amp; y"
                                "</body><thread>a b=c</thread></message>"));
    g->error =
        stanza_of(&g->arena, SLICE("<message type='error' from='a@b' to='c@d'><error type='cancel'><gone "
                                   "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:b%C3%BCcher@d/x</gone><text "
                                   "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>why</text></error></message>"));
    g->question = stanza_of(&g->arena, SLICE("<iq type='get' id='1'><query "
                                             "xmlns='http://jabber.org/protocol/disco#info'/></iq>"));
    assert_true(jid_parse(&g->arena, SLICE("example.com"), &g->domain));
    assert_true(sip_name_addr_parse(SLICE("<sip:B%C3%9Ccher'%40%5C40@xn--bcher-kva.example;gr=%C3%BC>"), &g->address));
    assert_true(jid_parse(&g->arena, SLICE("romeo@example.net"), &g->romeo));
    assert_true(jid_parse(&g->arena, SLICE("juliet@bücher.example/ü x"), &g->juliet));
}

static enum outcome parse_sip(const struct given *g, struct arena *a)
{
    char text[] =
        "MESSAGE sip:juliet@example.com SIP/2.0\r\nv: SIP/2.0/TCP h;branch=z9hG4bKa\r\nMax-Forwards: 70\r\n"
        "To: <sip:juliet@example.com>\r\nFrom: <sip:romeo@example.net>;tag=a\r\nCall-ID: a\r\nCSeq: 1 MESSAGE\r\n"
        "Subject: a\r\n b\r\nContent-Length: 1\r\n\r\nx";
    struct sip_msg m;
    const char *fault;
    size_t used;

    /* The parser has one word for all that does not fit. */
    return sip_msg_parse(&m, a, text, sizeof(text) - 1, false, &used, &fault) == SIP_PARSE_OK ? DONE : NO_MEMORY;
}

static enum outcome parse_jid(const struct given *g, struct arena *a)
{
    struct jid jid;

    return jid_parse(a, SLICE("BÜcher@xn--bcher-kva.example/ü"), &jid) ? DONE : NO_MEMORY;
}

static bool is_ours(void *owner, struct slice domain)
{
    return true;
}

/* With an arena of its own, as a stanza's is: larger than any two addresses. */
static enum outcome judge_parties(const struct given *g, struct arena *unused)
{
    static const struct xmpp_ops ops = { .serves = is_ours };
    static const struct xmpp x = { .conf = { .ops = &ops } };
    struct xmpp_proven pair = { .local = SLICE("contoso.example"), .remote = SLICE("bücher.example") };
    enum xmpp_parties_fault fault;
    struct xmpp_parties p;
    struct list proven;
    struct arena a;
    bool whole;

    list_init(&proven);
    list_push(&proven, &pair.link);
    arena_init(&a, 262144);
    fault = xmpp_parties_judge(&x, &proven, &a, SLICE("BÜcher@xn--bcher-kva.example/ü"), SLICE("alice@contoso.example"),
                               &p);
    whole = p.from_ok && p.to_ok;
    arena_reset(&a);
    return fault == XMPP_PARTIES_NO_MEMORY ? NO_MEMORY : fault == XMPP_PARTIES_OK && whole ? DONE : WRONG;
}

static void ignore_element(void *owner, struct xml *el)
{
}

static enum outcome read_stream(const struct given *g, struct arena *a)
{
    static const char text[] =
        "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>"
        "<message from='a@b' to='c@d' xml:lang='en'><body>x &amp; <b xmlns='y'>y</b></body></message>";
    static const struct xml_limits limits = {
        .element_max = 65536, .tag_max = 16384, .depth_max = 64, .attrs_max = 128
    };
    static const struct xml_reader_ops ops = { .open = take_root, .element = ignore_element, .close = take_end };
    struct xml_reader *r;
    enum xml_fault fault;

    r = xml_reader_new(&ops, NULL, &limits, 1 << 20);
    fault = r ? xml_reader_feed(r, text, sizeof(text) - 1) : XML_NO_MEMORY;
    xml_reader_free(r);
    return fault == XML_OK ? DONE : fault == XML_NO_MEMORY ? NO_MEMORY : WRONG;
}

static enum outcome map_address(const struct given *g, struct arena *a)
{
    struct slice gr;
    struct jid jid;

    assert_true(sip_gruu(&g->address, &gr));
    switch (map_uri_to_jid(a, &g->address.uri, gr, NULL, &jid)) {
    case MAP_ADDRESS_OK: return slice_is(jid.local, "bücher\\27\\40\\5c40") && jid.resource.n ? DONE : WRONG;
    case MAP_ADDRESS_NO_MEMORY: return NO_MEMORY;
    default: return WRONG;
    }
}

static enum outcome map_to_stanza(const struct given *g, struct arena *a)
{
    struct map_im_sip_refusal refusal;
    enum map_im result;
    enum outcome outcome;
    struct map_im_stanza made;
    struct buf out;

    buf_init(&out, 65536);
    result = map_im_to_stanza(a, &g->conf, g->msg, &g->romeo, &g->juliet, SLICE(""), &out, &made, &refusal);
    outcome = result == MAP_IM_OK ? DONE : result == MAP_IM_NO_MEMORY ? NO_MEMORY : WRONG;
    if (outcome == DONE && (!memmem(out.p, out.n, ">Zürich<", 9) || !memmem(out.p, out.n, "</message>", 10)))
        outcome = WRONG;
    if (outcome != DONE && out.n)
        outcome = WRONG;
    buf_free(&out);
    return outcome;
}

static enum outcome map_to_message(const struct given *g, struct arena *a)
{
    struct map_im_xmpp_refusal refusal;
    struct map_im_message m;

    switch (map_im_to_message(a, &g->conf, g->stanza, &g->juliet, &g->romeo, SLICE("en"), 1, &m, &refusal)) {
    case MAP_IM_OK:
        return slice_is(m.call_id, "stox-YSBiPWM") && slice_is(m.body, "x & y") && m.headers.n && m.branch.n ? DONE
                                                                                                             : WRONG;
    case MAP_IM_NO_MEMORY: return NO_MEMORY;
    default: return WRONG;
    }
}

/* Errors are told even then: only the text and the new address may be missing. */
static enum outcome map_error_away(const struct given *g, struct arena *a)
{
    struct map_stanza_error e;

    map_error_to_stanza(a, 301, g->response, NULL, &e);
    if (e.condition != MAP_GONE)
        return WRONG;
    return e.text.n && slice_is(e.payload, "xmpp:b%C3%BCcher@b%C3%BCcher.example/a%20b") ? DONE : NO_MEMORY;
}

static enum outcome map_error_home(const struct given *g, struct arena *a)
{
    struct map_sip_error e;

    map_error_to_sip(a, g->error, true, false, NULL, &e);
    if (e.status != 301 && e.status != 410)
        return WRONG;
    return e.status == 301 && slice_is(e.contact, "sip:b%C3%BCcher@d;gr=x") && slice_is(e.reason, "why") ? DONE
                                                                                                         : NO_MEMORY;
}

/* Whole, or the buffer says that it is not. */
static enum outcome answer_iq(const struct given *g, struct arena *a)
{
    static const struct slice contact = { "abuse=mailto:a@b", 16 };
    const struct map_entity entity = { .version = "1", .contacts = &contact, .n_contacts = 1 };
    enum outcome outcome;
    struct buf out;

    buf_init(&out, 65536);
    if (!map_entity_answer(&out, &entity, g->question, &g->romeo, &g->domain))
        outcome = WRONG;
    else if (!buf_ok(&out))
        outcome = NO_MEMORY;
    else
        outcome = memmem(out.p, out.n, ">mailto:a@b<", 12) && memmem(out.p, out.n, "</iq>", 5) ? DONE : WRONG;
    buf_free(&out);
    return outcome;
}

static const struct {
    const char *name;
    subject *run;
} subjects[] = {
    { "sip_msg_parse", parse_sip },          { "jid_parse", parse_jid },
    { "xmpp_parties_judge", judge_parties }, { "xml_reader", read_stream },
    { "map_uri_to_jid", map_address },       { "map_im_to_stanza", map_to_stanza },
    { "map_im_to_message", map_to_message }, { "map_error_to_stanza", map_error_away },
    { "map_error_to_sip", map_error_home },  { "map_entity_answer", answer_iq },
};

struct attempt {
    const struct given *given;
    const char *name;
    subject *run;
};

static void attempt(const void *arg)
{
    const struct attempt *at = arg;
    enum outcome outcome;
    struct arena a;

    arena_init(&a, 1 << 20);
    OOM(outcome = at->run(at->given, &a));
    arena_reset(&a);
    if (outcome != (oom_failed() ? NO_MEMORY : DONE))
        fail_msg("%s, %s: %s", at->name, oom_failed() ? "memory was missing" : "memory was there",
                 outcome == WRONG  ? "a wrong result"
                 : outcome == DONE ? "a result"
                                   : "none");
}

static void allocations_run_out(void **state)
{
    struct given g;

    given_init(&g);
    for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
        oom_each(subjects[i].name, attempt, &(struct attempt){ &g, subjects[i].name, subjects[i].run });
    arena_reset(&g.arena);
}

static void arenas_run_out(void **state)
{
    struct given g;

    given_init(&g);
    for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
        enum outcome outcome = NO_MEMORY;
        size_t max = 0;

        for (; outcome == NO_MEMORY && max < 1 << 20; max += 8) {
            struct arena a;

            arena_init(&a, max);
            outcome = subjects[i].run(&g, &a);
            arena_reset(&a);
        }
        if (outcome != DONE)
            fail_msg("%s: %s with an arena of %zu bytes", subjects[i].name, outcome == WRONG ? "wrong" : "nothing",
                     max - 8);
        print_message("%s: %zu bytes\n", subjects[i].name, max - 8);
    }
    arena_reset(&g.arena);
}

/* The stanza's buffer too ends somewhere: nothing of it is left behind. */
static void buffers_run_out(void **state)
{
    struct given g;
    size_t max = 0;
    bool done = false;

    given_init(&g);
    for (; !done; max++) {
        struct map_im_sip_refusal refusal;
        struct arena a;
        struct buf out;
        struct map_im_stanza made;
        enum map_im result;

        arena_init(&a, 1 << 20);
        buf_init(&out, max);
        result = map_im_to_stanza(&a, &g.conf, g.msg, &g.romeo, &g.juliet, SLICE(""), &out, &made, &refusal);
        done = result == MAP_IM_OK;
        assert_true(done ? out.n == max : result == MAP_IM_NO_MEMORY && out.n == 0);
        buf_free(&out);
        arena_reset(&a);
    }
    print_message("the stanza has %zu bytes\n", max - 1);
    arena_reset(&g.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_run_out),
        cmocka_unit_test(arenas_run_out),
        cmocka_unit_test(buffers_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
