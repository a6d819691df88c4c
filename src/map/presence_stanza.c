#include "base/clock.h"
#include "map/language.h"
#include "map/presence_parts.h"
#include "xmpp/writer.h"

#define NS_IDLE "urn:xmpp:idle:1"
#define NS_DELAY "urn:xmpp:delay"
#define NS_NICK "http://jabber.org/protocol/nick"
#define NS_PHOTO "vcard-temp:x:update"

static const char *const shows[] = {
    [MAP_SHOW_NONE] = "", [MAP_SHOW_CHAT] = "chat", [MAP_SHOW_AWAY] = "away",
    [MAP_SHOW_XA] = "xa", [MAP_SHOW_DND] = "dnd",
};

struct slice map_presence_cut(struct slice text, size_t max)
{
    size_t n = max;

    if (text.n <= max)
        return text;
    while (n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
        n--;
    return slice_first(text, n);
}

void map_presence_add_note(struct map_presence *p, struct slice lang, struct slice text)
{
    lang = map_language_tag(lang);
    if (slice_trim(text).n == 0 || p->n_notes == MAP_NOTES_MAX)
        return;
    for (size_t i = 0; i < p->n_notes; i++)
        if (slice_ieq(p->notes[i].lang, lang))
            return;
    p->notes[p->n_notes++] = (struct map_note){ .lang = lang, .text = map_presence_cut(text, MAP_NOTE_BYTES) };
}

enum map_show map_show_of(struct slice word)
{
    for (size_t i = MAP_SHOW_CHAT; i < sizeof(shows) / sizeof(shows[0]); i++)
        if (slice_is(word, shows[i]))
            return (enum map_show)i;
    return MAP_SHOW_NONE;
}

const char *map_show_name(enum map_show show)
{
    return shows[show];
}

/* ---- from a stanza ---- */

struct reading {
    struct arena *arena;
    const struct xml *stanza;
    struct slice lang; /* of what says none itself */
    int64_t now_s;
    struct map_presence *out;
    bool has_show, has_priority, twice, no_memory;
};

/* The text of an element, which lives as long as the arena. */
static struct slice text_of(struct reading *r, const struct xml *el)
{
    struct slice text = xml_text(r->arena, el);

    r->no_memory |= !text.p;
    return text;
}

/* xs:byte; anything else is no priority. */
static void read_priority(struct reading *r, struct slice text)
{
    bool minus;
    uint64_t n;

    text = slice_trim(text);
    minus = text.n && text.p[0] == '-';
    if (minus || (text.n && text.p[0] == '+'))
        text = slice_from(text, 1);
    if (!slice_u64(text, minus ? 128 : 127, &n))
        return;
    r->out->has_priority = true;
    r->out->priority = (int8_t)(minus ? -(int)n : (int)n);
}

static void read_own(struct reading *r, const struct xml *el)
{
    if (slice_is(el->name, "show")) {
        r->twice |= r->has_show;
        r->has_show = true;
        r->out->show = map_show_of(slice_trim(text_of(r, el)));
    } else if (slice_is(el->name, "priority")) {
        r->twice |= r->has_priority;
        r->has_priority = true;
        read_priority(r, text_of(r, el));
    } else if (slice_is(el->name, "status")) {
        struct slice lang = xml_lang(el);

        map_presence_add_note(r->out, lang.p ? lang : r->lang, text_of(r, el));
    }
}

/* A moment that has been; what is said of the future counts as nothing. */
static void read_moment(const struct reading *r, struct slice text, int64_t *at_s)
{
    int64_t s;

    if (clock_parse_rfc3339(slice_trim(text), &s) && s > 0 && s <= r->now_s)
        *at_s = s;
}

static bool is_hex(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return false;
    }
    return s.n > 0;
}

