#include "map/vcard.h"

#include "map/presence_parts.h"
#include "xmpp/writer.h"

/* The address as it is written: a bare JID fits. */
static struct slice address_of(const struct jid *person, char *mem, size_t n)
{
    struct jid bare = { person->local, person->domain, { 0 } };
    struct buf b = { .p = mem, .cap = n, .max = n };

    jid_put_bare(&b, &bare);
    return buf_slice(&b);
}

static struct slice name_of(const struct map_vcard *card, struct slice address)
{
    return card->name.n ? map_presence_cut(card->name, MAP_VCARD_NAME_BYTES) : address;
}

void map_put_vcard_temp(struct buf *out, const struct map_vcard *card, const struct jid *person)
{
    char mem[2 * JID_PART_MAX + 2];
    struct slice address = address_of(person, mem, sizeof(mem));

    buf_str(out, "<vCard xmlns='" MAP_NS_VCARD_TEMP "'>");
    xml_put_text_element(out, "FN", name_of(card, address));
    buf_str(out, "<N/>");
    if (card->photo.n) {
        buf_str(out, "<PHOTO>");
        xml_put_text_element(out, "TYPE", card->photo_type);
        buf_str(out, "<BINVAL>");
        text_put_base64(out, card->photo.p, card->photo.n);
        buf_str(out, "</BINVAL></PHOTO>");
    }
    if (card->tel.n) {
        buf_str(out, "<TEL><VOICE/>");
        xml_put_text_element(out, "NUMBER", card->tel);
        buf_str(out, "</TEL>");
    }
    xml_put_text_element(out, "JABBERID", address);
    buf_str(out, "</vCard>");
}

void map_put_vcard4(struct buf *out, const struct map_vcard *card, const struct jid *person)
{
    char mem[2 * JID_PART_MAX + 2];
    struct slice address = address_of(person, mem, sizeof(mem));

    buf_str(out, "<vcard xmlns='" MAP_NS_VCARD4 "'><fn>");
    xml_put_text_element(out, "text", name_of(card, address));
    buf_str(out, "</fn>");
    if (card->photo.n) {
        buf_str(out, "<photo><uri>data:");
        text_put_xml(out, card->photo_type);
        buf_str(out, ";base64,");
        text_put_base64(out, card->photo.p, card->photo.n);
        buf_str(out, "</uri></photo>");
    }
    if (card->tel.n) {
        buf_str(out, "<tel><uri>tel:");
        text_put_xml(out, card->tel);
        buf_str(out, "</uri></tel>");
    }
    buf_str(out, "<impp><uri>xmpp:");
    text_put_xml(out, address);
    buf_str(out, "</uri></impp></vcard>");
}

/* ---- read ---- */

static struct slice text_below(struct arena *a, const struct xml *el, const char *ns, const char *name)
{
    const struct xml *child = el ? xml_child(el, ns, name) : NULL;
    struct slice text = child ? slice_trim(xml_text(a, child)) : slice_of(NULL, 0);

    return text.n ? arena_dup(a, map_presence_cut(text, MAP_VCARD_NAME_BYTES)) : slice_of(NULL, 0);
}

struct slice map_vcard_name(struct arena *a, const struct xml *card)
{
    static const char *const temp[] = { "FN", "NICKNAME" }, *const four[] = { "fn", "nickname" };
    struct slice name = { 0 };

    for (size_t i = 0; i < 2 && !name.n; i++) {
        if (slice_is(card->ns, MAP_NS_VCARD_TEMP))
            name = text_below(a, card, MAP_NS_VCARD_TEMP, temp[i]);
        else if (slice_is(card->ns, MAP_NS_VCARD4))
            name = text_below(a, xml_child(card, MAP_NS_VCARD4, four[i]), MAP_NS_VCARD4, "text");
    }
    return name;
}

/* "https://host...", and nothing that is no URI (RFC 3986) or has a user in it. */
static bool is_web_address(struct slice uri)
{
    const struct slice scheme = SLICE("https://");
    struct slice host;

    if (!slice_istarts(uri, scheme) || uri.n > MAP_VCARD_PHOTO_BYTES)
        return false;
    for (size_t i = 0; i < uri.n; i++)
        if (uri.p[i] <= ' ' || uri.p[i] > '~' || strchr("<>\"\\^`{|}", uri.p[i]))
            return false;
    host = slice_from(uri, scheme.n);
    host.n = slice_find(host, '/');
    return host.n && slice_find(host, '@') == host.n;
}

static struct slice address_below(struct arena *a, const struct xml *photo, const char *ns, const char *name)
{
    const struct xml *child = photo ? xml_child(photo, ns, name) : NULL;
    struct slice uri = child ? slice_trim(xml_text(a, child)) : slice_of(NULL, 0);

    return is_web_address(uri) ? arena_dup(a, uri) : slice_of(NULL, 0);
}

struct slice map_vcard_photo(struct arena *a, const struct xml *card)
{
    if (slice_is(card->ns, MAP_NS_VCARD_TEMP))
        return address_below(a, xml_child(card, MAP_NS_VCARD_TEMP, "PHOTO"), MAP_NS_VCARD_TEMP, "EXTVAL");
    if (slice_is(card->ns, MAP_NS_VCARD4))
        return address_below(a, xml_child(card, MAP_NS_VCARD4, "photo"), MAP_NS_VCARD4, "uri");
    return slice_of(NULL, 0);
}
