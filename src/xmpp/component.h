/*
 * Our connections to servers of partners as external components (XEP-0114): one for each domain of ours and each partner
 * whose settings name an address for it. Stanzas come in on it as well as go out, so it is there as long as the settings
 * say, not only when something is to be sent. STOX-S2S-97.
 *
 * component.c keeps them there: attaches, tries again, follows the settings. component_stream.c is what is particular about
 * such a stream; everything else about it is struct xmpp_stream's.
 */
#ifndef STOX_XMPP_COMPONENT_H
#define STOX_XMPP_COMPONENT_H

#include "xmpp/reach.h"
#include "xmpp/stream.h"

#define XMPP_COMPONENT_AGAIN_MS 1000 /* before the second attempt; twice that before the third */
#define XMPP_COMPONENT_AGAIN_MAX_MS 60000
#define XMPP_COMPONENT_PRINT 32

/* Owned by x->components. */
struct xmpp_component {
    struct hash_node node;
    struct xmpp *x;
    struct slice local;                        /* our domain: the component's name */
    struct slice partner;                      /* primary domain */
    struct xmpp_stream *stream;                /* NULL: none */
    struct timer again;                        /* without a stream: the next attempt */
    unsigned n_failed;                         /* attempts and short lives in a row */
    uint64_t ready_ms;                         /* when the stream was */
    bool wanted;                               /* the settings ask for it */
    unsigned char print[XMPP_COMPONENT_PRINT]; /* of the address and secret that the stream was opened with */
    char why[XMPP_REACH_WHY + 64];             /* the last attempt ended before it began */
};

/* ---- component.c ---- */

/* What the settings ask for is attached, what they ask for no more, or otherwise, ends in order. Tells owners. */
void xmpp_components_reconsider(struct xmpp *x);
void xmpp_components_free(struct xmpp *x); /* after the streams */

/*
 * Puts the pair on the stream of its domain's component, which is opened if there is none. NULL: with *why as
 * xmpp_stream_open, or NULL there when the pair is to ask again a little later.
 */
struct xmpp_stream *xmpp_component_join(struct xmpp_pair *pair, const struct xmpp_partner *partner,
                                        enum xmpp_fate *fate, const char **why);

/* Its stream has ended; in_order: because we wished so. c may be gone after. */
void xmpp_component_ended(struct xmpp_component *c, bool in_order);

/* ---- component_stream.c ---- */

void xmpp_component_put_header(struct xmpp_stream *s);
void xmpp_component_header(struct xmpp_stream *s, const struct xml *root);
void xmpp_component_element(struct xmpp_stream *s, struct xml *el);

/*
 * Who a stanza on such a stream is from and to. False: it is not the partner's, or not for a domain of ours, and has been
 * answered, or ignored, or has ended the stream.
 */
bool xmpp_component_judge(struct xmpp_stream *s, struct arena *a, const struct xml *el, struct xmpp_parties *p);

/* What an administrator is to do about a stream error of the server; empty when it says all by itself. */
const char *xmpp_component_advice(enum xmpp_stream_error e);

#endif
