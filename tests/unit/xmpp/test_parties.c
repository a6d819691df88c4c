/*
 * Threat I6: whose a stanza is, on a stream where pairs of domains were proven. Addresses made to look like others, and
 * 10^5 mutated ones, are judged by the gateway and by a reference that is slow and obvious: it takes an address apart a
 * character at a time, knows by heart what each foreign character of the mutations stands for, and compares whole names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "xmpp/parties.h"

#define ROUNDS 100000
#define SEED 20260131u
#define TEXT_MAX 4096

/* ---- the world: what is ours, what was proven ---- */

static const char *const hosted[] = { "contoso.example", "second.example", "third.example" };

static const struct {
    const char *local, *remote;
    enum { VERIFYING, PROVEN, REVOKED } how;
} pairs[] = {
    { "contoso.example", "fabrikam.example", PROVEN },    { "second.example", "fabrikam.example", PROVEN },
    { "contoso.example", "bücher.example", PROVEN },      { "second.example", "bücher.example", VERIFYING },
    { "contoso.example", "tailspin.example", VERIFYING }, { "third.example", "evil.fabrikam.example", PROVEN },
    { "second.example", "mallory.example", REVOKED },
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

static bool is_hosted(void *owner, struct slice domain)
{
    for (size_t i = 0; i < N(hosted); i++)
        if (slice_is(domain, hosted[i]))
            return true;
    return false;
}

static const struct xmpp_ops ops = { .serves = is_hosted };
static const struct xmpp world = { .conf = { .ops = &ops } };

struct given {
    struct list proven;
    struct xmpp_proven entries[N(pairs)];
};

static void begin(struct given *g, bool with_proven)
{
    list_init(&g->proven);
    for (size_t i = 0; i < N(pairs); i++) {
        g->entries[i] =
            (struct xmpp_proven){ .local = slice_str(pairs[i].local), .remote = slice_str(pairs[i].remote) };
        if (pairs[i].how == VERIFYING)
            g->entries[i].verify = (struct xmpp_verify *)g; /* never looked into */
        g->entries[i].revoked = pairs[i].how == REVOKED;
        if (with_proven || pairs[i].how == VERIFYING)
            list_push(&g->proven, &g->entries[i].link);
    }
}

/* ---- the reference ---- */

enum sure { BAD, GOOD, ELSE }; /* ELSE: whatever it is, it is none of the world's names */

struct part {
    enum sure sure;
    char text[TEXT_MAX];
    size_t n;
};

/* What a character beyond ASCII stands for in a domain name; the others change a name into another one. */
static const struct {
    const char *from, *to;
} stands_for[] = {
    { "\uFF46", "f" }, { "\u212A", "k" }, { "\u017F", "s" },  { "\uFF0E", "." },  { "\u3002", "." },
    { "\uFF20", "@" }, { "\uFF0F", "/" }, { "u\u0308", "ü" }, { "U\u0308", "ü" }, { "\u00DC", "\u00FC" },
};

static void add(struct part *p, const char *text, size_t n)
{
    assert_true(p->n + n < sizeof(p->text));
    memcpy(p->text + p->n, text, n);
    p->n += n;
}

/* The name in other letters: small, and each character as what it stands for. */
static void rewrite(struct part *p, const char *text, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t i = 0;
        char c = text[at];

        while (i < N(stands_for) && (strlen(stands_for[i].from) > n - at ||
                                     memcmp(text + at, stands_for[i].from, strlen(stands_for[i].from)) != 0))
            i++;
        if (i < N(stands_for)) {
            add(p, stands_for[i].to, strlen(stands_for[i].to));
            at += strlen(stands_for[i].from);
        } else {
            c = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
            add(p, &c, 1);
            at++;
        }
    }
}

static enum sure judge_label(const char *p, size_t n)
{
    if (n == 0)
        return BAD;
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)p[i] >= 0x80)
            return n == strlen("bücher") && memcmp(p, "bücher", n) == 0 ? GOOD : ELSE;
    }
    if (n > 63 || p[0] == '-' || p[n - 1] == '-')
        return BAD;
    for (size_t i = 0; i < n; i++) {
        if (!(p[i] >= 'a' && p[i] <= 'z') && !(p[i] >= '0' && p[i] <= '9') && p[i] != '-')
            return BAD;
    }
    if (n >= 4 && p[2] == '-' && p[3] == '-')
        return p[0] == 'x' && p[1] == 'n' ? ELSE : BAD;
    return GOOD;
}

