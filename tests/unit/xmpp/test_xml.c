/* Trees: finding things in them, and that what is printed reads back as the same tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rand.h"
#include "base/text.h"
#include "reader_trace.h"

#define NS_XML "http://www.w3.org/XML/1998/namespace"

/* Reads one element in a stream of its own and calls look with it. */
struct reading {
    void (*look)(struct xml *el, void *arg);
    void *arg;
    unsigned seen;
};

static void on_open(void *owner, const struct xml *root)
{
}

static void on_element(void *owner, struct xml *el)
{
    struct reading *r = owner;

    r->seen++;
    r->look(el, r->arg);
}

static void on_close(void *owner)
{
}

static void read_xml(struct slice text, void (*look)(struct xml *el, void *arg), void *arg)
{
    static const struct xml_reader_ops ops = { on_open, on_element, on_close };
    struct xml_limits limits = { .element_max = 1 << 22, .tag_max = 1 << 20, .depth_max = 256, .attrs_max = 1000 };
    struct reading r = { look, arg, 0 };
    struct xml_reader *reader = xml_reader_new(&ops, &r, &limits, (size_t)256 << 20);

    assert_non_null(reader);
    assert_int_equal(xml_reader_feed(reader, "<s xmlns='d'>", 13), XML_OK);
    if (xml_reader_feed(reader, text.p, text.n) != XML_OK)
        fail_msg("not read back: %.*s", SLICE_FMT(slice_first(text, 2000)));
    assert_int_equal(r.seen, 1);
    xml_reader_free(reader);
}

static void look_around(struct xml *el, void *arg)
{
    struct arena a;
    const struct xml *b;

    arena_init(&a, 4096);
    assert_true(xml_is(el, "d", "a"));
    assert_false(xml_is(el, "", "a"));
    assert_false(xml_is(el, "d", "b"));
    assert_false(xml_is(el->first, "d", "a")); /* text is nothing */
    assert_true(slice_is(xml_attr(el, "one"), "1"));
    assert_non_null(xml_attr(el, "empty").p);
    assert_int_equal(xml_attr(el, "empty").n, 0);
    assert_null(xml_attr(el, "lang").p); /* it has a namespace */
    assert_true(slice_is(xml_lang(el), "de"));
    assert_null(xml_lang(xml_first_child(el)).p);
    assert_true(xml_is(xml_first_child(el), "d", "b"));
    b = xml_child(el, "other", "b");
    assert_non_null(b);
    assert_true(xml_is(xml_next(b), "d", "c"));
    assert_null(xml_next(xml_next(b)));
    assert_null(xml_child(el, "other", "c"));
    assert_true(slice_is(xml_text(&a, el), "x y z"));
    assert_true(slice_is(xml_text(&a, b), "in&side"));
    assert_int_equal(xml_text(&a, xml_next(b)).n, 0);
    assert_non_null(xml_text(&a, xml_next(b)).p);
    arena_reset(&a);
    arena_init(&a, 0);
    assert_null(xml_text(&a, el).p);
    assert_true(slice_is(xml_text(&a, b), "in&side"));
}

static void finds_things(void **state)
{
    read_xml(SLICE("<a one='1' empty='' xml:lang='de'>x <b/>y<b xmlns='other'>in&amp;side</b> z<c/></a>"), look_around,
             NULL);
}

static const struct xml_attr *attr_like(const struct xml *el, const struct xml_attr *like)
{
    const struct xml_attr *at = el->attrs;

    while (at && (!slice_eq(at->name, like->name) || !slice_eq(at->ns, like->ns)))
        at = at->next;
    return at;
}

static bool same_node(const struct xml *a, const struct xml *b)
{
    size_t n_a = 0, n_b = 0;

    if (a->is_text != b->is_text || !slice_eq(a->text, b->text) || !slice_eq(a->ns, b->ns) ||
        !slice_eq(a->name, b->name))
        return false;
    for (const struct xml_attr *at = a->attrs; at; at = at->next, n_a++) {
        const struct xml_attr *other = attr_like(b, at);

        if (!other || !slice_eq(other->value, at->value))
            return false;
    }
    for (const struct xml_attr *at = b->attrs; at; at = at->next)
        n_b++;
    return n_a == n_b;
}

/* Recursion is allowed to a test: the trees are its own. */
static bool same_tree(const struct xml *a, const struct xml *b)
{
    if (!same_node(a, b))
        return false;
    a = a->first;
    b = b->first;
    while (a && b) {
        if (!same_tree(a, b))
            return false;
        a = a->next;
        b = b->next;
    }
    return !a && !b;
}

static void must_equal(struct xml *el, void *arg)
{
    assert_true(same_tree(el, arg));
}

