/*
 * Makes keys in a thread of its own, one after the other: an RSA key can take seconds, in which the API answers others. The request
 * that wants one is suspended, and its handler runs again, from its beginning, when the key is there.
 */
#ifndef STOX_ADMIN_MAKER_H
#define STOX_ADMIN_MAKER_H

#include "admin/call.h"
#include "pki/key.h"

#define MAKER_WAITING 4 /* with the one that is being made */

struct maker;

/* A key on its way, of a call. */
struct making {
    struct list link; /* of those that wait */
    struct maker *maker;
    struct MHD_Connection *conn;
    int fd; /* of conn; -1: a call of the daemon's own */
    enum pki_key_type type;
    EVP_PKEY *key;  /* NULL, once the handler runs again: */
    struct err err; /* why there is none */
};

struct maker *maker_new(struct err *err);

/*
 * True: c->making has the key, or says why there is none. False: the call is suspended until it does, and for a client that has gone
 * meanwhile none is made; or MAKER_WAITING wait already, or no memory: a problem is the reply. A call of the daemon's own (ask.c) has
 * a thread that may wait, so it gets its key at once.
 */
bool maker_give(struct maker *m, struct call *c, enum pki_key_type type);

/* Makes none any more: who waits goes on without. Before the HTTP library is stopped. */
void maker_stop(struct maker *m);

/* After it. NULL is fine. */
void maker_free(struct maker *m);

/* Wipes the key. NULL is fine. */
void making_free(struct making *mk);

#endif
