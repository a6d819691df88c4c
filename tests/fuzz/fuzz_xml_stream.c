/*
 * The reader of streams. The first byte says how the rest is cut into pieces; a second reader gets it whole. Both must say
 * the same, and every element that is printed must read back and print the same again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "xmpp/xml.h"

#define MEMORY ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct reading {
    struct xml_reader *reader;
    struct buf events;
    struct buf last; /* the element seen last, printed */
    bool again;      /* this one reads what another has printed */
};

static const struct xml_limits limits = { .element_max = 8192, .tag_max = 2048, .depth_max = 16, .attrs_max = 16 };

/* Prints outgrow what was read: prefixes become declarations. */
static const struct xml_limits wide = {
    .element_max = 1 << 22, .tag_max = 1 << 20, .depth_max = 200, .attrs_max = 999
};

static void print_twice(const struct buf *printed);

static void on_open(void *owner, const struct xml *root)
{
    struct reading *r = owner;

    buf_char(&r->events, 'o');
    xml_put(&r->events, root, SLICE(""));
}

static void on_element(void *owner, struct xml *el)
{
    struct reading *r = owner;

    buf_clear(&r->last);
    xml_put(&r->last, el, SLICE(""));
    buf_char(&r->events, 'e');
    buf_put(&r->events, buf_slice(&r->last));
    if (!r->again && buf_ok(&r->last))
        print_twice(&r->last);
    if (!r->again && slice_is(el->name, "stop"))
        xml_reader_stop(r->reader);
}

static void on_close(void *owner)
{
    struct reading *r = owner;

    buf_char(&r->events, 'c');
}

static void init(struct reading *r, const struct xml_limits *with, bool again)
{
    static const struct xml_reader_ops ops = { on_open, on_element, on_close };

    r->again = again;
    buf_init(&r->events, 1 << 22);
    buf_init(&r->last, 1 << 20);
    r->reader = xml_reader_new(&ops, r, with, again ? (size_t)256 << 20 : MEMORY);
    assert(r->reader);
}

static void fini(struct reading *r)
{
    xml_reader_free(r->reader);
    buf_free(&r->events);
    buf_free(&r->last);
}

static void print_twice(const struct buf *printed)
{
    struct reading r;
    enum xml_fault fault;

    init(&r, &wide, true);
    fault = xml_reader_feed(r.reader, "<r>", 3);
    assert(fault == XML_OK);
    fault = xml_reader_feed(r.reader, printed->p, printed->n);
    assert(fault == XML_OK);
    assert(slice_eq(buf_slice(&r.last), buf_slice(printed)));
    fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice whole = n ? slice_of((const char *)data + 1, n - 1) : slice_of("", 0), rest = whole;
    uint32_t lcg = n ? data[0] : 0;
    enum xml_fault fault = XML_OK, fault_whole;
    struct reading pieces, once;

    init(&pieces, &limits, false);
    init(&once, &limits, false);
    fault_whole = xml_reader_feed(once.reader, whole.p, whole.n);
    while (rest.n && fault == XML_OK && !xml_reader_stopped(pieces.reader)) {
        struct slice piece;

        lcg = lcg * 1664525 + 1013904223;
        piece = slice_first(rest, 1 + (lcg >> 24) % (1 + n % 64));
        fault = xml_reader_feed(pieces.reader, piece.p, piece.n);
        rest = slice_from(rest, piece.n);
    }
    /* A fault inside an incomplete tag or reference may be seen later when it comes in pieces, and called otherwise. */
    if (fault != fault_whole) {
        static char xs[4096];

        memset(xs, 'x', sizeof(xs));
        assert(xml_reader_feed(pieces.reader, xs, sizeof(xs)) != XML_OK);
        assert(xml_reader_feed(once.reader, xs, sizeof(xs)) != XML_OK);
    }
    assert(slice_eq(buf_slice(&pieces.events), buf_slice(&once.events)));
    assert(xml_reader_stopped(pieces.reader) == xml_reader_stopped(once.reader));
    fini(&pieces);
    fini(&once);
    return 0;
}
