/* STOX-ADDR: addresses. What needs the wire (416, 404, OPTIONS) is shown elsewhere; here is the mapping itself. */
#include <unicase.h>
#include <uninorm.h>

#include "../unit/map/im_support.h"

#include "base/hash.h"
#include "base/text.h"
#include "map/address.h"
#include "map/error.h"

#define SEED 20260131
#define ROUNDS 100000

static const char *jid_text(struct arena *a, const struct jid *jid)
{
    struct buf b;
    const char *text;

    buf_init(&b, 16384);
    jid_put(&b, jid);
    text = c_str(a, buf_slice(&b));
    buf_free(&b);
    return text;
}

static enum map_address_fault to_jid(struct arena *a, const char *text, const struct map_aliases *aliases,
                                     struct jid *jid)
{
    struct sip_name_addr na;
    struct slice gr;

    if (!sip_name_addr_parse(slice_str(text), &na))
        fail_msg("not an address: %s", text);
    if (!sip_gruu(&na, &gr))
        gr = (struct slice){ 0 };
    return map_uri_to_jid(a, &na.uri, gr, aliases, jid);
}

static bool to_uri(struct arena *a, const char *text, const char **uri)
{
    struct jid jid;
    struct buf b;
    bool ok;

    if (!jid_parse(a, slice_str(text), &jid))
        fail_msg("not a JID: %s", text);
    buf_init(&b, 16384);
    ok = map_jid_to_uri(&b, &jid, true, NULL);
    *uri = c_str(a, buf_slice(&b));
    buf_free(&b);
    return ok;
}

static void s2x(const char *uri, const char *expect)
{
    struct arena a;
    struct jid jid;
    enum map_address_fault fault;

    arena_init(&a, ARENA_MAX);
    fault = to_jid(&a, uri, NULL, &jid);
    if (expect && fault != MAP_ADDRESS_OK)
        fail_msg("%s is refused (%d)", uri, fault);
    if (expect)
        assert_string_equal(jid_text(&a, &jid), expect);
    else
        assert_int_equal(fault, MAP_ADDRESS_MALFORMED);
    arena_reset(&a);
}

static void x2s(const char *jid, const char *expect)
{
    struct arena a;
    const char *uri;

    arena_init(&a, ARENA_MAX);
    assert_true(to_uri(&a, jid, &uri));
    assert_string_equal(uri, expect);
    arena_reset(&a);
}

/* Both ways, one the inverse of the other. */
static void both(const char *uri, const char *jid)
{
    struct arena a;

    arena_init(&a, ARENA_MAX);
    s2x(text_of(&a, "<%s>", uri), jid);
    x2s(jid, uri);
    arena_reset(&a);
}

static void STOX_ADDR_01_unescape_keep_escape(void **state)
{
    both("sip:f%C3%BC@sip.example", "fü@sip.example");
    both("sip:o'malley@sip.example", "o\\27malley@sip.example");
    both("sip:foo@sip.example;gr=bar", "foo@sip.example/bar");
    both("sip:m&m@sip.example", "m\\26m@sip.example");
    both("sip:a/b@sip.example", "a\\2fb@sip.example");
    both("sip:a;p=1@sip.example", "a;p=1@sip.example");
    both("sip:+15551234@sip.example", "+15551234@sip.example");
    both("sip:a%5Eb%60c%7Bd%7Ce%7D@xmpp.example", "a^b`c{d|e}@xmpp.example");
}

static void STOX_ADDR_02_reserved_is_percent_encoded_once(void **state)
{
    x2s("#%\\@d", "sip:%23%25%5C@d");
    x2s("50%25off@d", "sip:50%2525off@d");
    x2s("a[b]c@d", "sip:a%5Bb%5Dc@d");
}

static void STOX_ADDR_03_reserved_is_backslash_hex(void **state)
{
    s2x("sip:'/%40@d", "\\27\\2f\\40@d");
}

static void STOX_ADDR_04_percent_decodes_once_as_utf8(void **state)
{
    s2x("sip:f%C3%BC@d", "fü@d");
    s2x("sip:%2541@d", "%41@d");
    s2x("sip:%FF@d", NULL);
    s2x("sip:a%00b@d", NULL);
    s2x("sip:%C0%AF@d", NULL);
}

