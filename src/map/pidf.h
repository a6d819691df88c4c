/*
 * What the files that read and write presence documents share: the namespaces, and what RPID (RFC 4480) and its drafts say in tuples
 * and persons.
 */
#ifndef STOX_MAP_PIDF_H
#define STOX_MAP_PIDF_H

#include "map/presence_parts.h"

#define MAP_NS_PIDF "urn:ietf:params:xml:ns:pidf"
#define MAP_NS_DATA_MODEL "urn:ietf:params:xml:ns:pidf:data-model"
#define MAP_NS_RPID "urn:ietf:params:xml:ns:pidf:rpid"
#define MAP_NS_RPID_STATUS "urn:ietf:params:xml:ns:pidf:status:rpid-status" /* before it was RFC 4480; Lync's */
#define MAP_NS_CIPID "urn:ietf:params:xml:ns:pidf:cipid"
#define MAP_NS_CLIENT "jabber:client"

/* What RPID says of a person, or in a tuple. */
struct map_rpid {
    bool any;             /* an activity was said that is one at this moment, whether XMPP has a word for it or not */
    enum map_show show;   /* the word; where there are several activities, that which keeps people off most */
    int64_t idle_since_s; /* 0: not idle, or it is not said since when */
    struct map_presence notes; /* of the activities; only its notes */
};

/*
 * Takes an element that stands in a person, a tuple or a status, if it is RPID's. now_s judges from and until (STOX-PRS-96). An element
 * that must be understood and is not makes what encloses it count as nothing (STOX-PRS-42). False: no memory.
 */
bool map_rpid_take(struct arena *a, const struct xml *el, struct slice lang, int64_t now_s, struct map_rpid *out);

/* A moment of RFC 3339: 0 if it is none, and now if it is in the future, as clocks of others may go fast. */
int64_t map_pidf_moment(struct slice text, int64_t now_s);

/* The text of an element, trimmed and copied into the arena. .p NULL: no memory. */
struct slice map_pidf_text(struct arena *a, const struct xml *el);

#endif
