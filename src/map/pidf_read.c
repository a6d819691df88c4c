#include "map/document.h"
#include "map/pidf.h"
#include "sip/uri.h"

/* A tuple, before the whole document is known. */
struct tuple {
    struct map_presence p;
    struct map_rpid rpid;
    struct slice id, contact;
    bool has_basic, has_show;
};

struct reading {
    struct arena *arena;
    const struct jid *presentity;
    const struct map_aliases *aliases;
    int64_t now_s;
    struct slice lang; /* of what says none itself */
    struct tuple *tuples;
    size_t n;
    bool is_other, no_memory;
    bool any_show; /* a tuple speaks XMPP's words: the document does not need RPID's */
    bool any_idle; /* a tuple tells of its own user's input */
    struct map_rpid person;
    int64_t person_at_s;
    bool has_person;
    struct slice nick;                       /* of the person, or of the whole document */
    struct map_presence notes, person_notes; /* only their notes */
};

/* ---- pieces ---- */

static struct slice text_of(struct reading *r, const struct xml *el)
{
    struct slice text = map_pidf_text(r->arena, el);

    r->no_memory |= !text.p;
    return text;
}

static struct slice dup_of(struct reading *r, struct slice s)
{
    s = arena_dup(r->arena, s);
    r->no_memory |= !s.p;
    return s;
}

static struct slice lang_of(struct reading *r, const struct xml *el, struct slice outer)
{
    struct slice lang = xml_lang(el);

    return lang.p ? dup_of(r, lang) : outer;
}

static void take_note(struct reading *r, const struct xml *el, struct slice lang, struct map_presence *to)
{
    map_presence_add_note(to, lang_of(r, el, lang), text_of(r, el));
}

static void take_rpid(struct reading *r, const struct xml *el, struct slice lang, struct map_rpid *to)
{
    r->no_memory |= !map_rpid_take(r->arena, el, lang, r->now_s, to);
}

static bool is_display_name(const struct xml *el)
{
    return xml_is(el, MAP_NS_CIPID, "display-name");
}

/* ---- whose it is ---- */

/* pres:, sip: and sips: forms are equal; Lync's partners leave the scheme out. */
static bool is_of_presentity(struct reading *r, struct slice entity)
{
    bool sips = slice_istarts(entity, SLICE("sips:"));
    struct jid jid;

    if (sips)
        entity = slice_from(entity, sizeof("sips:") - 1);
    switch (map_text_to_jid(r->arena, entity, r->aliases, &jid)) {
    case MAP_ADDRESS_OK: return jid_bare_eq(&jid, r->presentity);
    case MAP_ADDRESS_NO_MEMORY: r->no_memory = true; return false;
    default: return false;
    }
}

static bool on_open(void *arg, const struct xml *root)
{
    struct reading *r = arg;
    struct slice entity = xml_attr(root, "entity");

    r->is_other = !entity.p || !is_of_presentity(r, slice_trim(entity));
    r->lang = lang_of(r, root, r->lang);
    return !r->is_other && !r->no_memory;
}

/* ---- tuples ---- */

static void read_status(struct reading *r, const struct xml *status, struct tuple *t)
{
    for (const struct xml *el = xml_first_child(status); el; el = xml_next(el)) {
        struct slice text;

        if (xml_is(el, MAP_NS_PIDF, "basic") && !t->has_basic) {
            text = text_of(r, el);
            t->p.available = slice_ieq(text, SLICE("open"));
            t->has_basic = t->p.available || slice_ieq(text, SLICE("closed"));
        } else if (xml_is(el, MAP_NS_CLIENT, "show") && !t->has_show) {
            t->p.show = map_show_of(text_of(r, el));
            t->has_show = t->p.show != MAP_SHOW_NONE;
        } else {
            take_rpid(r, el, r->lang, &t->rpid);
        }
    }
}