/* Of A-labels only this one is known; the text is put where it stood. */
static void spell_out(struct part *p)
{
    static const char a_label[] = "xn--bcher-kva";
    struct part out = { .sure = p->sure };

    for (size_t at = 0; at < p->n;) {
        size_t end = at;

        while (end < p->n && p->text[end] != '.')
            end++;
        if (end - at == strlen(a_label) && memcmp(p->text + at, a_label, end - at) == 0)
            add(&out, "bücher", strlen("bücher"));
        else
            add(&out, p->text + at, end - at);
        if (end < p->n)
            add(&out, ".", 1);
        at = end + 1;
    }
    *p = out;
}

static void judge_domain(struct part *out, const char *text, size_t n)
{
    *out = (struct part){ .sure = GOOD };
    if (n && text[0] == '[') { /* no address literal is in the world */
        out->sure = ELSE;
        return;
    }
    if (n && text[n - 1] == '.')
        n--;
    rewrite(out, text, n);
    spell_out(out);
    if (out->n == 0 || out->n > 253)
        out->sure = BAD;
    for (size_t at = 0; at <= out->n;) {
        size_t end = at;
        enum sure label;

        while (end < out->n && out->text[end] != '.')
            end++;
        label = judge_label(out->text + at, end - at);
        if (label == ELSE || out->sure == GOOD)
            out->sure = label;
        at = end + 1;
    }
}

static void judge_local(struct part *out, const char *text, size_t n)
{
    *out = (struct part){ .sure = n == 0 || n > 1023 ? BAD : GOOD };
    for (size_t i = 0; i < n; i++) {
        char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 'a' - 'A') : text[i];

        if ((unsigned char)c >= 0x80) {
            out->sure = ELSE;
            return;
        }
        if (c <= 0x20 || c == 0x7F || c == '"' || c == '&' || c == '\'' || c == '/' || c == ':' || c == '<' ||
            c == '>' || c == '@')
            out->sure = BAD;
        add(out, &c, 1);
    }
}

static void judge_resource(struct part *out, const char *text, size_t n)
{
    *out = (struct part){ .sure = n == 0 || n > 1023 || text[0] == ' ' ? BAD : GOOD };
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)text[i] >= 0x80) {
            out->sure = ELSE;
            return;
        }
        if (text[i] < 0x20 || text[i] == 0x7F)
            out->sure = BAD;
        add(out, &text[i], 1);
    }
}

struct address {
    struct part local, domain, resource;
    bool has_local, has_resource;
    enum sure whole; /* of all three */
};

/* RFC 7622 3.2, word for word: off with what stands behind the first '/', then with what stands before the first '@'. */
static void take_apart(struct address *a, struct slice text)
{
    const char *p = text.p;
    size_t n = 0, at = 0;
    const enum sure *parts[2] = { &a->local.sure, &a->resource.sure };

    a->local = a->resource = (struct part){ .sure = GOOD };
    while (n < text.n && p[n] != '/')
        n++;
    a->has_resource = n < text.n;
    if (a->has_resource)
        judge_resource(&a->resource, p + n + 1, text.n - n - 1);
    while (at < n && p[at] != '@')
        at++;
    a->has_local = at < n;
    if (a->has_local)
        judge_local(&a->local, p, at);
    at = a->has_local ? at + 1 : 0;
    judge_domain(&a->domain, p + at, n - at);
    a->whole = GOOD;
    for (size_t i = 0; i < 2; i++) {
        if (*parts[i] == BAD)
            a->whole = BAD;
        else if (*parts[i] == ELSE && a->whole == GOOD)
            a->whole = ELSE;
    }
}

static bool is_name(const struct part *p, const char *name)
{
    return p->sure == GOOD && p->n == strlen(name) && memcmp(p->text, name, p->n) == 0;
}

/* *open: of two faults the reference cannot tell which it is, as it does not know whether such a name can exist. */
static enum xmpp_parties_fault judge(const struct address *from, const struct address *to, bool *open)
{
    bool from_any = false, to_ours = false;

