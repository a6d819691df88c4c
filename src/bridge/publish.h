/*
 * PUBLISH (RFC 3903), where a route has `publish`: users of such a route say here how they are, and partners' users who watch them
 * are told that instead of what a SUBSCRIBE would bring; none is sent to that route (docs/PRESENCE.md). A user publishes for himself
 * alone, from where he may speak at all (bridge/admit.h).
 */
#ifndef STOX_BRIDGE_PUBLISH_H
#define STOX_BRIDGE_PUBLISH_H

#include "sip/subscription.h"

struct bridge;

void publish_take(struct bridge *b, const struct sip_request *request);

/* For sip_event_ops.publishes. */
enum sip_publishing publish_allowed(const struct bridge *b, struct slice host);

#endif
