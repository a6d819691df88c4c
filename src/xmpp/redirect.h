/*
 * <see-other-host/> (RFC 6120 4.9.3.19, STOX-S2S-92): where the partner's server, once both sides were authenticated, wants
 * the next stream of this pair of domains to be. It is forgotten when it was used, when it is a minute old, and after three
 * in a row.
 */
#ifndef STOX_XMPP_REDIRECT_H
#define STOX_XMPP_REDIRECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/slice.h"

#define XMPP_REDIRECT_HOPS_MAX 3
#define XMPP_REDIRECT_MS 60000
#define XMPP_REDIRECTS_MAX 256

struct xmpp_redirect {
    char host[256]; /* A-labels, or an IP address */
    uint16_t port;  /* 0: by SRV records of host */
    bool is_ip;
    bool secure; /* the certificate of who said so was accepted by DNSSEC */
};

/* "domain", "domain:port", "ip", "[ip]:port", white space around it. False: it is none of them. */
bool xmpp_redirect_parse(struct slice text, struct xmpp_redirect *out);

struct xmpp_redirects {
    struct list list; /* the oldest first */
    size_t n;
};
void xmpp_redirects_init(struct xmpp_redirects *r);
void xmpp_redirects_fini(struct xmpp_redirects *r);

/* Remembers it. False: it is one too many in a row, or memory; all that was remembered of the pair is forgotten then. */
bool xmpp_redirects_note(struct xmpp_redirects *r, struct slice local, struct slice remote,
                         const struct xmpp_redirect *to, uint64_t now_ms);

/* Takes what is to be used for the pair's next stream. False: nothing. */
bool xmpp_redirects_take(struct xmpp_redirects *r, struct slice local, struct slice remote, uint64_t now_ms,
                         struct xmpp_redirect *out);

#endif