static void read_in_tuple(struct reading *r, const struct xml *el, struct slice lang, struct tuple *t)
{
    if (xml_is(el, MAP_NS_PIDF, "status")) {
        read_status(r, el, t);
    } else if (xml_is(el, MAP_NS_PIDF, "contact") && !t->contact.p) {
        t->contact = text_of(r, el);
        t->p.has_priority = map_priority_of_contact(xml_attr(el, "priority"), &t->p.priority);
    } else if (xml_is(el, MAP_NS_PIDF, "note")) {
        take_note(r, el, lang, &t->p);
    } else if (xml_is(el, MAP_NS_PIDF, "timestamp")) {
        t->p.at_s = map_pidf_moment(text_of(r, el), r->now_s);
    } else if (is_display_name(el)) {
        t->p.nick = map_presence_cut(text_of(r, el), MAP_NICK_BYTES);
    } else {
        take_rpid(r, el, lang, &t->rpid);
    }
}

/* Its own place, or that of a tuple which says less. */
static struct tuple *place_for(struct reading *r, const struct tuple *t)
{
    struct tuple *least = &r->tuples[0];

    if (r->n < MAP_PRESENCE_MAX)
        return &r->tuples[r->n++];
    for (size_t i = 1; i < r->n; i++)
        if (map_presence_before(&least->p, &r->tuples[i].p))
            least = &r->tuples[i];
    return map_presence_before(&t->p, &least->p) ? least : NULL;
}

static void read_tuple(struct reading *r, const struct xml *el)
{
    struct slice lang = lang_of(r, el, r->lang);
    struct tuple t = { .id = dup_of(r, slice_trim(xml_attr(el, "id"))) }, *place;

    for (const struct xml *child = xml_first_child(el); child; child = xml_next(child))
        read_in_tuple(r, child, lang, &t);
    if (!t.has_basic && !t.has_show && !t.rpid.any) /* it does not say whether anybody is there */
        return;
    t.p.available |= !t.has_basic;
    r->any_show |= t.has_show;
    r->any_idle |= t.rpid.idle_since_s > 0;
    place = place_for(r, &t);
    if (place)
        *place = t;
}

/* ---- the person ---- */

/* Of several, which only a server that merges nothing sends, the newest counts, or else the first. */
static void read_person(struct reading *r, const struct xml *el)
{
    const struct xml *stamp = xml_child(el, MAP_NS_DATA_MODEL, "timestamp");
    int64_t at_s = stamp ? map_pidf_moment(text_of(r, stamp), r->now_s) : 0;
    struct slice lang = lang_of(r, el, r->lang);

    if (r->has_person && at_s <= r->person_at_s)
        return;
    r->has_person = true;
    r->person_at_s = at_s;
    r->person = (struct map_rpid){ 0 };
    r->person_notes = (struct map_presence){ 0 };
    for (const struct xml *child = xml_first_child(el); child; child = xml_next(child)) {
        if (xml_is(child, MAP_NS_DATA_MODEL, "note"))
            take_note(r, child, lang, &r->person_notes);
        else if (is_display_name(child))
            r->nick = map_presence_cut(text_of(r, child), MAP_NICK_BYTES);
        else
            take_rpid(r, child, lang, &r->person);
    }
}

static void on_child(void *arg, const struct xml *el)
{
    struct reading *r = arg;

    if (xml_is(el, MAP_NS_PIDF, "tuple"))
        read_tuple(r, el);
    else if (xml_is(el, MAP_NS_PIDF, "note"))
        take_note(r, el, r->lang, &r->notes);
    else if (xml_is(el, MAP_NS_DATA_MODEL, "person"))
        read_person(r, el);
    else if (is_display_name(el) && !r->nick.n)
        r->nick = map_presence_cut(text_of(r, el), MAP_NICK_BYTES);
}

/* ---- all of it together ---- */

static const struct map_presence *shared_notes(const struct reading *r)
{
    if (r->notes.n_notes)
        return &r->notes;
    return r->person_notes.n_notes ? &r->person_notes : &r->person.notes;
}

static void copy_notes(struct map_presence *to, const struct map_presence *from)
{
    to->n_notes = from->n_notes;
    memcpy(to->notes, from->notes, sizeof(to->notes));
}