static void STOX_ADDR_05_all_ten_escapes(void **state)
{
    both("sip:a%20b@d", "a\\20b@d");
    both("sip:a%22b@d", "a\\22b@d");
    both("sip:a&b@d", "a\\26b@d");
    both("sip:a'b@d", "a\\27b@d");
    both("sip:a/b@d", "a\\2fb@d");
    both("sip:a%3Ab@d", "a\\3ab@d");
    both("sip:a%3Cb@d", "a\\3cb@d");
    both("sip:a%3Eb@d", "a\\3eb@d");
    both("sip:user%40corp@d", "user\\40corp@d");
    both("sip:a%5C5cb@d", "a\\5c5cb@d");
}

static void STOX_ADDR_06_backslash_look_alikes(void **state)
{
    both("sip:c%5C40d@d", "c\\5c40d@d");
    s2x("sip:c%5C2Fd@d", "c\\5c2fd@d");
    both("sip:x%5Cy@d", "x\\y@d");
}

static void STOX_ADDR_07_only_the_ten_are_unescaped(void **state)
{
    struct buf b;

    x2s("a\\zb@d", "sip:a%5Czb@d");
    x2s("a\\7eb@d", "sip:a%5C7eb@d");
    buf_init(&b, 100);
    map_unescape_local(&b, SLICE("a\\2Fb"));
    assert_true(slice_is(buf_slice(&b), "a\\2Fb"));
    buf_free(&b);
}

static void STOX_ADDR_08_no_space_at_the_edges(void **state)
{
    s2x("sip:%20a@d", NULL);
    s2x("sip:a%20@d", NULL);
    s2x("sip:%20@d", NULL);
    x2s("\\20a@d", "sip:%5C20a@d");
}

static void STOX_ADDR_09_domain_and_resource_are_never_escaped(void **state)
{
    both("sip:u@d;gr=a%20b%40c", "u@d/a b@c");
    both("sip:u@d;gr=a%5C40", "u@d/a\\40");
}

/* A SIP user part: octets from both sides' sets, the look-alikes of escapes more often than chance. */
static void random_user(struct buf *b, uint64_t *seed)
{
    static const char *const pieces[] = { "%5C",    "40",        "20",     "5c",  "2F",     "%20",       "%40",
                                          "%3A",    "%22",       "'",      "&",   "/",      ";",         "?",
                                          "%C3%BC", "%E2%82%AC", "%CE%B1", "%5c", "%25",    ".",         "=",
                                          "%7E",    "+",         "%5B",    "%61", "%CC%81", "%EF%BC%BC", "3a" };

    for (uint64_t n = 1 + next_random(seed) % 8; n; n--) {
        if (next_random(seed) % 2)
            buf_str(b, pieces[next_random(seed) % (sizeof(pieces) / sizeof(pieces[0]))]);
        else
            buf_char(b, "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_.!~*()"[next_random(seed) % 50]);
    }
}

struct name {
    struct hash_node node;
    struct slice key, value;
};

static bool name_matches(const struct hash_node *node, const void *key)
{
    return slice_eq(((const struct name *)node)->key, *(const struct slice *)key);
}

/* Remembers that key became value. False: another value became the same key before. */
static bool remember(struct arena *a, struct hash *h, struct slice key, struct slice value)
{
    uint64_t hash = hash_bytes(h, key);
    struct name *n = (struct name *)hash_find(h, hash, name_matches, &key);

    if (n)
        return slice_eq(n->value, value);
    n = arena_alloc(a, sizeof(*n));
    assert_non_null(n);
    n->key = arena_dup(a, key);
    n->value = arena_dup(a, value);
    assert_true(hash_add(h, &n->node, hash));
    return true;
}

/* What two user parts have in common when they are one person: decoded, plain width, lower case, composed. */
static struct slice normal_user(struct arena *a, struct slice user)
{
    struct buf b, plain;
    struct slice out;
    uint8_t *lower;
    size_t n = 0;

    buf_init(&b, 4096);
    buf_init(&plain, 4096);
    assert_true(text_unpercent(&b, user));
    for (size_t i = 0; i < b.n; i++) {
        bool wide = slice_starts(slice_from(buf_slice(&b), i), SLICE("\xef\xbc\xbc"));

        buf_char(&plain, wide ? '\\' : b.p[i]);
        i += wide ? 2 : 0;
    }
    lower = u8_tolower((const uint8_t *)plain.p, plain.n, NULL, UNINORM_NFC, NULL, &n);
    assert_non_null(lower);
    out = arena_dup(a, slice_of((char *)lower, n));
    free(lower);
    buf_free(&b);
    buf_free(&plain);
    return out;
}

