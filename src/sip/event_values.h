/* Header values of event subscriptions: RFC 6665 8.2 (Event, Subscription-State), RFC 3261 20 (Expires, Min-Expires, Accept). */
#ifndef STOX_SIP_EVENT_VALUES_H
#define STOX_SIP_EVENT_VALUES_H

#include "sip/subscription.h"

struct sip_event {
    struct slice type; /* "presence", "presence.winfo": compared byte by byte */
    struct slice id;   /* empty: none */
};

/* False, and both empty, when the value breaks the grammar. */
bool sip_event_parse(struct slice value, struct sip_event *out);

struct sip_state_value {
    enum sip_sub_state state;
    enum sip_sub_reason reason;
    bool has_expires;
    uint32_t expires_s;     /* larger numbers count as UINT32_MAX */
    uint32_t retry_after_s; /* likewise; 0: none */
};

/* A word that nobody knows counts as active (RFC 6665 4.1.3); parameters that nobody knows are left out. False: no good form. */
bool sip_state_parse(struct slice value, struct sip_state_value *out);

/* delta-seconds and nothing else; larger numbers count as UINT32_MAX. */
bool sip_delta_parse(struct slice value, uint32_t *seconds);

/* Of the first such header. False: there is none, or it has no good form: *bad. */
bool sip_msg_expires(const struct sip_msg *m, uint32_t *seconds, bool *bad);
bool sip_msg_min_expires(const struct sip_msg *m, uint32_t *seconds);

/* SIP-If-Match (RFC 3903 11.3.2): the entity-tag; empty: there is none. False: more than one, or no token. */
bool sip_msg_if_match(const struct sip_msg *m, struct slice *etag);

/* Is the media type "type/subtype" among those of Accept, and not by ";q=0"? Without Accept all are (RFC 3261 20.1 has a default
 * of its own for SDP; RFC 6665 7.4 names the one of the event package). */
bool sip_msg_accepts(const struct sip_msg *m, struct slice media);

#endif
