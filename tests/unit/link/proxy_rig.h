/* A proxy's end with real streams, and a whole server (tests/unit/xmpp/s2s_rig.h) as the partner; its gateways are line_rig's ends. */
#ifndef STOX_TESTS_PROXY_RIG_H
#define STOX_TESTS_PROXY_RIG_H

#include "line_rig.h"
#include "link/proxy.h"

extern struct link_proxy *p;
extern struct node b; /* the partner's server */

/* After line_rig_setup. pins: of its gateways, borrowed. */
void proxy_rig_begin(const struct slice *pins, size_t n_pins);
void proxy_rig_end(void); /* before line_rig_teardown */
void end_say(struct end *e, const struct link_frame *f);
void end_say_identity(struct end *e); /* the certificate of our domain, from memory to memory */

#endif