    *open = from->domain.sure == ELSE || to->domain.sure == ELSE;
    if (to->domain.sure == BAD)
        return XMPP_PARTIES_IMPROPER;
    if (from->domain.sure == BAD)
        return XMPP_PARTIES_FOREIGN;
    for (size_t i = 0; i < N(pairs); i++) {
        if (pairs[i].how != VERIFYING && is_name(&from->domain, pairs[i].remote) &&
            is_name(&to->domain, pairs[i].local))
            return pairs[i].how == PROVEN ? XMPP_PARTIES_OK : XMPP_PARTIES_REVOKED;
        from_any |= pairs[i].how == PROVEN && is_name(&from->domain, pairs[i].remote);
    }
    for (size_t i = 0; i < N(hosted); i++)
        to_ours |= is_name(&to->domain, hosted[i]);
    return !from_any ? XMPP_PARTIES_FOREIGN : to_ours ? XMPP_PARTIES_OTHER_PAIR : XMPP_PARTIES_UNKNOWN_HOST;
}

/* ---- mutations ---- */

static const char *const bases[] = {
    "romeo@fabrikam.example",
    "romeo@fabrikam.example/orchard",
    "fabrikam.example",
    "Romeo@FABRIKAM.Example/a b",
    "hans@bücher.example",
    "hans@xn--bcher-kva.example/x",
    "romeo@tailspin.example",
    "x@evil.fabrikam.example",
    "mallory@mallory.example/fabrikam.example",
    "alice@contoso.example",
    "alice@contoso.example/desk",
    "contoso.example",
    "bob@second.example",
    "carol@third.example",
    "alice@contoso.example.",
    "fabrikam.example@mallory.example",
    "[2001:db8::1]",
};

static const char *const pieces[] = {
    "@",
    "/",
    ".",
    "..",
    "-",
    "_",
    " ",
    "\t",
    "\n",
    "%40",
    "%2F",
    "\\40",
    "[",
    "]",
    ":",
    ":5269",
    "xn--",
    "<",
    "&",
    "\"",
    "'",
    "\x7F",
    "\x01",
    "@fabrikam.example",
    "fabrikam.example/",
    "fabrikam.example@",
    "@mallory.example",
    ".example",
    "contoso.example",
    "mallory",
    "sub.",
    "evil.",
    "romeo",
    "F",
    "A",
    "O",
    "K",
    "S",
    "ü",
    "Ü",
    "u\u0308",
    "U\u0308",
    "\u0308",
    "\uFF46",
    "\uFF0E",
    "\u3002",
    "\uFF20",
    "\uFF0F",
    "\u212A",
    "\u017F",
    "\u0435",
    "\u00AD",
    "\u200B",
    "\u200D",
    "\u2060",
    "\uFEFF",
    "\u00DF",
    "\u0131",
    "\u0130",
    "\u2024",
    "\uFE52",
    "\u2044",
    "\u202E",
    "\xFF",
    "\xC0\xAF",
    "\xC0\x80",
    "\xED\xA0\x80",
    "\xC3",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};

static uint32_t any_below(uint32_t *seed, size_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(*seed >> 8) * below >> 24);
}

struct text {
    char p[1024];
    size_t n;
};

static void put_at(struct text *t, size_t at, size_t gone, const char *in, size_t n)
{
    assert_true(t->n - gone + n < sizeof(t->p));
    memmove(t->p + at + n, t->p + at + gone, t->n - at - gone);
    memcpy(t->p + at, in, n);
    t->n = t->n - gone + n;
}

static void mutate(struct text *t, uint32_t *seed)
{
    const char *piece = pieces[any_below(seed, N(pieces))];
    size_t at = any_below(seed, t->n + 1);
    char byte = (char)any_below(seed, 256);

    switch (any_below(seed, 6)) {
    case 0:
    case 1: put_at(t, at, 0, piece, strlen(piece)); break;
    case 2: put_at(t, at, at < t->n ? 1 : 0, piece, strlen(piece)); break;
    case 3: put_at(t, at, at < t->n ? 1 : 0, "", 0); break;
    case 4: put_at(t, at, at < t->n ? 1 : 0, &byte, 1); break;
    case 5: /* the letter in another shape */
        if (at < t->n && t->p[at] == 'f')
            put_at(t, at, 1, "\uFF46", strlen("\uFF46"));
        else if (at < t->n && t->p[at] == '.')
            put_at(t, at, 1, "\u3002", strlen("\u3002"));
        else if (at < t->n && t->p[at] >= 'a' && t->p[at] <= 'z')
            t->p[at] = (char)(t->p[at] - 'a' + 'A');
        break;
    }
}