struct names {
    struct arena arena;
    struct hash by_result;
    uint64_t seed;
    unsigned n_mapped;
};

static void names_init(struct names *n)
{
    *n = (struct names){ .seed = SEED };
    arena_init(&n->arena, (size_t)256 << 20);
    hash_init(&n->by_result);
}

static void names_fini(struct names *n, const char *what)
{
    print_message("%u of %u random %s mapped, seed %u\n", n->n_mapped, ROUNDS, what, SEED);
    assert_true(n->n_mapped > ROUNDS / 2);
    hash_free(&n->by_result);
    arena_reset(&n->arena);
}

static void user_there_and_back(struct names *names, struct slice user)
{
    struct sip_uri uri = { .scheme = SIP_SCHEME_SIP, .has_user = true, .user = user, .host = SLICE("d") }, again;
    struct arena *a = &names->arena;
    struct jid jid;
    struct buf b;

    if (map_uri_to_jid(a, &uri, (struct slice){ 0 }, NULL, &jid) != MAP_ADDRESS_OK)
        return;
    names->n_mapped++;
    if (!remember(a, &names->by_result, jid.local, normal_user(a, user)))
        fail_msg("two users become %s; one is %s", c_str(a, jid.local), c_str(a, user));
    buf_init(&b, 16384);
    if (!map_jid_to_uri(&b, &jid, false, NULL) || !sip_uri_parse(buf_slice(&b), &again))
        fail_msg("%s cannot come back from %s", c_str(a, user), c_str(a, jid.local));
    if (!slice_eq(normal_user(a, again.user), normal_user(a, user)))
        fail_msg("%s comes back as %s", c_str(a, user), c_str(a, again.user));
    buf_free(&b);
}

static void local_there_and_back(struct names *names, struct slice text)
{
    struct arena *a = &names->arena;
    struct jid jid = { .domain = SLICE("d") }, again;
    struct sip_uri uri;
    struct buf b;

    /* A name with \20 at an edge is no XEP-0106 name; vector V-ADDR-X2S-17 wants it to be written all the same. */
    if (!jid_prep_local(a, text, &jid.local) || slice_starts(jid.local, SLICE("\\20")) ||
        slice_ends(jid.local, SLICE("\\20")))
        return;
    buf_init(&b, 16384);
    if (map_jid_to_uri(&b, &jid, false, NULL)) {
        names->n_mapped++;
        if (!remember(a, &names->by_result, buf_slice(&b), jid.local))
            fail_msg("two localparts become %s; one is %s", c_str(a, buf_slice(&b)), c_str(a, jid.local));
        assert_true(sip_uri_parse(buf_slice(&b), &uri));
        if (map_uri_to_jid(a, &uri, (struct slice){ 0 }, NULL, &again) != MAP_ADDRESS_OK ||
            !slice_eq(again.local, jid.local))
            fail_msg("%s does not come back from %s", c_str(a, jid.local), c_str(a, buf_slice(&b)));
    }
    buf_free(&b);
}

static void STOX_ADDR_10_round_trip(void **state)
{
    static const char *const pieces[] = { "\\20", "\\40", "\\5c", "\\", "40",   "5c",  "ü", "€",   "α", "#",
                                          "%",    "%40",  "[",    "|",  "\\27", "\\2", "f", "\\3", "a", "́" };
    struct names users, locals;
    struct buf b;

    names_init(&users);
    names_init(&locals);
    buf_init(&b, 4096);
    for (unsigned i = 0; i < ROUNDS; i++) {
        buf_clear(&b);
        random_user(&b, &users.seed);
        user_there_and_back(&users, buf_slice(&b));
        buf_clear(&b);
        for (uint64_t n = 1 + next_random(&locals.seed) % 6; n; n--) {
            if (next_random(&locals.seed) % 2)
                buf_str(&b, pieces[next_random(&locals.seed) % (sizeof(pieces) / sizeof(pieces[0]))]);
            else
                buf_char(&b, "abcdefghijklmnopqrstuvwxyz0123456789-_.!~*()=+$,;?"[next_random(&locals.seed) % 50]);
        }
        local_there_and_back(&locals, buf_slice(&b));
    }
    buf_free(&b);
    names_fini(&users, "SIP users");
    names_fini(&locals, "localparts");
}

