#include "map/winfo.h"

#include "map/document.h"
#include "map/pidf.h"
#include "xmpp/writer.h"

#define NS "urn:ietf:params:xml:ns:watcherinfo"
#define URI_MAX (8 * JID_PART_MAX + 64)
#define SCRATCH_MAX ((size_t)256 << 10)

static const char *const statuses[] = { "pending", "active", "waiting", "terminated" };
static const char *const events[] = { "subscribe", "approved", "deactivated", "probation",
                                      "rejected",  "timeout",  "giveup",      "noresource" };

#define N_STATUSES (sizeof(statuses) / sizeof(statuses[0]))
#define N_EVENTS (sizeof(events) / sizeof(events[0]))

/* ---- written ---- */

static void put_number(struct buf *out, const char *name, uint64_t n)
{
    if (n == 0)
        return;
    buf_printf(out, " %s='", name);
    buf_u64(out, n);
    buf_char(out, '\'');
}

/* His URI; false: he has none. */
static bool uri_of(struct buf *uri, const struct jid *who, const struct map_aliases *aliases)
{
    struct jid bare = { who->local, who->domain, { 0 } };

    buf_clear(uri);
    return map_jid_to_uri(uri, &bare, false, aliases);
}

static void put_watcher(struct buf *out, const struct map_watcher *w, struct slice uri)
{
    buf_str(out, "<watcher");
    xml_put_attr(out, "id", w->id);
    xml_put_attr(out, "status", slice_str(statuses[w->status]));
    xml_put_attr(out, "event", slice_str(events[w->event]));
    if (w->name.n)
        xml_put_attr(out, "display-name", w->name);
    put_number(out, "expiration", w->expires_in_s);
    put_number(out, "duration-subscribed", w->since_s);
    buf_char(out, '>');
    text_put_xml(out, uri);
    buf_str(out, "</watcher>");
}

void map_put_winfo(struct buf *out, const struct jid *person, const struct map_aliases *aliases,
                   const struct map_winfo *w)
{
    struct buf uri;

    buf_init(&uri, URI_MAX);
    buf_str(out, "<?xml version='1.0' encoding='UTF-8'?>\n<watcherinfo xmlns='" NS "' version='");
    buf_u64(out, w->version);
    buf_str(out, w->full ? "' state='full'>" : "' state='partial'>");
    out->failed |= !uri_of(&uri, person, aliases);
    buf_str(out, "<watcher-list");
    xml_put_attr(out, "resource", buf_slice(&uri));
    buf_str(out, " package='presence'>");
    for (size_t i = 0; i < w->n; i++)
        if (uri_of(&uri, &w->v[i].who, aliases))
            put_watcher(out, &w->v[i], buf_slice(&uri));
    buf_str(out, "</watcher-list></watcherinfo>");
    out->failed |= !buf_ok(&uri);
    buf_free(&uri);
}

/* ---- read ---- */

struct reading {
    struct arena *arena;
    const struct jid *person;
    const struct map_aliases *aliases;
    struct map_winfo *out;
    bool malformed, no_memory;
};

/* False: it is none of them. */
static bool word_of(struct slice word, const char *const *words, size_t n, unsigned *out)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_is(word, words[i])) {
            *out = (unsigned)i;
            return true;
        }
    }
    return false;
}

static struct slice dup_of(struct reading *r, struct slice s)
{
    s = arena_dup(r->arena, s);
    r->no_memory |= !s.p;
    return s;
}

/* Preparing an address takes far more than it leaves. */
static bool address_of(struct reading *r, struct slice uri, struct jid *out)
{
    enum map_address_fault fault;
    struct arena scratch;

    if (slice_istarts(uri, SLICE("sips:")))
        uri = slice_from(uri, sizeof("sips:") - 1);
    arena_init(&scratch, SCRATCH_MAX);
    fault = map_text_to_jid(&scratch, uri, r->aliases, out);
    if (fault == MAP_ADDRESS_OK)
        *out = (struct jid){ dup_of(r, out->local), dup_of(r, out->domain), { 0 } };
    arena_reset(&scratch);
    r->no_memory |= fault == MAP_ADDRESS_NO_MEMORY && uri.n <= URI_MAX;
    return fault == MAP_ADDRESS_OK && !r->no_memory;
}

