/* Contacts. What an administrator changes is in the audit before it happens. */
#include "admin/routes.h"
#include "base/text.h"

#define PAGE 100
#define PAGE_MAX 1000
#define SEARCH_MAX 200
#define LIST_MAX 1000 /* contacts of one request */
#define NAME_MAX_BYTES 200

static void answer(struct call *c, json_t *v, const struct admin_refusal *no)
{
    admin_answer(c, v, no, "these two are no contact of each other");
}

/* For people who look: by search, sort and offset. */
static bool is_browsed(const struct call *c)
{
    return target_query(&c->target, "search").p || target_query(&c->target, "sort").p ||
           target_query(&c->target, "offset").p;
}

/* False: a problem is the reply. */
static bool take_browse(struct call *c, struct admin_look *look)
{
    struct slice at = target_query(&c->target, "offset"), text = slice_trim(target_query(&c->target, "search"));
    char *lower = text.n <= SEARCH_MAX ? arena_alloc(&c->arena, text.n + 1) : NULL;

    if (text.n > SEARCH_MAX)
        reply_problem(c, 400, "bad-request", "search: %d bytes at most", SEARCH_MAX);
    else if (target_query(&c->target, "after").p || (at.p && !slice_u64(at, UINT32_MAX, &look->offset)))
        reply_problem(c, 400, "bad-request", "offset is a number; after is for lists without search and sort");
    else if (!lower)
        reply_no_memory(c);
    if (c->reply.status)
        return false;
    for (size_t i = 0; i < text.n; i++)
        lower[i] = text_lower(text.p[i]);
    look->search = slice_of(lower, text.n);
    look->sort = target_query(&c->target, "sort");
    return true;
}

void contacts_get(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    struct admin_refusal no = admin_away;
    struct admin_look look = { .user = target_query(&c->target, "user"),
                               .partner = target_query(&c->target, "partner"),
                               .state = target_query(&c->target, "state") };
    bool browsed = is_browsed(c);
    json_t *(*list)(void *owner, const struct admin_look *look, struct admin_refusal *no) =
        browsed ? ops->contacts_browse : ops->contacts;

    if (call_number(c, "limit", PAGE, PAGE_MAX, &look.limit) &&
        (browsed ? take_browse(c, &look) : call_number(c, "after", 0, INT64_MAX, &look.before)))
        answer(c, list ? list(c->admin->conf.owner, &look, &no) : NULL, &no);
}

/* The two people of the query. False: a problem is the reply. */
static bool take_pair(struct call *c, struct slice *sip, struct slice *xmpp)
{
    *sip = target_query(&c->target, "sip");
    *xmpp = target_query(&c->target, "xmpp");
    if (sip->n && xmpp->n)
        return true;
    reply_problem(c, 422, "invalid", "whose? sip and xmpp name the two people");
    return false;
}

void contact_get(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    struct admin_refusal no = admin_away;
    struct slice sip, xmpp;

    if (take_pair(c, &sip, &xmpp))
        answer(c, ops->contact ? ops->contact(c->admin->conf.owner, sip, xmpp, &no) : NULL, &no);
}

/* What the audit calls it by; not cut in the middle of a character. */
static struct slice note_name(struct call *c, struct slice a, struct slice b)
{
    struct slice out;
    struct buf text;

    buf_init(&text, 64u << 10);
    buf_put(&text, a);
    buf_str(&text, a.n && b.n ? " " : "");
    buf_put(&text, b);
    out = arena_dup(&c->arena, slice_first(buf_slice(&text), NAME_MAX_BYTES));
    buf_free(&text);
    while (out.n == NAME_MAX_BYTES && (out.p[out.n - 1] & 0x80))
        out.n--;
    return out;
}

void contact_remove(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    struct admin_refusal no = admin_away;
    struct slice sip, xmpp;
    json_t *before;
    bool both;

    if (!take_pair(c, &sip, &xmpp) || !call_flag(c, "both", &both))
        return;
    before = ops->contact && ops->contact_remove ? ops->contact(c->admin->conf.owner, sip, xmpp, &no) : NULL;
    if (!before || json_is_null(before)) { /* what cannot be removed does not go into the audit */
        answer(c, before, &no);
        json_decref(before);
        return;
    }
    if (admin_note(c, "contact", note_name(c, sip, xmpp),
                   json_pack("{s:s, s:b, s:O}", "did", "remove", "both", both, "before", before)))
        answer(c, ops->contact_remove(c->admin->conf.owner, sip, xmpp, both, &no), &no);
    json_decref(before);
}

void contacts_purge(struct call *c)
{
    static const char *const known[] = { "user", "domain", NULL };
    const struct admin_ops *ops = admin_ops_of(c);
    struct admin_refusal no = admin_away;
    struct admin_look look = { .limit = 0 };
    json_t *v;
    bool dry;

    if (!call_flag(c, "dry-run", &dry) || !call_knows(c, known) || !call_text(c, "user", false, &look.user) ||
        !call_text(c, "domain", false, &look.partner))
        return;
    if (!look.user.n && !look.partner.n) {
        reply_problem(c, 422, "invalid", "whose? user names a person, domain a SIP domain or a partner's");
        return;
    }
    v = ops->contacts_purge ? ops->contacts_purge(c->admin->conf.owner, &look, true, &no) : NULL;
    if (!v || dry) {
        answer(c, v, &no);
        return;
    }
    if (admin_note(c, "contact", note_name(c, look.user, look.partner),
                   json_pack("{s:s, s:O}", "did", "purge", "contacts", json_object_get(v, "contacts"))))
        answer(c, ops->contacts_purge(c->admin->conf.owner, &look, false, &no), &no);
    json_decref(v);
}

void contacts_post(struct call *c)
{
    static const char *const known[] = { "contacts", NULL };
    const struct admin_ops *ops = admin_ops_of(c);
    struct admin_refusal no = admin_away;
    const json_t *list;
    char name[40];

    if (!call_knows(c, known))
        return;
    list = json_object_get(c->json, "contacts");
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > LIST_MAX) {
        reply_problem_about(c, 422, "invalid", &(struct reply_about){ "contacts", -1 },
                            "a list of 1 to 1000 contacts is expected here");
        return;
    }
    snprintf(name, sizeof(name), "%zu contacts", json_array_size(list));
    if (admin_note(c, "contact", slice_str(name),
                   json_pack("{s:s, s:I}", "did", "import", "contacts", (json_int_t)json_array_size(list))))
        answer(c, ops->contacts_put ? ops->contacts_put(c->admin->conf.owner, list, &no) : NULL, &no);
}