static void STOX_ADDR_11_resource_is_gr(void **state)
{
    both("sip:foo@sip.example;gr=bar", "foo@sip.example/bar");
    both("sip:foo@d;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
         "foo@d/urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
}

static void STOX_ADDR_12_temporary_gruu_is_no_resource(void **state)
{
    s2x("<sip:u@d;gr>", "u@d");
}

static void STOX_ADDR_13_gr_inside_or_outside(void **state)
{
    s2x("<sip:u@d;gr=x>;tag=1", "u@d/x");
    s2x("<sip:u@d>;gr=x;tag=1", "u@d/x");
    x2s("u@d/x", "sip:u@d;gr=x");
}

static void STOX_ADDR_14_no_slash_before_the_gr_value(void **state)
{
    x2s("baz@xmpp.example/qux", "sip:baz@xmpp.example;gr=qux");
    x2s("juliet@d/a/b?c", "sip:juliet@d;gr=a/b%3Fc");
}

static void STOX_ADDR_15_resource_is_percent_encoded(void **state)
{
    x2s("u@d/Bücher Regal@1;x=2", "sip:u@d;gr=B%C3%BCcher%20Regal%401%3Bx%3D2");
    x2s("u@d/?#\"<>,\\", "sip:u@d;gr=%3F%23%22%3C%3E%2C%5C");
}

static void STOX_ADDR_16_bad_gr_is_left_out(void **state)
{
    char gr[1100];

    s2x("<sip:u@d;gr=%FF>", "u@d");
    s2x("<sip:u@d;gr=a%01>", "u@d");
    memset(gr, 'x', sizeof(gr));
    memcpy(gr, "<sip:u@d;gr=", 12);
    memcpy(gr + 12 + 1024, ">", 2);
    s2x(gr, "u@d");
}

static void STOX_ADDR_17_parts_have_1023_octets(void **state)
{
    char uri[1100];

    memset(uri, 'x', sizeof(uri));
    memcpy(uri, "sip:", 4);
    memcpy(uri + 4 + 1024, "@d", 3);
    s2x(uri, NULL);
    memcpy(uri + 4 + 1023, "@d", 3);
    s2x(uri, uri + 4);
}

static void STOX_ADDR_18_localpart_is_case_mapped(void **state)
{
    s2x("sip:ROMEO@d", "romeo@d");
    s2x("sip:romeo@d", "romeo@d");
    s2x("sip:%C3%9CBER@d", "über@d");
    s2x("sip:%EF%BC%A1@d", "a@d");
}

static void STOX_ADDR_19_resource_keeps_case(void **state)
{
    s2x("<sip:u@d;gr=ABC>", "u@d/ABC");
    s2x("<sip:u@d;gr=abc>", "u@d/abc");
}

static void STOX_ADDR_20_u_labels_and_a_labels(void **state)
{
    both("sip:a@xn--bcher-kva.example", "a@bücher.example");
    s2x("sip:a@XN--BCHER-KVA.Example.", "a@bücher.example");
}

static void STOX_ADDR_21_malformed_jids(void **state)
{
    static const char *const malformed[] = { "\"juliet\"@example.net",  "@example.net", "a@", "foo bar@example.com",
                                             "juliet@example.com/ foo", "/foobar",      "" };
    struct arena a;
    struct jid jid;

    arena_init(&a, ARENA_MAX);
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        if (jid_parse(&a, slice_str(malformed[i]), &jid))
            fail_msg("%s is taken for a JID", malformed[i]);
    }
    assert_true(jid_parse(&a, SLICE("a.example.com/b@example.net"), &jid));
    assert_slice(&a, jid.domain, "a.example.com");
    assert_slice(&a, jid.resource, "b@example.net");
    arena_reset(&a);
}

static void STOX_ADDR_22_im_and_pres_are_served(void **state)
{
    s2x("im:juliet@example.com", "juliet@example.com");
    s2x("pres:juliet@example.com", "juliet@example.com");
}

