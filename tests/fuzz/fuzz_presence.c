/*
 * Presence stanzas, one after the other from the same person: what a stanza says is written as a stanza that says the same, takes its
 * place among the resources, is packed and unpacked, and stands in a document that is read. Cards give a name or none.
 */
#include <stdlib.h>

#include "map/presence.h"
#include "map/vcard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NOW 1790000000

static const struct jid juliet = { { "juliet", 6 }, { "example.com", 11 }, { NULL, 0 } };

struct person {
    struct map_packed *packed; /* NULL: nothing is known */
    unsigned n;
    bool nested; /* reads what was written of one stanza */
    const struct map_presence *expected;
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

static void read_all(struct person *person, struct slice text)
{
    static const char root[] = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>";
    static const struct xml_reader_ops ops = { on_open, on_element, on_close };
    static const struct xml_limits limits = {
        .element_max = 1 << 20, .tag_max = 1 << 18, .depth_max = 64, .attrs_max = 128
    };
    struct xml_reader *r = xml_reader_new(&ops, person, &limits, (size_t)16 << 20);

    check(r && xml_reader_feed(r, root, sizeof(root) - 1) == XML_OK);
    check(xml_reader_feed(r, text.p, text.n) == XML_OK || !person->nested);
    xml_reader_free(r);
}

static void as_stanza(const struct map_presence *p)
{
    struct person second = { .nested = true, .expected = p };
    struct buf b;

    buf_init(&b, 1 << 20);
    map_put_presence_stanza(&b, &juliet, p, &juliet, true);
    check(buf_ok(&b));
    read_all(&second, buf_slice(&b));
    check(second.n == 1);
    buf_free(&b);
}

static void as_document(struct arena *a, const struct map_presences *p)
{
    struct map_presences again;
    struct slice lang;
    struct buf b;

    buf_init(&b, 1 << 20);
    map_put_pidf(&b, &juliet, NULL, p, NOW, true, 0, &lang);
    check(buf_ok(&b) && b.n <= MAP_PIDF_MAX);
    check(map_read_pidf(a, buf_slice(&b), slice_of(NULL, 0), &juliet, NULL, NOW, &again) == MAP_PIDF_OK);
    check(map_presences_best(p)->available == map_presences_best(&again)->available);
    buf_free(&b);
}

static void take(struct arena *a, struct person *person, const struct map_presence *p)
{
    struct map_presences was = { 0 }, now;
    struct map_packed *packed;

    check(!person->packed || map_presences_unpack(a, person->packed, &was));
    check(map_presences_take(a, &was, p, &now) && now.n >= 1 && now.n <= MAP_PRESENCE_MAX);
    as_document(a, &now);
    if (person->n % 3 == 0)
        map_presences_told(&now);
    check(now.n >= 1);
    packed = map_presences_pack(&now);
    check(packed);
    free(person->packed);
    person->packed = packed;
}

static void on_element(void *owner, struct xml *el)
{
    struct person *person = owner;
    char resource[] = { (char)('a' + person->n % 5), '\0' };
    struct slice name = slice_str(person->n % 7 ? resource : "");
    const char *condition = NULL;
    struct slice lang = person->nested ? slice_of(NULL, 0) : SLICE("en");
    struct map_presence p;
    struct arena a;

    arena_init(&a, (size_t)8 << 20);
    person->n++;
    check(map_vcard_name(&a, el).n <= MAP_VCARD_NAME_BYTES);
    check(map_vcard_photo(&a, el).n <= MAP_VCARD_PHOTO_BYTES);
    if (person->nested)
        name = person->expected->resource;
    if (map_presence_of_stanza(&a, el, name, lang, NOW, &p, &condition)) {
        if (person->nested) {
            check(map_presence_same(&p, person->expected));
        } else {
            take(&a, person, &p);
            as_stanza(&p);
        }
    } else {
        check(condition && !person->nested);
    }
    arena_reset(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct person person = { 0 };

    read_all(&person, slice_of((const char *)data, n));
    free(person.packed);
    return 0;
}
