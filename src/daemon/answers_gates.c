/* What stands between a SIP user and a partner's, besides her policy: the same gates that messages pass. */
#include "bridge/gate.h"
#include "daemon/answers_parts.h"

#define ARENA_MAX 65536

struct gates {
    struct arena arena;
    struct bridge *bridge;
    struct jid sip, xmpp;
    json_t *v;
};

static const char *type_of(const struct partner *p)
{
    static const char *const types[] = { "federated", "public-verified", "public-unverified" };

    return p ? types[p->type] : NULL;
}

static json_t *name_or_null(bool is_there, const struct slice *name)
{
    return is_there ? answers_text(*name) : json_null();
}

static void look(void *arg)
{
    struct gates *g = arg;
    struct gate_look l;

    bridge_gates(g->bridge, &g->sip, &g->xmpp, &l);
    g->v =
        json_pack("{s:o, s:o, s:s?, s:b, s:o, s:b, s:o, s:s?}", "address", answers_address(&g->xmpp), "partner",
                  name_or_null(l.partner, &l.partner->name), "type", type_of(l.partner), "partner-presence",
                  l.partner && l.partner->presence, "route", name_or_null(l.route, &l.route->name), "route-presence",
                  l.route && l.route->presence, "block", name_or_null(l.block, &l.block->name), "blocked", l.blocked);
}

json_t *answer_gates(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct gates g = { .bridge = a->bridge };

    arena_init(&g.arena, ARENA_MAX);
    if (!jid_parse(&g.arena, sip, &g.sip) || !g.sip.local.n || g.sip.resource.n)
        *no = (struct admin_refusal){ 422, "user: this is no address like alice@contoso.example" };
    else if (!jid_parse(&g.arena, xmpp, &g.xmpp) || g.xmpp.resource.n)
        *no = (struct admin_refusal){ 422, "with: this is no address like romeo@fabrikam.example" };
    else
        (void)loop_call(a->door, look, &g);
    arena_reset(&g.arena);
    return g.v;
}
