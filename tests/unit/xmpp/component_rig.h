/* A scripted server that takes components, in the s2s rig. */
#ifndef STOX_TESTS_COMPONENT_RIG_H
#define STOX_TESTS_COMPONENT_RIG_H

#include "s2s_rig.h"

#define COMPONENT_HEADER                                                                                               \
    "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "                                             \
    "xmlns:stream='http://etherx.jabber.org/streams' from='" OURS "' id='3BF96D32'>"
#define COMPONENT_KEY "7a98dc4c9e92493d7fd66a25364c862637789c45" /* of that id and "sesame" */

#define STREAM_ERROR(condition)                                                                                        \
    "<stream:error><" condition " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"

/* n serves OURS, its partner is THEIRS, whose server f takes components with the secret "sesame". Nothing is attached. */
void component_begin(struct node *n, struct fake *f);
void component_end(struct node *n, struct fake *f);

/* As the server: up to the handshake. */
void component_header(struct fake *f);
/* ... and takes it: n may send stanzas. */
void component_serve(struct fake *f);

#endif
