/* The links of a gateway to its proxies (stoxd --role gateway): how the bridge comes to its XMPP side. */
#ifndef STOX_DAEMON_LINKS_H
#define STOX_DAEMON_LINKS_H

#include "link/gateway.h"
#include "store/config.h"

struct links {
    struct link_maker maker;
    struct link_gateway *gateway; /* NULL: not made yet, or gone */
    struct tls *tls;              /* owned: of links alone */
    struct tls *outer;            /* borrowed: whose certificates proxies get */
    char pin[PIN_TEXT];           /* of our key */
};

/* takes_over: another process hands over to us. links_fini is due whatever this returns, after the bridge is gone. Zeroed before. */
int links_init(struct links *l, const struct boot *boot, struct tls *outer, bool takes_over, struct log *log,
               struct err *err);
void links_fini(struct links *l);

/* The proxies of these settings are linked with from now on; nothing to do without --role gateway. On the loop. */
void links_apply(struct links *l, const struct config *config);

#endif
