#include "base/clock.h"
#include "map/pidf.h"

/* Catalogue 8.3. Every other activity is one that XMPP has no word for. */
static const struct row {
    const char *activity;
    enum map_show show;
} rows[] = {
    { "away", MAP_SHOW_AWAY },        { "meal", MAP_SHOW_AWAY },        { "travel", MAP_SHOW_AWAY },
    { "in-transit", MAP_SHOW_AWAY },  { "steering", MAP_SHOW_AWAY },    { "permanent-absence", MAP_SHOW_XA },
    { "vacation", MAP_SHOW_XA },      { "sleeping", MAP_SHOW_XA },      { "holiday", MAP_SHOW_XA },
    { "busy", MAP_SHOW_DND },         { "meeting", MAP_SHOW_DND },      { "appointment", MAP_SHOW_DND },
    { "presentation", MAP_SHOW_DND }, { "on-the-phone", MAP_SHOW_DND }, { "performance", MAP_SHOW_DND },
    { "working", MAP_SHOW_DND },
};

static enum map_show show_of(struct slice activity)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (slice_is(activity, rows[i].activity))
            return rows[i].show;
    return MAP_SHOW_NONE;
}

/* away, xa and dnd stand in this order in their enum. */
static void add_activity(struct map_rpid *out, struct slice name)
{
    enum map_show show = show_of(name);

    if (!name.n || slice_is(name, "unknown"))
        return;
    out->any = true;
    if (show > out->show)
        out->show = show;
}

/* RFC 4480 3.2: from and until are what it is true between. */
static bool is_now(const struct xml *el, int64_t now_s)
{
    int64_t s;

    if (clock_parse_rfc3339(slice_trim(xml_attr(el, "from")), &s) && s > now_s)
        return false;
    return !clock_parse_rfc3339(slice_trim(xml_attr(el, "until")), &s) || s > now_s;
}

static bool must_be_understood(const struct xml *el)
{
    for (const struct xml_attr *at = el->attrs; at; at = at->next)
        if (slice_is(at->name, "mustUnderstand") && (at->ns.n == 0 || slice_is(at->ns, MAP_NS_PIDF)))
            return slice_is(at->value, "true") || slice_is(at->value, "1");
    return false;
}

static bool has_stranger(const struct xml *el, const char *ns)
{
    for (const struct xml *child = xml_first_child(el); child; child = xml_next(child))
        if (!slice_is(child->ns, ns) && must_be_understood(child))
            return true;
    return false;
}

/* RPID: each activity an element. */
static bool take_activities(struct arena *a, const struct xml *el, struct slice lang, struct map_rpid *out)
{
    for (const struct xml *child = xml_first_child(el); child; child = xml_next(child)) {
        if (!slice_is(child->ns, MAP_NS_RPID))
            continue;
        if (slice_is(child->name, "note")) {
            struct slice own = xml_lang(child), text = map_pidf_text(a, child);

            if (!text.p)
                return false;
            own = own.p ? arena_dup(a, own) : lang;
            map_presence_add_note(&out->notes, own, text);
        } else {
            add_activity(out, child->name);
        }
    }
    return true;
}

/* The drafts: each activity a word in <activity/>. */
static bool take_old_activities(struct arena *a, const struct xml *el, struct map_rpid *out)
{
    for (const struct xml *child = xml_first_child(el); child; child = xml_next(child)) {
        struct slice word;

        if (!xml_is(child, MAP_NS_RPID_STATUS, "activity"))
            continue;
        word = map_pidf_text(a, child);
        if (!word.p)
            return false;
        add_activity(out, word);
    }
    return true;
}

static bool take_user_input(struct arena *a, const struct xml *el, int64_t now_s, struct map_rpid *out)
{
    struct slice word = map_pidf_text(a, el);

    if (slice_is(word, "idle"))
        out->idle_since_s = map_pidf_moment(xml_attr(el, "last-input"), now_s);
    return word.p != NULL;
}

bool map_rpid_take(struct arena *a, const struct xml *el, struct slice lang, int64_t now_s, struct map_rpid *out)
{
    if (xml_is(el, MAP_NS_RPID, "activities") && is_now(el, now_s) && !has_stranger(el, MAP_NS_RPID))
        return take_activities(a, el, lang, out);
    if (xml_is(el, MAP_NS_RPID_STATUS, "activities") && is_now(el, now_s) && !has_stranger(el, MAP_NS_RPID_STATUS))
        return take_old_activities(a, el, out);
    if (xml_is(el, MAP_NS_RPID, "user-input"))
        return take_user_input(a, el, now_s, out);
    return true;
}

int64_t map_pidf_moment(struct slice text, int64_t now_s)
{
    int64_t s;

    if (!clock_parse_rfc3339(slice_trim(text), &s) || s < 0)
        return 0;
    return s < now_s ? s : now_s;
}

struct slice map_pidf_text(struct arena *a, const struct xml *el)
{
    struct slice text = xml_text(a, el);

    return text.p ? arena_dup(a, slice_trim(text)) : text;
}