static void STOX_ADDR_23_only_sip_is_written(void **state)
{
    x2s("juliet@example.com", "sip:juliet@example.com");
}

static void STOX_ADDR_24_contact_is_never_im(void **state)
{
    struct arena a;
    struct map_sip_error e;

    arena_init(&a, ARENA_MAX);
    map_error_to_sip(
        &a,
        stanza_of(&a, SLICE("<message type='error' from='a@b' to='c@d'><error type='cancel'><gone "
                            "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>im:a@b</gone></error></message>")),
        false, false, NULL, &e);
    assert_slice(&a, e.contact, "sip:a@b");
    arena_reset(&a);
}

static void STOX_ADDR_25_unknown_schemes_have_a_fault_of_their_own(void **state)
{
    struct arena a;
    struct jid jid;

    arena_init(&a, ARENA_MAX);
    assert_int_equal(to_jid(&a, "<nobodyKnowsThisScheme:totallyopaquecontent>", NULL, &jid), MAP_ADDRESS_SCHEME);
    assert_int_equal(to_jid(&a, "<http://www.example.com>", NULL, &jid), MAP_ADDRESS_SCHEME);
    arena_reset(&a);
}

static void STOX_ADDR_26_phone_numbers(void **state)
{
    struct arena a;
    struct jid jid;

    s2x("<sip:+15551234@d;user=phone>", "+15551234@d");
    arena_init(&a, ARENA_MAX);
    assert_int_equal(to_jid(&a, "<tel:+15551234>", NULL, &jid), MAP_ADDRESS_SCHEME);
    arena_reset(&a);
}

static void STOX_ADDR_27_domain_jid(void **state)
{
    struct s2x s;
    struct jid from, to;

    both("sip:example.net", "example.net");
    s2x_init(&s);
    assert_true(jid_parse(&s.arena, SLICE("romeo@example.net"), &from));
    assert_true(jid_parse(&s.arena, SLICE("example.com"), &to));
    assert_int_equal(map_im_to_stanza(&s.arena, &s.conf, sip_message(&s.arena, "", SLICE("x")), &from, &to, SLICE(""),
                                      &s.out, &s.made, &s.refusal),
                     MAP_IM_REFUSED);
    assert_int_equal(s.refusal.status, 404);
    s2x_fini(&s);
}

static void STOX_ADDR_28_anonymous_is_refused(void **state)
{
    struct s2x s;

    s2x_init(&s);
    s2x_msg(&s, sip_of_bytes(&s.arena, SLICE("MESSAGE sip:juliet@example.com SIP/2.0\r\n"
                                             "Via: SIP/2.0/TCP h;branch=z9hG4bKa\r\nMax-Forwards: 70\r\n"
                                             "To: <sip:juliet@example.com>\r\n"
                                             "From: \"Anonymous\" <sip:anonymous@Anonymous.INVALID>;tag=a\r\n"
                                             "Call-ID: a\r\nCSeq: 1 MESSAGE\r\nContent-Length: 1\r\n\r\nx")));
    assert_refused(&s, 403);
    s2x_fini(&s);
}

static void STOX_ADDR_29_alias_in_every_slot(void **state)
{
    static const struct map_alias table[] = { { SLICE("example.net"), SLICE("sip.example.net") },
                                              { SLICE("example.com"), SLICE("bücher.example") } };
    struct s2x s;
    struct x2s x;
    struct map_stanza_error e;

    s2x_init(&s);
    s.conf.aliases = (struct map_aliases){ table, 2 };
    s.conf.now_wall_s += 3600;
    s2x_msg(&s, sip_message(&s.arena, "Date: Wed, 01 Jan 2020 00:00:00 GMT\r\nContent-Type: message/cpim\r\n",
                            SLICE("From: <sip:romeo@example.net>\r\nTo: <sip:juliet@example.com>\r\n\r\n\r\nx")));
    assert_int_equal(s.result, MAP_IM_OK);
    assert_string_equal(attr_text(&s.arena, s.stanza, "from"), "romeo@sip.example.net");
    assert_string_equal(attr_text(&s.arena, s.stanza, "to"), "juliet@bücher.example");
    assert_string_equal(attr_text(&s.arena, xml_child(s.stanza, "urn:xmpp:delay", "delay"), "from"), "sip.example.net");

    x2s_init(&x);
    x.conf.aliases = s.conf.aliases;
    x2s_stanza(&x, "<message from='juliet@bücher.example/r' to='romeo@sip.example.net' id='1'><body>x</body></message>",
               "", 1);
    assert_slice(&x.arena, x.m.uri, "sip:romeo@example.net");
    assert_slice(&x.arena, x.msg->from.uri_text, "sip:juliet@example.com;gr=r");

    map_error_to_stanza(&s.arena, 301,
                        sip_of_bytes(&s.arena, SLICE("SIP/2.0 301 Moved\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKa\r\n"
                                                     "To: <sip:a@b>;tag=b\r\nFrom: <sip:c@d>;tag=a\r\nCall-ID: c\r\n"
                                                     "CSeq: 1 MESSAGE\r\nContact: <sip:romeo@example.net>\r\n"
                                                     "Content-Length: 0\r\n\r\n")),
                        &s.conf.aliases, &e);
    assert_slice(&s.arena, e.payload, "xmpp:romeo@sip.example.net");
    x2s_fini(&x);
    s2x_fini(&s);
}

