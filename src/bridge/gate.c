#include "bridge/gate.h"

#include "map/address.h"
#include "store/script.h"

/* The bare address, in the form that policies are asked with. */
static struct slice bare(const struct jid *user, char out[2 * JID_PART_MAX + 1])
{
    struct slice local = slice_first(user->local, JID_PART_MAX), domain = slice_first(user->domain, JID_PART_MAX);

    if (local.n)
        memcpy(out, local.p, local.n);
    out[local.n] = '@';
    if (domain.n)
        memcpy(out + local.n + 1, domain.p, domain.n);
    return slice_of(out, local.n + 1 + domain.n);
}

bool gate_user(const struct directory *d, const struct jid *user, struct gate_refusal *out)
{
    char text[2 * JID_PART_MAX + 1];
    struct policy_verdict verdict;

    directory_judge(d, bare(user, text), &verdict);
    if (verdict.allowed)
        return true;
    *out = (struct gate_refusal){ .text = verdict.org ? "You are not allowed to talk to people on XMPP"
                                                      : "Your organisation does not allow conversations with others",
                                  .why = verdict.why };
    return false;
}

static const struct route *refuse(struct gate_refusal *out, const char *type, const char *condition, const char *text,
                                  const char *why)
{
    *out = (struct gate_refusal){ .text = text, .why = why, .type = type, .condition = condition };
    return NULL;
}

static bool names_partner(const struct directory *d, const struct block *block, struct slice remote)
{
    const struct slice *partners = block->partners.v;
    const struct listed *partner = directory_partner(d, remote);

    for (size_t i = 0; i < block->partners.n; i++)
        if (partner && slice_eq(partners[i], partner->settings->name))
            return true;
    return block->partners.n == 0;
}

static const struct block *block_of(const struct directory *d, struct slice name, struct slice remote)
{
    const struct record *r = config_find(directory_config(d), &block_kind, name);

    return r && names_partner(d, r->object, remote) ? r->object : NULL;
}

/* On the list: the entry, and why. NULL: none. */
static const struct block *listed_block(const struct directory *d, const struct jid *remote, const struct jid *local,
                                        const char **why)
{
    const struct block *block;
    char text[2 * JID_PART_MAX + 1];

    *why = NULL;
    if (config_list(directory_config(d), &block_kind)->n == 0)
        return NULL;
    *why = "the partner's domain is on the block list";
    block = block_of(d, remote->domain, remote->domain);
    if (block)
        return block;
    *why = "our domain is on the block list";
    block = block_of(d, local->domain, remote->domain);
    if (block)
        return block;
    *why = "the partner's user is on the block list";
    block = remote->local.n ? block_of(d, bare(remote, text), remote->domain) : NULL;
    if (block)
        return block;
    *why = "our user is on the block list";
    block = local->local.n ? block_of(d, bare(local, text), remote->domain) : NULL;
    *why = block ? *why : NULL;
    return block;
}

/* What XEP-0106 has escaped is read as people see it: "\\2f" has no Latin letter. */
static bool is_mixed(struct slice local)
{
    char memory[JID_PART_MAX];
    struct buf plain = { .p = memory, .cap = sizeof(memory), .max = sizeof(memory) };
    size_t i = 0;

    while (i < local.n && (unsigned char)local.p[i] < 0x80)
        i++;
    if (i == local.n)
        return false;
    map_unescape_local(&plain, local);
    return script_is_mixed(buf_slice(&plain));
}

bool gate_blocks(const struct directory *d, const struct jid *remote, const struct jid *local, struct gate_refusal *out)
{
    *out = (struct gate_refusal){ .text = "The administrator of this gateway has blocked this conversation",
                                  .type = "modify",
                                  .condition = "policy-violation" };
    (void)listed_block(d, remote, local, &out->why);
    if (!out->why && !directory_gateway(d)->mixed_scripts && (is_mixed(remote->local) || is_mixed(local->local))) {
        out->text = "An address mixes scripts that look alike";
        out->why = "an address mixes scripts that look alike (stoxctl gateway set --mixed-scripts yes lets it pass)";
    }
    return out->why != NULL;
}

const struct route *gate_between(const struct directory *d, const struct jid *from, const struct jid *to,
                                 struct gate_refusal *out)
{
    const struct route *route = directory_route_to(d, to->domain);
    const struct listed *partner = directory_partner(d, from->domain);

    if (!partner) /* it was a moment ago */
        return refuse(out, "auth", "forbidden", "There is no federation with your domain", "the partner is not listed");
    if (!route)
        return refuse(out, "cancel", "item-not-found", "", "no SIP domain of ours has that name");
    if (gate_blocks(d, from, to, out))
        return NULL;
    if (to->local.n == 0)
        return refuse(out, "cancel", "service-unavailable", "", "that address names a domain, not a person");
    if (!gate_user(d, to, out))
        return refuse(out, "auth", "forbidden", "This person is not allowed to talk to people of other organisations",
                      out->why);
    return route;
}

bool gate_asks_added(const struct directory *d, const struct jid *from)
{
    const struct listed *partner = directory_partner(d, from->domain);

    return partner && partner->settings->type == PARTNER_PUBLIC_UNVERIFIED;
}

bool gate_type(const struct directory *d, const struct jid *from, bool added, struct gate_refusal *out)
{
    const struct listed *partner = directory_partner(d, from->domain);

    if (partner && (partner->settings->type != PARTNER_PUBLIC_UNVERIFIED || added))
        return true;
    refuse(out, "auth", "forbidden", "From your domain people can only be written to who have you among their contacts",
           "the partner's type is public-unverified, and our user has not added the sender (the route's "
           "contact-added-by says how that is done; stoxctl partner set --type federated, or public-verified, "
           "needs no adding)");
    return false;
}

const struct route *gate_x2s(const struct directory *d, const struct jid *from, const struct jid *to, bool added,
                             struct gate_refusal *out)
{
    const struct route *route = gate_between(d, from, to, out);

    return route && gate_type(d, from, added, out) ? route : NULL;
}

void gate_look(const struct directory *d, const struct jid *remote, const struct jid *local, struct gate_look *out)
{
    const struct listed *partner = directory_partner(d, remote->domain);
    struct gate_refusal no;
    const char *why;

    *out = (struct gate_look){ .partner = partner ? partner->settings : NULL,
                               .route = directory_route_to(d, local->domain),
                               .block = listed_block(d, remote, local, &why) };
    out->blocked = gate_blocks(d, remote, local, &no) ? no.why : NULL;
}
