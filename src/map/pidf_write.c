#include <stdlib.h>

#include "base/clock.h"
#include "map/pidf.h"
#include "map/presence_parts.h"
#include "xmpp/writer.h"

/* A document that is being written. */
struct writing {
    struct buf *out;
    const struct jid *presentity;
    const struct map_aliases *aliases;
    int64_t now_s;
    bool notes;
};

static void put_moment(struct buf *out, int64_t s)
{
    clock_put_rfc3339(out, s);
}

/* The word of RPID for it; NULL: none. */
static const char *activity_of(enum map_show show)
{
    switch (show) {
    case MAP_SHOW_AWAY:
    case MAP_SHOW_XA: return "away";
    case MAP_SHOW_DND: return "busy";
    default: return NULL;
    }
}

/* ---- tuples ---- */

/*
 * The activity stands here once more in the form of the drafts before RPID, which is what Lync and phones of that time read;
 * RPID itself knows activities of persons only (RFC 4480 table 1).
 */
static void put_status(struct buf *out, const struct map_presence *p)
{
    const char *activity = p->available ? activity_of(p->show) : NULL;

    buf_str(out, p->available ? "<status><basic>open</basic>" : "<status><basic>closed</basic>");
    if (p->available && p->show != MAP_SHOW_NONE)
        buf_printf(out, "<show xmlns='" MAP_NS_CLIENT "'>%s</show>", map_show_name(p->show));
    if (activity)
        buf_printf(out,
                   "<ep:activities xmlns:ep='" MAP_NS_RPID_STATUS "'><ep:activity>%s</ep:activity></ep:activities>",
                   activity);
    buf_str(out, "</status>");
}

static void put_user_input(struct buf *out, const struct map_presence *p)
{
    if (!p->available || !p->idle_since_s)
        return;
    buf_str(out, "<rpid:user-input last-input='");
    put_moment(out, p->idle_since_s);
    buf_str(out, "'>idle</rpid:user-input>");
}

static void put_contact(const struct writing *w, const struct map_presence *p)
{
    struct jid jid = { w->presentity->local, w->presentity->domain, p->resource };
    struct buf uri;

    buf_init(&uri, 8 * JID_PART_MAX + 64);
    if (map_jid_to_uri(&uri, &jid, true, w->aliases) && buf_ok(&uri)) {
        buf_str(w->out, "<contact");
        if (p->available && p->has_priority && p->priority >= 0) {
            unsigned thousandths = map_priority_to_contact(p->priority);

            buf_printf(w->out, " priority='%u.%03u'", thousandths / 1000, thousandths % 1000);
        }
        buf_char(w->out, '>');
        text_put_xml(w->out, buf_slice(&uri));
        buf_str(w->out, "</contact>");
    }
    w->out->failed |= !buf_ok(&uri);
    buf_free(&uri);
}

static void put_notes(struct buf *out, const struct map_presence *p)
{
    for (size_t i = 0; i < p->n_notes; i++) {
        buf_str(out, "<note");
        if (p->notes[i].lang.n)
            xml_put_attr(out, "xml:lang", p->notes[i].lang);
        buf_char(out, '>');
        text_put_xml(out, p->notes[i].text);
        buf_str(out, "</note>");
    }
}

static void put_tuple(const struct writing *w, const struct map_presence *p)
{
    struct arena a;
    struct slice id;

    arena_init(&a, 8192);
    if (map_tuple_id(&a, p->resource, &id)) {
        buf_str(w->out, "<tuple");
        xml_put_attr(w->out, "id", id);
        buf_char(w->out, '>');
        put_status(w->out, p);
        put_user_input(w->out, p);
        put_contact(w, p);
        if (w->notes)
            put_notes(w->out, p);
        buf_str(w->out, "<timestamp>");
        put_moment(w->out, p->at_s ? p->at_s : w->now_s);
        buf_str(w->out, "</timestamp></tuple>");
    } else {
        w->out->failed = true;
    }
    arena_reset(&a);
}

/* ---- the person ---- */

static struct slice nick_of(const struct map_presences *p, const struct map_presence *best)
{
    for (size_t i = 0; !best->nick.n && i < p->n; i++)
        if (p->v[i].nick.n)
            return p->v[i].nick;
    return best->nick;
}

