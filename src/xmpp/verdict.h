/* What a test of a partner comes to: facts in, one sentence with the fault and its remedy out. Pure. */
#ifndef STOX_XMPP_VERDICT_H
#define STOX_XMPP_VERDICT_H

#include "base/slice.h"
#include "xmpp/fault.h"
#include "xmpp/methods.h"

#define XMPP_VERDICT_TEXT 3072

struct xmpp_verdict_case {
    struct slice local, remote; /* domains of ours and of the partner */
    struct slice partner;       /* its primary domain, as commands name it */
    struct slice key;           /* the pin of the certificate its server showed; may be empty */
    /* Our stream to it. */
    enum xmpp_fault fault;   /* what it came to grief over; NONE: it stood */
    const char *why;         /* a clause about that; "" */
    enum xmpp_method method; /* by which the partner believed us */
    bool both;               /* stanzas pass both ways on it (XEP-0288) */
    bool answered;           /* our ping came back */
    unsigned waited_s;       /* for it */
    /* The partner's streams to us meanwhile, the last of them. */
    enum xmpp_method back_method; /* by which it has proven itself; NONE: it has not */
    enum xmpp_fault back_fault;   /* what one came to grief over; NONE: none did */
    const char *back_why;
};

struct xmpp_verdict {
    bool works;
    enum xmpp_fault fault; /* NONE when it works */
    char text[XMPP_VERDICT_TEXT];
};

void xmpp_verdict(const struct xmpp_verdict_case *c, struct xmpp_verdict *out);

#endif
