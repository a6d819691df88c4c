/* Whom a list is asked for. */
#include "daemon/answers_parts.h"

#define ARENA_MAX 65536

static bool refuse(struct admin_refusal *no, unsigned status, const char *why)
{
    *no = (struct admin_refusal){ status, why };
    return false;
}

bool answers_filter_init(struct answers_filter *f, const struct admin_look *look, struct admin_refusal *no)
{
    *f = (struct answers_filter){ .user = { 0 } };
    arena_init(&f->arena, ARENA_MAX);
    if (look->partner.n && !jid_prep_domain(&f->arena, look->partner, &f->partner))
        return refuse(no, 422, "partner: this is no domain");
    if (!look->user.n)
        return true;
    if (!answers_user(&f->arena, look->user, &f->user, &f->domain))
        return refuse(no, 422, "user: this is no address like alice@contoso.example");
    return f->user.n || refuse(no, 503, "there is no memory for this now: try again");
}

bool answers_of_partner(const struct answers_filter *f, const struct bridge *b, struct slice remote)
{
    struct slice name;

    if (!f->partner.n)
        return true;
    name = bridge_partner_of(b, f->partner);
    return slice_eq(f->partner, remote) || (name.n && slice_eq(name, bridge_partner_of(b, remote)));
}