/* Behind the tuples (RFC 3863 4.4), and only if there is something to say. Its id is no tuple's. */
static void put_person(struct buf *out, const struct map_presences *p, const struct map_presence *best)
{
    const char *activity = activity_of(best->show);
    struct slice nick = nick_of(p, best);

    if (!best->available || (!activity && !best->idle_since_s && !nick.n && !p->icon.n))
        return;
    buf_str(out, "<dm:person xmlns:dm='" MAP_NS_DATA_MODEL "' id='person'>");
    if (activity)
        buf_printf(out, "<rpid:activities><rpid:%s/></rpid:activities>", activity);
    put_user_input(out, best);
    if (nick.n) {
        buf_str(out, "<ci:display-name xmlns:ci='" MAP_NS_CIPID "'>");
        text_put_xml(out, nick);
        buf_str(out, "</ci:display-name>");
    }
    if (p->icon.n) {
        buf_str(out, "<ci:icon xmlns:ci='" MAP_NS_CIPID "'>");
        text_put_xml(out, p->icon);
        buf_str(out, "</ci:icon>");
    }
    buf_str(out, "</dm:person>");
    if (nick.n) { /* where Lync has it (RFC 4482 lets it stand in persons and tuples) */
        buf_str(out, "<ci:display-name xmlns:ci='" MAP_NS_CIPID "'>");
        text_put_xml(out, nick);
        buf_str(out, "</ci:display-name>");
    }
}

/* ---- the document ---- */

static void put_entity(const struct writing *w)
{
    const size_t scheme = sizeof("sip:") - 1;
    struct jid bare = { w->presentity->local, w->presentity->domain, { 0 } };
    struct buf uri;

    buf_init(&uri, 8 * JID_PART_MAX + 64);
    buf_str(w->out, " entity='pres:");
    if (!map_jid_to_uri(&uri, &bare, false, w->aliases) || !buf_ok(&uri))
        w->out->failed = true;
    text_put_xml(w->out, slice_from(buf_slice(&uri), scheme));
    buf_char(w->out, '\'');
    buf_free(&uri);
}

static void put_document(const struct writing *w, const struct map_presences *p)
{
    static const struct map_presence nobody = { 0 };
    const struct map_presence *best = map_presences_best(p);

    buf_str(w->out, "<?xml version='1.0' encoding='UTF-8'?>\n<presence xmlns='" MAP_NS_PIDF "'");
    buf_str(w->out, " xmlns:rpid='" MAP_NS_RPID "'");
    put_entity(w);
    buf_char(w->out, '>');
    for (size_t i = 0; i < p->n; i++)
        put_tuple(w, &p->v[i]);
    if (best)
        put_person(w->out, p, best);
    else
        put_tuple(w, &nobody);
    buf_str(w->out, "</presence>");
}

/* The n most available of p, in their order. */
static void choose(const struct map_presences *p, size_t n, struct map_presences *out)
{
    out->n = 0;
    for (size_t i = 0; i < p->n; i++) {
        size_t before = 0;

        for (size_t k = 0; k < p->n; k++)
            before += k != i &&
                      (map_presence_before(&p->v[k], &p->v[i]) || (k < i && !map_presence_before(&p->v[i], &p->v[k])));
        if (before < n)
            out->v[out->n++] = p->v[i];
    }
}

/* Content-Language tells it of all notes, or of none. */
static struct slice language_of(const struct map_presences *p)
{
    struct slice lang = { 0 };
    bool any = false;

    for (size_t i = 0; i < p->n; i++) {
        for (size_t k = 0; k < p->v[i].n_notes; k++) {
            if (any && !slice_ieq(lang, p->v[i].notes[k].lang))
                return (struct slice){ 0 };
            lang = p->v[i].notes[k].lang;
            any = true;
        }
    }
    return lang;
}

void map_put_pidf(struct buf *out, const struct jid *presentity, const struct map_aliases *aliases,
                  const struct map_presences *p, int64_t now_s, bool notes, size_t max, struct slice *lang)
{
    struct map_presence v[MAP_PRESENCE_MAX];
    struct map_presences chosen = { .v = v, .icon = p->icon };
    struct buf document;
    struct writing w = { &document, presentity, aliases, now_s, notes };

    buf_init(&document, max && max < MAP_PIDF_MAX ? max : MAP_PIDF_MAX);
    choose(p, MAP_PRESENCE_MAX, &chosen);
    put_document(&w, &chosen);
    if (!buf_ok(&document)) {
        buf_clear(&document);
        w.notes = false;
        put_document(&w, &chosen);
    }
    while (!buf_ok(&document) && chosen.n > 1) {
        buf_clear(&document);
        choose(p, chosen.n / 2, &chosen);
        put_document(&w, &chosen);
    }
    buf_put(out, buf_slice(&document));
    out->failed |= !buf_ok(&document);
    buf_free(&document);
    *lang = w.notes ? language_of(&chosen) : (struct slice){ 0 };
}