/* The examples of RFC 3261 19.1.4. */
static void STOX_ADDR_30_uri_comparison(void **state)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        { "sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true },
        { "sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true },
        { "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true },
        { "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
          "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true },
        { "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
          "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true },
        { "SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false },
        { "sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false },
        { "sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false },
        { "sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false },
        { "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false },
        { "sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sip_uri a, b;

        assert_true(sip_uri_parse(slice_str(cases[i].a), &a) && sip_uri_parse(slice_str(cases[i].b), &b));
        if (sip_uri_eq(&a, &b) != cases[i].equal || sip_uri_eq(&b, &a) != cases[i].equal)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_ADDR_01_unescape_keep_escape),
        cmocka_unit_test(STOX_ADDR_02_reserved_is_percent_encoded_once),
        cmocka_unit_test(STOX_ADDR_03_reserved_is_backslash_hex),
        cmocka_unit_test(STOX_ADDR_04_percent_decodes_once_as_utf8),
        cmocka_unit_test(STOX_ADDR_05_all_ten_escapes),
        cmocka_unit_test(STOX_ADDR_06_backslash_look_alikes),
        cmocka_unit_test(STOX_ADDR_07_only_the_ten_are_unescaped),
        cmocka_unit_test(STOX_ADDR_08_no_space_at_the_edges),
        cmocka_unit_test(STOX_ADDR_09_domain_and_resource_are_never_escaped),
        cmocka_unit_test(STOX_ADDR_10_round_trip),
        cmocka_unit_test(STOX_ADDR_11_resource_is_gr),
        cmocka_unit_test(STOX_ADDR_12_temporary_gruu_is_no_resource),
        cmocka_unit_test(STOX_ADDR_13_gr_inside_or_outside),
        cmocka_unit_test(STOX_ADDR_14_no_slash_before_the_gr_value),
        cmocka_unit_test(STOX_ADDR_15_resource_is_percent_encoded),
        cmocka_unit_test(STOX_ADDR_16_bad_gr_is_left_out),
        cmocka_unit_test(STOX_ADDR_17_parts_have_1023_octets),
        cmocka_unit_test(STOX_ADDR_18_localpart_is_case_mapped),
        cmocka_unit_test(STOX_ADDR_19_resource_keeps_case),
        cmocka_unit_test(STOX_ADDR_20_u_labels_and_a_labels),
        cmocka_unit_test(STOX_ADDR_21_malformed_jids),
        cmocka_unit_test(STOX_ADDR_22_im_and_pres_are_served),
        cmocka_unit_test(STOX_ADDR_23_only_sip_is_written),
        cmocka_unit_test(STOX_ADDR_24_contact_is_never_im),
        cmocka_unit_test(STOX_ADDR_25_unknown_schemes_have_a_fault_of_their_own),
        cmocka_unit_test(STOX_ADDR_26_phone_numbers),
        cmocka_unit_test(STOX_ADDR_27_domain_jid),
        cmocka_unit_test(STOX_ADDR_28_anonymous_is_refused),
        cmocka_unit_test(STOX_ADDR_29_alias_in_every_slot),
        cmocka_unit_test(STOX_ADDR_30_uri_comparison),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
