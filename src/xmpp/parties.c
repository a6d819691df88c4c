#include "xmpp/parties.h"

#include <errno.h>
#include <stdlib.h>

struct xmpp_proven *xmpp_proven_of(struct list *proven, struct slice local, struct slice remote)
{
    struct xmpp_proven *p;

    list_each (it, proven) {
        p = container_of(it, struct xmpp_proven, link);
        if (slice_eq(p->remote, remote) && slice_eq(p->local, local))
            return p;
    }
    p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    list_push(proven, &p->link);
    if (xmpp_keep(&p->local, local) && xmpp_keep(&p->remote, remote))
        return p;
    xmpp_proven_free(p);
    return NULL;
}

void xmpp_proven_free(struct xmpp_proven *p)
{
    list_unlink(&p->link);
    xmpp_drop(&p->local);
    xmpp_drop(&p->remote);
    free(p);
}

void xmpp_proven_free_all(struct list *proven)
{
    while (!list_empty(proven))
        xmpp_proven_free(container_of(proven->next, struct xmpp_proven, link));
}

static bool is_proven(const struct list *proven, struct slice local, struct slice remote)
{
    list_each (it, proven) {
        const struct xmpp_proven *p = container_of(it, struct xmpp_proven, link);

        if (!p->verify && !p->revoked && slice_eq(p->remote, remote) && slice_eq(p->local, local))
            return true;
    }
    return false;
}

/* Was the pair proven before the settings said otherwise? Its server cannot know. */
static bool is_revoked(const struct list *proven, struct slice local, struct slice remote)
{
    list_each (it, proven) {
        const struct xmpp_proven *p = container_of(it, struct xmpp_proven, link);

        if (p->revoked && slice_eq(p->remote, remote) && slice_eq(p->local, local))
            return true;
    }
    return false;
}

/* Has remote, or anybody when it is empty, proven itself to any domain of ours? */
static bool any_proven(const struct list *proven, struct slice remote)
{
    list_each (it, proven) {
        const struct xmpp_proven *p = container_of(it, struct xmpp_proven, link);

        if (!p->verify && !p->revoked && (!remote.n || slice_eq(p->remote, remote)))
            return true;
    }
    return false;
}

/* The prepared domain of an address whose other parts are malformed. */
static bool domain_of(struct arena *a, struct slice text, struct slice *domain)
{
    struct slice bare = slice_first(text, slice_find(text, '/')), local, rest;

    return jid_prep_domain(a, slice_cut(bare, '@', &local, &rest) ? rest : bare, domain);
}

static bool take_jid(struct arena *a, struct slice text, struct jid *out, bool *ok)
{
    *ok = jid_parse(a, text, out);
    if (*ok)
        return true;
    *out = (struct jid){ 0 };
    return domain_of(a, text, &out->domain);
}

static enum xmpp_parties_fault read_both(struct arena *a, struct slice from, struct slice to, struct xmpp_parties *out)
{
    *out = (struct xmpp_parties){ 0 };
    if (!from.n || !to.n || !take_jid(a, to, &out->to, &out->to_ok))
        return XMPP_PARTIES_IMPROPER;
    return take_jid(a, from, &out->from, &out->from_ok) ? XMPP_PARTIES_OK : XMPP_PARTIES_FOREIGN;
}

static enum xmpp_parties_fault judge(const struct xmpp *x, const struct list *proven, struct arena *a,
                                     struct slice from, struct slice to, struct xmpp_parties *out)
{
    enum xmpp_parties_fault fault;

    if (!any_proven(proven, (struct slice){ 0 }))
        return XMPP_PARTIES_UNPROVEN;
    fault = read_both(a, from, to, out);
    if (fault != XMPP_PARTIES_OK)
        return fault;
    if (is_proven(proven, out->to.domain, out->from.domain))
        return XMPP_PARTIES_OK;
    if (is_revoked(proven, out->to.domain, out->from.domain))
        return XMPP_PARTIES_REVOKED;
    if (!any_proven(proven, out->from.domain))
        return XMPP_PARTIES_FOREIGN;
    return x->conf.ops->serves(x->conf.owner, out->to.domain) ? XMPP_PARTIES_OTHER_PAIR : XMPP_PARTIES_UNKNOWN_HOST;
}

/* An address that could not be read for want of memory is not malformed: nobody may be told so, nor the stanza dropped. */
enum xmpp_parties_fault xmpp_parties_read(struct arena *a, struct slice from, struct slice to, struct xmpp_parties *out)
{
    enum xmpp_parties_fault fault;

    errno = 0;
    fault = read_both(a, from, to, out);
    return errno == ENOMEM ? XMPP_PARTIES_NO_MEMORY : fault;
}

enum xmpp_parties_fault xmpp_parties_judge(const struct xmpp *x, const struct list *proven, struct arena *a,
                                           struct slice from, struct slice to, struct xmpp_parties *out)
{
    enum xmpp_parties_fault fault;

    errno = 0;
    fault = judge(x, proven, a, from, to, out);
    return errno == ENOMEM ? XMPP_PARTIES_NO_MEMORY : fault;
}
