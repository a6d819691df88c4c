/*
 * Any element that a stream can hold, taken for an iq: results and errors get nothing, everything else one answer, which is
 * an iq of ours with the id and the addresses of the question.
 */
#include <stdlib.h>

#include "map/entity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct xml_limits limits = {
    .element_max = 1 << 20, .tag_max = 1 << 18, .depth_max = 64, .attrs_max = 128
};

struct seen {
    const struct xml *question; /* NULL: what is read is asked; otherwise it is the answer to this */
    unsigned n;
};

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void on_open(void *owner, const struct xml *root)
{
}

static void on_close(void *owner)
{
}

static void on_element(void *owner, struct xml *el);

static void read_one(struct seen *seen, const char *p, size_t n, bool whole)
{
    static const char root[] = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>";
    static const struct xml_reader_ops ops = { on_open, on_element, on_close };
    struct xml_reader *r = xml_reader_new(&ops, seen, &limits, (size_t)16 << 20);

    check(r);
    check(xml_reader_feed(r, root, sizeof(root) - 1) == XML_OK);
    check(xml_reader_feed(r, p, n) == XML_OK || !whole);
    check(!whole || seen->n == 1);
    xml_reader_free(r);
}

static void ask(const struct xml *el)
{
    static const struct slice contacts[] = { { "abuse=mailto:a@contoso.example", 30 }, { "nothing", 7 }, { "=", 1 } };
    const struct map_entity entity = { .version = "1", .contacts = contacts, .n_contacts = 3 };
    static const char *const to[] = { "contoso.example", "alice@contoso.example/x" };
    struct slice type = xml_attr(el, "type");

    for (size_t i = 0; i < 2; i++) {
        struct seen seen = { .question = el };
        struct jid from, at;
        struct arena a;
        struct buf out;
        bool answered;

        arena_init(&a, 1 << 16);
        buf_init(&out, 1 << 20);
        check(jid_parse(&a, SLICE("romeo@fabrikam.example"), &from) && jid_parse(&a, slice_str(to[i]), &at));
        answered = map_entity_answer(&out, &entity, el, &from, &at);
        check(answered == !(slice_is(type, "result") || slice_is(type, "error")));
        if (answered && buf_ok(&out))
            read_one(&seen, out.p, out.n, true);
        buf_free(&out);
        arena_reset(&a);
    }
}

static void on_element(void *owner, struct xml *el)
{
    struct seen *seen = owner;

    seen->n++;
    if (!seen->question) {
        ask(el);
        return;
    }
    check(xml_is(el, "jabber:server", "iq"));
    check(slice_is(xml_attr(el, "type"), "result") || slice_is(xml_attr(el, "type"), "error"));
    check(slice_eq(xml_attr(el, "id"), xml_attr(seen->question, "id")));
    check(slice_is(xml_attr(el, "to"), "romeo@fabrikam.example"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct seen seen = { NULL, 0 };

    read_one(&seen, (const char *)data, n, false);
    return 0;
}