/* Mostly one that could pass, so that what is changed decides. */
static struct text make(uint32_t *seed, size_t first, size_t n_usual)
{
    const char *base = bases[any_below(seed, 4) ? first + any_below(seed, n_usual) : any_below(seed, N(bases))];
    struct text t = { .n = strlen(base) };

    memcpy(t.p, base, t.n);
    for (uint32_t n = any_below(seed, 3); n; n--)
        mutate(&t, seed);
    return t;
}

/* ---- both together ---- */

static bool same(struct slice got, const struct part *want)
{
    return want->sure == ELSE || slice_eq(got, slice_of(want->text, want->n));
}

/* A whole address reads the same again: what was judged is what goes on. */
static bool is_settled(struct arena *a, const struct jid *jid)
{
    struct jid again;
    struct buf b;
    bool ok;

    buf_init(&b, TEXT_MAX);
    jid_put(&b, jid);
    ok = jid_parse(a, buf_slice(&b), &again) && jid_eq(jid, &again);
    buf_free(&b);
    return ok;
}

/* The address as it goes on is the one that the reference read. */
static bool agrees(struct arena *a, const struct jid *jid, bool ok, const struct address *want)
{
    if (!same(jid->domain, &want->domain))
        return false;
    if (want->whole == ELSE ? !ok : want->whole == BAD)
        return !ok && !jid->local.n && !jid->resource.n;
    return ok && same(jid->local, &want->local) && same(jid->resource, &want->resource) && is_settled(a, jid);
}

/* Addresses count, to whatever end. */
static bool passes(enum xmpp_parties_fault fault)
{
    return fault == XMPP_PARTIES_OK || fault == XMPP_PARTIES_REVOKED;
}

static enum xmpp_parties_fault compare(struct given *g, struct slice from, struct slice to, unsigned round)
{
    struct address want_from, want_to;
    enum xmpp_parties_fault got, want;
    struct xmpp_parties p;
    struct arena a;
    bool open, same_fault;

    arena_init(&a, 1 << 20);
    got = xmpp_parties_judge(&world, &g->proven, &a, from, to, &p);
    take_apart(&want_from, from);
    take_apart(&want_to, to);
    want = judge(&want_from, &want_to, &open);
    if (!from.n || !to.n) {
        want = XMPP_PARTIES_IMPROPER;
        open = false;
    }
    same_fault =
        open ? passes(got) == passes(want) && (got == XMPP_PARTIES_OK) == (want == XMPP_PARTIES_OK) : got == want;
    if (!same_fault ||
        (passes(got) && (!agrees(&a, &p.from, p.from_ok, &want_from) || !agrees(&a, &p.to, p.to_ok, &want_to))))
        fail_msg("seed %u, round %u: from \"%.*s\" to \"%.*s\": %d, and %d by the reference", SEED, round,
                 SLICE_FMT(from), SLICE_FMT(to), (int)got, (int)want);
    arena_reset(&a);
    return got;
}

static void I6_mutated_addresses_are_judged_as_the_obvious_reference_does(void **state)
{
    unsigned n[XMPP_PARTIES_NO_MEMORY] = { 0 };
    uint32_t seed = SEED;
    struct given g;

    begin(&g, true);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct text from = make(&seed, 0, 9), to = make(&seed, 9, 6);

        n[compare(&g, slice_of(from.p, from.n), slice_of(to.p, to.n), round)]++;
    }
    print_message("%u pairs of addresses, seed %u: %u pass, %u improper, %u foreign, %u unknown host, %u other pair, "
                  "%u revoked\n",
                  ROUNDS, SEED, n[XMPP_PARTIES_OK], n[XMPP_PARTIES_IMPROPER], n[XMPP_PARTIES_FOREIGN],
                  n[XMPP_PARTIES_UNKNOWN_HOST], n[XMPP_PARTIES_OTHER_PAIR], n[XMPP_PARTIES_REVOKED]);
    for (size_t i = 0; i < N(n); i++)
        assert_true(i == XMPP_PARTIES_UNPROVEN || n[i] > 200); /* each of them was tried */
}

