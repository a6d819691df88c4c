/* What the tests of the mapping need: SIP messages and stanzas from text. Everything lives in the caller's arena. */
#ifndef STOX_TESTS_MAP_SUPPORT_H
#define STOX_TESTS_MAP_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "sip/msg.h"
#include "xmpp/xml.h"

#define ARENA_MAX ((size_t)8 << 20)

/* printf into the arena, NUL-terminated. */
__attribute__((format(printf, 2, 3))) static inline char *text_of(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char *p;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    p = arena_alloc(a, (size_t)n + 1);
    assert_non_null(p);
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

static inline const char *c_str(struct arena *a, struct slice s)
{
    return text_of(a, "%.*s", SLICE_FMT(s));
}

/* Slice against C string, both shown when they differ. */
#define assert_slice(a, s, expected) assert_string_equal(c_str((a), (s)), (expected))

static inline struct sip_msg *sip_of_bytes(struct arena *a, struct slice bytes)
{
    struct sip_msg *m = arena_zalloc(a, sizeof(*m));
    struct slice copy = arena_dup(a, bytes);
    const char *fault = NULL;
    size_t used;

    assert_non_null(m);
    if (sip_msg_parse(m, a, (char *)copy.p, copy.n, false, &used, &fault) != SIP_PARSE_OK)
        fail_msg("not parsed (%s):\n%.*s", fault, (int)bytes.n, bytes.p);
    return m;
}

/* A MESSAGE from Romeo to Juliet; lines: further header lines with CRLF. */
static inline struct sip_msg *sip_message(struct arena *a, const char *lines, struct slice body)
{
    struct buf b;
    struct sip_msg *m;

    buf_init(&b, ARENA_MAX);
    buf_printf(&b,
               "MESSAGE sip:juliet@example.com SIP/2.0\r\n"
               "Via: SIP/2.0/TCP s2x.example.net;branch=z9hG4bKeskdgs677\r\n"
               "Max-Forwards: 70\r\n"
               "To: <sip:juliet@example.com>\r\n"
               "From: <sip:romeo@example.net>;tag=vwxyz\r\n"
               "Call-ID: 9E97FB43-85F4-4A00-8751-1124FD4C7B2E\r\n"
               "CSeq: 1 MESSAGE\r\n"
               "%sContent-Length: %zu\r\n\r\n",
               lines, body.n);
    buf_put(&b, body);
    assert_true(buf_ok(&b));
    m = sip_of_bytes(a, buf_slice(&b));
    buf_free(&b);
    return m;
}

static inline struct slice dup_or_fail(struct arena *a, struct slice s)
{
    s = arena_dup(a, s);
    assert_non_null(s.p);
    return s;
}

/* A copy that outlives the reader's callback. */
static inline struct xml *xml_copy(struct arena *a, const struct xml *el)
{
    struct xml *copy = arena_zalloc(a, sizeof(*copy));
    struct xml_attr **end = &copy->attrs;

    assert_non_null(copy);
    copy->is_text = el->is_text;
    copy->text = dup_or_fail(a, el->text);
    copy->ns = dup_or_fail(a, el->ns);
    copy->name = dup_or_fail(a, el->name);
    for (const struct xml_attr *at = el->attrs; at; at = at->next) {
        struct xml_attr *to = arena_zalloc(a, sizeof(*to));

        assert_non_null(to);
        to->ns = dup_or_fail(a, at->ns);
        to->name = dup_or_fail(a, at->name);
        to->value = dup_or_fail(a, at->value);
        *end = to;
        end = &to->next;
    }
    for (const struct xml *child = el->first; child; child = child->next) {
        struct xml *to = xml_copy(a, child);

        if (copy->last)
            copy->last->next = to;
        else
            copy->first = to;
        copy->last = to;
    }
    return copy;
}

struct stanza_taker {
    struct arena *arena;
    struct xml *first;
    unsigned n;
};

static inline void take_stanza(void *owner, struct xml *el)
{
    struct stanza_taker *t = owner;

    if (!t->first)
        t->first = xml_copy(t->arena, el);
    t->n++;
}

static inline void take_root(void *owner, const struct xml *root)
{
}

static inline void take_end(void *owner)
{
}

/* The one stanza that text is, read as a server would read it; NULL when it is none, or more than one. */
static inline struct xml *stanza_or_null(struct arena *a, struct slice text)
{
    static const char root[] = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
                               "version='1.0'>";
    static const struct xml_reader_ops ops = { .open = take_root, .element = take_stanza, .close = take_end };
    static const struct xml_limits limits = {
        .element_max = 1 << 20, .tag_max = 16384, .depth_max = 64, .attrs_max = 128
    };
    struct stanza_taker t = { .arena = a };
    struct xml_reader *r = xml_reader_new(&ops, &t, &limits, (size_t)8 << 20);
    enum xml_fault fault;

    assert_non_null(r);
    fault = xml_reader_feed(r, root, sizeof(root) - 1);
    if (fault == XML_OK)
        fault = xml_reader_feed(r, text.p, text.n);
    xml_reader_free(r);
    return fault == XML_OK && t.n == 1 ? t.first : NULL;
}

static inline struct xml *stanza_of(struct arena *a, struct slice text)
{
    struct xml *el = stanza_or_null(a, text);

    if (!el)
        fail_msg("no stanza: %.*s", SLICE_FMT(text));
    return el;
}

/* Text of the first child of this name in the stanza's namespace; NULL: none. */
static inline const char *child_text(struct arena *a, const struct xml *stanza, const char *name)
{
    const struct xml *el = xml_child(stanza, "jabber:server", name);

    return el ? c_str(a, xml_text(a, el)) : NULL;
}

static inline const char *attr_text(struct arena *a, const struct xml *el, const char *name)
{
    struct slice v = xml_attr(el, name);

    return v.p ? c_str(a, v) : NULL;
}

/* xorshift: the same run for the same seed. */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
