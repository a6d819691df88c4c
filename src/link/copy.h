/*
 * What a gateway has told a proxy of its settings: one version, built frame by frame, in use as a whole or not at all, and never
 * changed afterwards. Bounded; all that is found in it is borrowed from it.
 */
#ifndef STOX_LINK_COPY_H
#define STOX_LINK_COPY_H

#include <openssl/x509.h>

#include "link/frames.h"

#define LINK_COPY_FRAMES_MAX 100000
#define LINK_COPY_BYTES_MAX ((size_t)64 << 20)

struct link_copy;

struct link_copy *link_copy_new(void); /* NULL on memory */
void link_copy_free(struct link_copy *c);

/* A frame between SETTINGS and SETTINGS_END. False with a sentence: the version cannot be used. */
bool link_copy_take(struct link_copy *c, const struct link_frame *frame, struct err *err);

/* It is complete: so many frames were sent. False with a sentence, likewise. */
bool link_copy_end(struct link_copy *c, uint64_t n_frames, struct err *err);

/* ---- of one that is complete ---- */

/* NULL: the domain is none of a partner's. */
const struct xmpp_partner *link_copy_partner(const struct link_copy *c, struct slice domain);
/* What this domain of ours says of itself; false: it is none. features may be NULL. */
bool link_copy_serves(const struct link_copy *c, struct slice domain, struct slice *features);
void link_copy_each_partner(const struct link_copy *c, xmpp_partner_fn *fn, void *arg);
void link_copy_each_served(const struct link_copy *c, void (*fn)(void *arg, struct slice domain), void *arg);
const struct xmpp_limits *link_copy_limits(const struct link_copy *c);
struct slice link_copy_secret(const struct link_copy *c);

/* A certificate of one of our domains; "": for those that have none. */
struct link_identity {
    struct list link;
    struct slice name;
    uint64_t revision;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};
void link_copy_each_identity(const struct link_copy *c, void (*fn)(void *arg, const struct link_identity *id),
                             void *arg);

/* ---- inside this layer ---- */

/* identity.c: from its frame. False with a sentence. */
bool link_identity_read(struct link_identity *id, const struct link_identity_frame *frame, struct err *err);
void link_identity_fini(struct link_identity *id);

#endif
