/* What an entity says of itself: service discovery (XEP-0030, 0128) and its digest (XEP-0115). Pure functions. */
#ifndef STOX_MAP_DISCO_H
#define STOX_MAP_DISCO_H

#include "base/buf.h"

struct map_identity {
    const char *category, *type, *lang, *name; /* lang, name "": none said */
};

#define MAP_FIELD_VAR_MAX 64

struct map_field {
    char var[MAP_FIELD_VAR_MAX];
    const struct slice *values;
    size_t n;
};

/* Everything in the order of its octets, as the digest wants it: identities by category, type and lang, features, fields by var,
 * values. */
struct map_disco {
    const struct map_identity *identities;
    size_t n_identities;
    const char *const *features;
    size_t n_features;
    const char *form; /* FORM_TYPE of the only form, made of fields; NULL: none */
    const struct map_field *fields;
    size_t n_fields;
};

/* Appends <query xmlns='http://jabber.org/protocol/disco#info'/> with all of it; node may be empty. */
void map_disco_put(struct buf *out, const struct map_disco *d, struct slice node);

/* The verification string with SHA-1 (XEP-0115 5.1). False: no memory. */
#define MAP_DISCO_VER 28
bool map_disco_ver(const struct map_disco *d, char out[MAP_DISCO_VER + 1]);

#endif
