/*
 * Errors in both directions: catalogue 3.1 and 3.2 (RFC 7247 7), each one table. Pure functions.
 */
#ifndef STOX_MAP_ERROR_H
#define STOX_MAP_ERROR_H

#include "base/arena.h"
#include "map/address.h"
#include "sip/msg.h"
#include "xmpp/xml.h"

/* RFC 6120 8.3.3, in its order. */
enum map_condition {
    MAP_BAD_REQUEST,
    MAP_CONFLICT,
    MAP_FEATURE_NOT_IMPLEMENTED,
    MAP_FORBIDDEN,
    MAP_GONE,
    MAP_INTERNAL_SERVER_ERROR,
    MAP_ITEM_NOT_FOUND,
    MAP_JID_MALFORMED,
    MAP_NOT_ACCEPTABLE,
    MAP_NOT_ALLOWED,
    MAP_NOT_AUTHORIZED,
    MAP_POLICY_VIOLATION,
    MAP_RECIPIENT_UNAVAILABLE,
    MAP_REDIRECT,
    MAP_REGISTRATION_REQUIRED,
    MAP_REMOTE_SERVER_NOT_FOUND,
    MAP_REMOTE_SERVER_TIMEOUT,
    MAP_RESOURCE_CONSTRAINT,
    MAP_SERVICE_UNAVAILABLE,
    MAP_SUBSCRIPTION_REQUIRED,
    MAP_UNDEFINED_CONDITION,
    MAP_UNEXPECTED_REQUEST,
};
const char *map_condition_name(enum map_condition c);
enum map_condition map_condition_of(struct slice name); /* unknown: MAP_UNDEFINED_CONDITION (STOX-ERR-15) */

/* A stanza error to send. */
struct map_stanza_error {
    enum map_condition condition;
    const char *type;     /* cancel, modify, wait, auth */
    struct slice text;    /* cleaned reason phrase, may be empty */
    struct slice payload; /* new address of gone (301) and redirect */
};

/* A final SIP response to send. */
struct map_sip_error {
    unsigned status;
    struct slice reason;  /* cleaned text, or the standard phrase */
    struct slice contact; /* 301, 302: the URI for Contact; else empty */
};

/* 3.2: a SIP final response (300..699) to a stanza error. msg gives reason phrase, Contact and Retry-After; may be NULL. */
void map_error_to_stanza(struct arena *a, unsigned status, const struct sip_msg *msg, const struct map_aliases *aliases,
                         struct map_stanza_error *out);

/* 3.1: a stanza of type error to the response of the held transaction. full_jid: what we had written to was one. */
void map_error_to_sip(struct arena *a, const struct xml *stanza, bool full_jid, bool is_invite,
                      const struct map_aliases *aliases, struct map_sip_error *out);

/* The same for a bare condition; type may be empty. */
unsigned map_condition_to_status(enum map_condition c, struct slice type, bool full_jid, bool is_invite);

/* Appends a whole error stanza: kind is "message", "presence" or "iq"; from and to are already those of the answer. The
 * SIP side's text never carries controls, at most 256 bytes (STOX-ERR-11, 12, 18: by names the gateway's domain, empty for
 * errors that only pass through). */
void map_put_error_stanza(struct buf *b, const char *kind, const struct jid *from, const struct jid *to,
                          struct slice id, struct slice by, const struct map_stanza_error *error);

#endif
