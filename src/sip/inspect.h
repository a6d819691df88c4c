/* What we can do, as answers to OPTIONS, 405, 501 and the requests and answers of sessions list it. */
#ifndef STOX_SIP_INSPECT_H
#define STOX_SIP_INSPECT_H

#include "base/buf.h"

struct sip;
struct sip_msg;

/* Whole lines. */
void sip_put_allow(struct buf *b, const struct sip *sip);
void sip_put_supported(struct buf *b, const struct sip *sip);
void sip_put_allow_events(struct buf *b, const struct sip *sip); /* none where there are none */
void sip_put_abilities(struct buf *b, const struct sip *sip);    /* all of them, and Accept */

/* Does it subscribe to who watches a user of a host that has this here (RFC 3857)? */
bool sip_asks_winfo(const struct sip *sip, const struct sip_msg *m);

#endif