/* The device is known by its GRUU, if it has one that is a resource, and else by the tuple's id (STOX-PRS-38). */
static void name(struct reading *r, struct tuple *t)
{
    struct sip_name_addr contact;
    struct jid jid;
    struct slice gr;

    if (t->contact.n && sip_name_addr_parse(t->contact, &contact) && sip_gruu(&contact, &gr)) {
        if (contact.uri.scheme == SIP_SCHEME_SIPS)
            contact.uri.scheme = SIP_SCHEME_SIP;
        switch (map_uri_to_jid(r->arena, &contact.uri, gr, NULL, &jid)) {
        case MAP_ADDRESS_OK: t->p.resource = jid.resource; break;
        case MAP_ADDRESS_NO_MEMORY: r->no_memory = true; break;
        default: break;
        }
    }
    if (!t->p.resource.n)
        r->no_memory |= !map_resource_of_tuple(r->arena, t->id, &t->p.resource);
}

/* What the document says of the person goes to each tuple that says nothing of it itself. */
static void finish_tuple(const struct reading *r, struct tuple *t)
{
    const struct map_rpid *person = &r->person;

    if (!r->any_show)
        t->p.show = person->show != MAP_SHOW_NONE ? person->show : t->rpid.show;
    t->p.idle_since_s = r->any_idle ? t->rpid.idle_since_s : person->idle_since_s;
    if (!t->p.n_notes && t->rpid.notes.n_notes)
        copy_notes(&t->p, &t->rpid.notes);
    if (!t->p.n_notes)
        copy_notes(&t->p, shared_notes(r));
    if (!t->p.nick.n)
        t->p.nick = r->nick;
    if (!t->p.available)
        map_presence_close(&t->p);
}

/* A resource that has two tuples is as available as the better one. */
static void add(struct map_presences *out, const struct map_presence *p)
{
    for (size_t i = 0; i < out->n; i++) {
        if (!slice_eq(out->v[i].resource, p->resource))
            continue;
        if (map_presence_before(p, &out->v[i]))
            out->v[i] = *p;
        return;
    }
    out->v[out->n++] = *p;
}

static void finish(struct reading *r, struct map_presences *out)
{
    for (size_t i = 0; i < r->n; i++) {
        finish_tuple(r, &r->tuples[i]);
        name(r, &r->tuples[i]);
        add(out, &r->tuples[i].p);
    }
    if (out->n == 0) {
        out->v[0] = (struct map_presence){ 0 };
        copy_notes(&out->v[0], shared_notes(r));
        out->n = 1;
    }
}

enum map_pidf map_read_pidf(struct arena *a, struct slice body, struct slice content_lang, const struct jid *presentity,
                            const struct map_aliases *aliases, int64_t now_s, struct map_presences *out)
{
    static const struct map_document_kind kind = { .ns = MAP_NS_PIDF,
                                                   .root = "presence",
                                                   .max = MAP_PIDF_MAX,
                                                   .depth_max = 32,
                                                   .lenient = true,
                                                   .open = on_open,
                                                   .child = on_child };
    struct reading r = {
        .arena = a, .presentity = presentity, .aliases = aliases, .now_s = now_s, .lang = content_lang
    };

    r.tuples = arena_alloc(a, MAP_PRESENCE_MAX * sizeof(*r.tuples));
    *out = (struct map_presences){ .v = arena_alloc(a, MAP_PRESENCE_MAX * sizeof(*out->v)) };
    if (!r.tuples || !out->v)
        return MAP_PIDF_NO_MEMORY;
    switch (map_document_read_as(&kind, body, &r)) {
    case MAP_DOCUMENT_MALFORMED: return MAP_PIDF_MALFORMED;
    case MAP_DOCUMENT_NO_MEMORY: return MAP_PIDF_NO_MEMORY;
    case MAP_DOCUMENT_OK: break;
    }
    if (r.is_other && !r.no_memory)
        return MAP_PIDF_OTHER;
    if (!r.no_memory)
        finish(&r, out);
    return r.no_memory ? MAP_PIDF_NO_MEMORY : MAP_PIDF_OK;
}