static void read_extension(struct reading *r, const struct xml *el)
{
    const struct xml *photo;
    struct slice hash;

    if (xml_is(el, NS_IDLE, "idle")) {
        read_moment(r, xml_attr(el, "since"), &r->out->idle_since_s);
    } else if (xml_is(el, NS_DELAY, "delay")) {
        read_moment(r, xml_attr(el, "stamp"), &r->out->at_s);
    } else if (xml_is(el, NS_NICK, "nick")) {
        r->out->nick = map_presence_cut(slice_trim(text_of(r, el)), MAP_NICK_BYTES);
    } else if (xml_is(el, NS_PHOTO, "x")) {
        photo = xml_child(el, NS_PHOTO, "photo");
        hash = photo ? slice_trim(text_of(r, photo)) : slice_of(NULL, 0);
        if (hash.n <= MAP_PHOTO_BYTES && is_hex(hash))
            r->out->photo = hash;
    }
}

bool map_presence_of_stanza(struct arena *a, const struct xml *el, struct slice resource, struct slice lang,
                            int64_t now_s, struct map_presence *out, const char **condition)
{
    struct slice own_lang = xml_lang(el);
    struct reading r = { .arena = a, .stanza = el, .lang = own_lang.p ? own_lang : lang, .now_s = now_s, .out = out };
    bool available = !slice_is(xml_attr(el, "type"), "unavailable");

    *out = (struct map_presence){ .resource = resource, .available = available, .at_s = now_s };
    for (const struct xml *child = xml_first_child(el); child; child = xml_next(child)) {
        if (slice_eq(child->ns, el->ns))
            read_own(&r, child);
        else
            read_extension(&r, child);
    }
    if (r.twice || r.no_memory) {
        *condition = r.no_memory ? "resource-constraint" : "bad-request";
        return false;
    }
    if (!available)
        map_presence_close(out);
    return true;
}

void map_presence_close(struct map_presence *p)
{
    p->available = p->has_priority = false;
    p->show = MAP_SHOW_NONE;
    p->priority = 0;
    p->idle_since_s = 0;
    p->nick = p->photo = (struct slice){ 0 };
}

/* ---- to a stanza ---- */

static void put_notes(struct buf *out, const struct map_presence *p)
{
    for (size_t i = 0; i < p->n_notes; i++) {
        buf_str(out, "<status");
        if (p->notes[i].lang.n)
            xml_put_attr(out, "xml:lang", p->notes[i].lang);
        buf_char(out, '>');
        text_put_xml(out, p->notes[i].text);
        buf_str(out, "</status>");
    }
}

static void put_what_is_available(struct buf *out, const struct map_presence *p)
{
    if (p->has_priority)
        buf_printf(out, "<priority>%d</priority>", p->priority);
    if (p->idle_since_s) {
        buf_str(out, "<idle xmlns='" NS_IDLE "' since='");
        clock_put_rfc3339(out, p->idle_since_s);
        buf_str(out, "'/>");
    }
    if (p->nick.n) {
        buf_str(out, "<nick xmlns='" NS_NICK "'>");
        text_put_xml(out, p->nick);
        buf_str(out, "</nick>");
    }
    if (p->photo.n) {
        buf_str(out, "<x xmlns='" NS_PHOTO "'>");
        xml_put_text_element(out, "photo", p->photo);
        buf_str(out, "</x>");
    }
}

void map_put_presence_stanza(struct buf *out, const struct jid *local, const struct map_presence *p,
                             const struct jid *to, bool notes, const struct map_entity *device)
{
    struct jid from = { local->local, local->domain, p->resource };

    buf_str(out, "<presence");
    xml_put_attr_jid(out, "from", &from);
    xml_put_attr_jid(out, "to", to);
    buf_str(out, p->available ? ">" : " type='unavailable'>");
    if (p->available && p->show != MAP_SHOW_NONE)
        xml_put_text_element(out, "show", slice_str(shows[p->show]));
    if (notes)
        put_notes(out, p);
    if (p->available)
        put_what_is_available(out, p);
    if (p->available && device && p->resource.n)
        map_entity_put_device_caps(out, device);
    buf_str(out, "</presence>");
}