static void I6_chosen_addresses(void **state)
{
    static const struct {
        const char *from, *to;
        enum xmpp_parties_fault fault;
    } cases[] = {
        { "romeo@fabrikam.example", "alice@contoso.example", XMPP_PARTIES_OK },
        { "ROMEO@FABRIKAM.EXAMPLE.", "CONTOSO.example", XMPP_PARTIES_OK },
        { "romeo@\uFF46abri\u212Aam\u3002example", "alice@second.example", XMPP_PARTIES_OK },
        { "hans@BU\u0308CHER.example", "alice@contoso.example", XMPP_PARTIES_OK },
        { "hans@xn--bcher-kva.example", "alice@contoso.example", XMPP_PARTIES_OK },
        { "", "alice@contoso.example", XMPP_PARTIES_IMPROPER },
        { "romeo@fabrikam.example", "", XMPP_PARTIES_IMPROPER },
        { "romeo@fabrikam.example", "alice@contoso..example", XMPP_PARTIES_IMPROPER },
        { "romeo@fabrikam.example", "alice@unserved.example", XMPP_PARTIES_UNKNOWN_HOST },
        { "romeo@fabrikam.example", "alice@third.example", XMPP_PARTIES_OTHER_PAIR },
        { "hans@bücher.example", "alice@second.example", XMPP_PARTIES_OTHER_PAIR },  /* is being verified */
        { "romeo@tailspin.example", "alice@contoso.example", XMPP_PARTIES_FOREIGN }, /* likewise */
        { "romeo@evil.fabrikam.example", "alice@contoso.example", XMPP_PARTIES_OTHER_PAIR },
        { "romeo@sub.fabrikam.example", "alice@contoso.example", XMPP_PARTIES_FOREIGN },
        { "romeo@xfabrikam.example", "alice@contoso.example", XMPP_PARTIES_FOREIGN },
        { "romeo@fabrikam.example.mallory.example", "alice@contoso.example", XMPP_PARTIES_FOREIGN },
        { "romeo@mallory.example/fabrikam.example", "alice@contoso.example", XMPP_PARTIES_FOREIGN },
        { "romeo@mallory.example/@fabrikam.example", "alice@contoso.example", XMPP_PARTIES_FOREIGN },
        { "romeo@fabrikam.example@mallory.example", "alice@contoso.example", XMPP_PARTIES_FOREIGN },
        { "mallory.example/romeo@fabrikam.example", "alice@contoso.example", XMPP_PARTIES_FOREIGN },
        { "mallory.example\uFF0Fromeo@fabrikam.example", "alice@contoso.example", XMPP_PARTIES_OK }, /* a local part */
        { "romeo@fabrikam.exampl\u0435", "alice@contoso.example", XMPP_PARTIES_FOREIGN },
        { "romeo@fabri\u00ADkam.example", "alice@contoso.example", XMPP_PARTIES_FOREIGN },
        { "romeo@fabrikam.example\uFF0F.mallory.example", "alice@contoso.example", XMPP_PARTIES_FOREIGN },
        { "romeo@fabrikam.example:5269", "alice@contoso.example", XMPP_PARTIES_FOREIGN },
        { "@fabrikam.example", "alice@contoso.example", XMPP_PARTIES_OK }, /* malformed, of a user of theirs */
    };
    struct given g;

    begin(&g, true);
    for (size_t i = 0; i < N(cases); i++) {
        enum xmpp_parties_fault got = compare(&g, slice_str(cases[i].from), slice_str(cases[i].to), (unsigned)i);

        if (got != cases[i].fault)
            fail_msg("case %zu: %d", i, (int)got);
    }
}

static void nobody_speaks_before_a_pair_is_proven(void **state)
{
    struct xmpp_parties p;
    struct given g;
    struct arena a;

    arena_init(&a, 1 << 16);
    begin(&g, false);
    assert_int_equal(
        xmpp_parties_judge(&world, &g.proven, &a, SLICE("romeo@fabrikam.example"), SLICE("alice@contoso.example"), &p),
        XMPP_PARTIES_UNPROVEN);
    assert_int_equal(
        xmpp_parties_judge(&world, &g.proven, &a, SLICE("romeo@tailspin.example"), SLICE("alice@contoso.example"), &p),
        XMPP_PARTIES_UNPROVEN);
    assert_int_equal(xmpp_parties_judge(&world, &g.proven, &a, SLICE(""), SLICE(""), &p), XMPP_PARTIES_UNPROVEN);
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(I6_chosen_addresses),
        cmocka_unit_test(I6_mutated_addresses_are_judged_as_the_obvious_reference_does),
        cmocka_unit_test(nobody_speaks_before_a_pair_is_proven),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
