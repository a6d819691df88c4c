#include "map/winfo.h"

#include "xmpp/writer.h"

#define NS "urn:ietf:params:xml:ns:watcherinfo"
#define URI_MAX (8 * JID_PART_MAX + 64)
#define END "</watcher-list></watcherinfo>"

static const char *const statuses[] = {
    [MAP_WATCHER_PENDING] = "pending", [MAP_WATCHER_ACTIVE] = "active", [MAP_WATCHER_TERMINATED] = "terminated"
};
static const char *const events[] = {
    [MAP_WATCHER_SUBSCRIBE] = "subscribe", [MAP_WATCHER_APPROVED] = "approved", [MAP_WATCHER_REJECTED] = "rejected",
    [MAP_WATCHER_TIMEOUT] = "timeout",     [MAP_WATCHER_GIVEUP] = "giveup",     [MAP_WATCHER_NORESOURCE] = "noresource"
};

/* His URI; false: he has none. */
static bool uri_of(struct buf *uri, const struct jid *who, const struct map_aliases *aliases)
{
    struct jid bare = { who->local, who->domain, { 0 } };

    buf_clear(uri);
    return map_jid_to_uri(uri, &bare, false, aliases) && buf_ok(uri);
}

static void put_watcher(struct buf *out, const struct map_watcher *w, struct slice uri)
{
    buf_str(out, "<watcher");
    xml_put_attr(out, "id", w->id);
    xml_put_attr(out, "status", slice_str(statuses[w->status]));
    xml_put_attr(out, "event", slice_str(events[w->event]));
    if (w->since_s) {
        buf_str(out, " duration-subscribed='");
        buf_u64(out, w->since_s);
        buf_char(out, '\'');
    }
    buf_char(out, '>');
    text_put_xml(out, uri);
    buf_str(out, "</watcher>");
}

static void put_head(struct buf *out, const struct map_winfo *w, struct slice person)
{
    buf_str(out, "<?xml version='1.0' encoding='UTF-8'?>\n<watcherinfo xmlns='" NS "' version='");
    buf_u64(out, w->version);
    buf_str(out, w->full ? "' state='full'>" : "' state='partial'>");
    buf_str(out, "<watcher-list");
    xml_put_attr(out, "resource", person);
    buf_str(out, " package='presence'>");
}

size_t map_put_winfo(struct buf *out, const struct jid *person, const struct map_aliases *aliases,
                     const struct map_winfo *w, size_t max)
{
    size_t start = out->n, head, done;
    struct buf uri;

    buf_init(&uri, URI_MAX);
    out->failed |= !uri_of(&uri, person, aliases);
    put_head(out, w, buf_slice(&uri));
    head = out->n;
    for (done = 0; done < w->n; done++) {
        size_t before = out->n;

        if (!uri_of(&uri, &w->v[done].who, aliases))
            continue;
        put_watcher(out, &w->v[done], buf_slice(&uri));
        if (!buf_ok(out) || out->n - start + sizeof(END) - 1 <= max)
            continue;
        out->n = before;
        if (before != head)
            break;
    }
    buf_str(out, END);
    buf_free(&uri);
    return done;
}