static uint64_t number_of(const struct xml *el, const char *name)
{
    uint64_t n = 0;

    slice_u64(slice_trim(xml_attr(el, name)), UINT32_MAX, &n);
    return n;
}

static void read_watcher(struct reading *r, const struct xml *el)
{
    struct map_watcher w = { .expires_in_s = number_of(el, "expiration"),
                             .since_s = number_of(el, "duration-subscribed") };
    struct slice id = xml_attr(el, "id"), text;
    unsigned status, event;

    if (!id.p || !word_of(xml_attr(el, "status"), statuses, N_STATUSES, &status) ||
        !word_of(xml_attr(el, "event"), events, N_EVENTS, &event)) {
        r->malformed = true;
        return;
    }
    text = xml_text(r->arena, el);
    r->no_memory |= !text.p;
    if (r->no_memory || r->out->n == MAP_WATCHERS_MAX || !address_of(r, slice_trim(text), &w.who)) {
        r->out->more = true;
        return;
    }
    w.status = (enum map_watcher_status)status;
    w.event = (enum map_watcher_event)event;
    w.id = dup_of(r, id);
    w.name = dup_of(r, map_presence_cut(xml_attr(el, "display-name"), MAP_NICK_BYTES));
    r->out->v[r->out->n++] = w;
}

static bool on_open(void *arg, const struct xml *root)
{
    struct reading *r = arg;
    struct slice state = xml_attr(root, "state");

    r->out->full = slice_is(state, "full");
    r->malformed |= !r->out->full && !slice_is(state, "partial");
    r->malformed |= !slice_u64(slice_trim(xml_attr(root, "version")), UINT32_MAX, &r->out->version);
    return !r->malformed;
}

static void on_child(void *arg, const struct xml *el)
{
    struct reading *r = arg;
    struct jid person;

    if (!xml_is(el, NS, "watcher-list") || !slice_is(xml_attr(el, "package"), "presence") ||
        !address_of(r, slice_trim(xml_attr(el, "resource")), &person) || !jid_bare_eq(&person, r->person))
        return;
    for (const struct xml *child = xml_first_child(el); child; child = xml_next(child))
        if (xml_is(child, NS, "watcher"))
            read_watcher(r, child);
}

enum map_winfo_fault map_read_winfo(struct arena *a, struct slice body, const struct jid *person,
                                    const struct map_aliases *aliases, struct map_winfo *out)
{
    static const struct map_document_kind kind = { .ns = NS,
                                                   .root = "watcherinfo",
                                                   .max = MAP_WINFO_MAX,
                                                   .depth_max = 32,
                                                   .lenient = true,
                                                   .open = on_open,
                                                   .child = on_child };
    struct reading r = { .arena = a, .person = person, .aliases = aliases, .out = out };
    enum map_document_fault fault;

    *out = (struct map_winfo){ .v = arena_alloc(a, MAP_WATCHERS_MAX * sizeof(*out->v)) };
    if (!out->v)
        return MAP_WINFO_NO_MEMORY;
    fault = map_document_read_as(&kind, body, &r);
    if (fault == MAP_DOCUMENT_NO_MEMORY || r.no_memory)
        return MAP_WINFO_NO_MEMORY;
    return fault == MAP_DOCUMENT_OK && !r.malformed ? MAP_WINFO_OK : MAP_WINFO_MALFORMED;
}

enum map_winfo_order map_winfo_order(const struct map_winfo *w, bool has_last, uint64_t last)
{
    if (has_last && w->version <= last)
        return MAP_WINFO_OLD;
    if (w->full)
        return MAP_WINFO_REPLACE;
    return has_last && w->version == last + 1 ? MAP_WINFO_CHANGE : MAP_WINFO_GAP;
}
