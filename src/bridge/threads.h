/*
 * Threads that a Call-ID cannot hold (STOX-IM-16): what a Call-ID that was derived from such a thread stands for, between two
 * people. Kept until there is no room (bridge/shares.h). All that a lost one costs is that the answer comes in a thread of
 * its own.
 */
#ifndef STOX_BRIDGE_THREADS_H
#define STOX_BRIDGE_THREADS_H

#include "bridge/shares.h"
#include "xmpp/jid.h"

/* Some 30000 threads of 200 bytes, with their addresses: one new such thread every three seconds is kept for 24 hours.
 * Clients name threads by 36 bytes, which need no table at all. */
#define THREADS_BYTES_MAX ((size_t)16 << 20)

/* Longer ones are not kept: an answer that carries one has to fit into any server's stanza (RFC 6120 13.12). */
#define THREAD_MAX ((size_t)4096)

struct threads {
    struct hash by_call_id; /* struct thread */
    struct shares shares;
};

/* One end of each protocol, and the Call-ID between them. Of the addresses only the bare part counts. */
struct thread_key {
    const struct jid *remote, *local;
    struct slice call_id;
};

/* Takes no memory yet. */
void threads_init(struct threads *t, size_t bytes_max);
void threads_fini(struct threads *t);

/* Remembers text, charged to partner. A Call-ID stands for one thread: what is known already only counts as used. Without
 * memory nothing is remembered. */
void threads_keep(struct threads *t, struct slice partner, const struct thread_key *key, struct slice text);

/* The thread, until the next call; .p NULL: not known. It counts as used. */
struct slice threads_find(struct threads *t, const struct thread_key *key);

#endif
