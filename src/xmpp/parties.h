/*
 * Who a stanza is from and to, judged on a stream on which pairs of domains were proven (RFC 6120 8.1.1.2, 8.1.2.2). What is
 * compared is the prepared domain, and the same bytes are what goes on from here.
 */
#ifndef STOX_XMPP_PARTIES_H
#define STOX_XMPP_PARTIES_H

#include "xmpp/core.h"
#include "xmpp/jid.h"

struct xmpp_verify;

/* A domain pair whose stanzas come in on a stream: proven, or being verified. */
struct xmpp_proven {
    struct list link;
    struct xmpp_verify *verify; /* runs; NULL when it is proven */
    enum xmpp_method method;
    bool revoked; /* it was proven, but the settings do not allow it now */
    struct slice local, remote;
};

/* The one of this pair, made when it is not there. NULL on memory. */
struct xmpp_proven *xmpp_proven_of(struct list *proven, struct slice local, struct slice remote);
void xmpp_proven_free(struct xmpp_proven *p); /* its verification has let go of it */
void xmpp_proven_free_all(struct list *proven);

struct xmpp_parties {
    struct jid from, to;
    bool from_ok, to_ok; /* the whole address is well-formed; the domains are known in any case */
};

enum xmpp_parties_fault {
    XMPP_PARTIES_OK,
    XMPP_PARTIES_UNPROVEN,     /* nobody has proven anything yet */
    XMPP_PARTIES_IMPROPER,     /* an address is missing, or to has no domain that could be one */
    XMPP_PARTIES_FOREIGN,      /* from is of a domain that is not proven, or of none */
    XMPP_PARTIES_UNKNOWN_HOST, /* to is of a domain that is not ours */
    XMPP_PARTIES_OTHER_PAIR,   /* both are fine, but were not proven together */
    XMPP_PARTIES_REVOKED,      /* they were proven together, but the settings no longer allow it */
    XMPP_PARTIES_NO_MEMORY,    /* it cannot be told */
};

/* The parts of out are in the arena. OK, IMPROPER, FOREIGN when from has no domain that could be one, or NO_MEMORY. */
enum xmpp_parties_fault xmpp_parties_read(struct arena *a, struct slice from, struct slice to,
                                          struct xmpp_parties *out);

/* proven: of struct xmpp_proven. from, to: the attributes. The parts of out are in the arena; they count only when it is
 * XMPP_PARTIES_OK. */
enum xmpp_parties_fault xmpp_parties_judge(const struct xmpp *x, const struct list *proven, struct arena *a,
                                           struct slice from, struct slice to, struct xmpp_parties *out);

#endif
