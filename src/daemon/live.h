/*
 * Settings on their way from the keeper to the loop. What needs time (reading certificates, building the directory) is done
 * in the thread that changes them, while the change is judged, so that a change that could not be lived by is refused before
 * it is stored; the loop only swaps a pointer.
 */
#ifndef STOX_DAEMON_LIVE_H
#define STOX_DAEMON_LIVE_H

#include "bridge/bridge.h"
#include "net/loop_call.h"
#include "store/keeper.h"

struct live {
    struct log *log;
    struct tls *tls; /* borrowed, as are the next three */
    const struct pki_vault *vault;
    struct bridge *bridge; /* NULL: it is not there yet, nothing is published */
    struct loop_door *door;
    void (*applied)(void *owner, const struct config *now); /* on the loop; NULL: nobody asks */
    void *owner;
    struct directory *now;      /* owned: what the bridge goes by */
    struct directory *prepared; /* owned: of the configuration that was judged last, or NULL */
};

/* The owner is a struct live; called with the keeper's lock held, so that one thread at a time is here. */
extern const struct keeper_ops live_ops;

/* The directory that the bridge begins with. Certificates that cannot be loaded are told to the log. */
struct directory *live_begin(struct live *l, struct config *config, struct err *err);
void live_fini(struct live *l);

#endif