static struct slice pick(struct arena *a, const char *const *from, size_t n, struct buf *text)
{
    if (!text)
        return slice_str(from[rand_below(n)]);
    buf_clear(text);
    for (uint64_t i = rand_below(6); i > 0; i--) {
        static const uint32_t special[] = { '<',  '>',    '&',     '\'',   '"',  '\t',   '\n',   '\r', ' ', ']',
                                            0xE4, 0x20AC, 0x1F600, 0xFFFD, 0x85, 0x2028, 0xD7FF, 'a',  'b', ']' };

        text_put_char(text, special[rand_below(sizeof(special) / sizeof(special[0]))]);
    }
    return arena_dup(a, buf_slice(text));
}

static struct xml *random_tree(struct arena *a, struct buf *text, unsigned depth)
{
    static const char *const names[] = { "a", "b", "message", "\u00FC-x.1", "_n" };
    static const char *const spaces[] = { "", "d", "jabber:server", "u'<&\t>", "x y" };
    static const char *const attr_spaces[] = { "", "", NS_XML, "d", "u1", "u2&" };
    struct xml *el = arena_zalloc(a, sizeof(*el));
    struct xml_attr **tail;

    assert_non_null(el);
    el->name = pick(a, names, 5, NULL);
    el->ns = pick(a, spaces, 5, NULL);
    tail = &el->attrs;
    for (uint64_t i = rand_below(4); i > 0; i--) {
        struct xml_attr *at = arena_zalloc(a, sizeof(*at));

        at->name = pick(a, names, 5, NULL);
        at->ns = pick(a, attr_spaces, 6, NULL);
        at->value = pick(a, NULL, 0, text);
        if (!attr_like(el, at)) {
            *tail = at;
            tail = &at->next;
        }
    }
    for (uint64_t i = depth < 5 ? rand_below(4) : 0; i > 0; i--) {
        struct xml *child;

        if (rand_below(2) && !(el->last && el->last->is_text)) {
            child = arena_zalloc(a, sizeof(*child));
            child->is_text = true;
            child->text = pick(a, NULL, 0, text);
            if (child->text.n == 0)
                continue;
        } else {
            child = random_tree(a, text, depth + 1);
        }
        if (el->last)
            el->last->next = child;
        else
            el->first = child;
        el->last = child;
    }
    return el;
}

static void what_is_printed_reads_back(void **state)
{
    struct buf out, text;

    buf_init(&out, 1 << 20);
    buf_init(&text, 4096);
    for (int i = 0; i < 2000; i++) {
        struct arena a;
        struct xml *tree;

        arena_init(&a, 1 << 20);
        tree = random_tree(&a, &text, 0);
        buf_clear(&out);
        xml_put(&out, tree, SLICE("d"));
        assert_true(buf_ok(&out));
        read_xml(buf_slice(&out), must_equal, tree);
        arena_reset(&a);
    }
    buf_free(&out);
    buf_free(&text);
}

/* D5: printing takes no stack for depth, and refuses what no reader makes. */
static void prints_deep_trees(void **state)
{
    static struct xml chain[300];
    struct buf b;

    for (size_t i = 0; i < 300; i++) {
        chain[i].name = SLICE("a");
        chain[i].ns = SLICE("d");
        chain[i].first = chain[i].last = i + 1 < 300 ? &chain[i + 1] : NULL;
    }
    buf_init(&b, 65536);
    xml_put(&b, &chain[45], SLICE("d")); /* 255 deep */
    assert_true(buf_ok(&b));
    read_xml(buf_slice(&b), must_equal, &chain[45]);
    buf_clear(&b);
    xml_put(&b, &chain[0], SLICE("d"));
    assert_false(buf_ok(&b));
    buf_free(&b);
}

static void namespaces_are_declared_where_they_change(void **state)
{
    struct xml inner = { .name = SLICE("i"), .ns = SLICE("d") };
    struct xml el = { .name = SLICE("e"), .ns = SLICE("d"), .first = &inner, .last = &inner };
    struct buf b;

    buf_init(&b, 4096);
    xml_put(&b, &el, SLICE("d"));
    assert_true(slice_is(buf_slice(&b), "<e><i/></e>"));
    buf_clear(&b);
    xml_put(&b, &el, SLICE(""));
    assert_true(slice_is(buf_slice(&b), "<e xmlns='d'><i/></e>"));
    buf_clear(&b);
    inner.ns = SLICE("");
    xml_put(&b, &el, SLICE("d"));
    assert_true(slice_is(buf_slice(&b), "<e><i xmlns=''/></e>"));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_things),
        cmocka_unit_test(what_is_printed_reads_back),
        cmocka_unit_test(prints_deep_trees),
        cmocka_unit_test(namespaces_are_declared_where_they_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
