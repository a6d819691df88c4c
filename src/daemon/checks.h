/*
 * Checks that administrators ask for: of DNS, or of everything. Each runs in a thread of its own, because it looks names up, reads
 * files and waits for others; what it has found so far can be read meanwhile, and for ten minutes afterwards; that of the last
 * verdicts until there are others.
 */
#ifndef STOX_DAEMON_CHECKS_H
#define STOX_DAEMON_CHECKS_H

#include "admin/admin.h"
#include "bridge/bridge.h"
#include "daemon/certifier.h"
#include "daemon/service.h"
#include "deploy/verdict.h"
#include "net/loop_call.h"

#define CHECKS_RUNNING 4 /* at the same time */
#define CHECKS_KEPT 32   /* with those that have ended */
#define CHECKS_KEEP_MS 600000

struct links;

struct checks_conf {
    const struct boot *boot; /* all borrowed; they outlive the checks */
    struct keeper *keeper;
    struct bridge *bridge;
    struct loop_door *door;
    const struct pki_vault *vault;
    struct service *service;
    struct certifier *certifier;
    struct links *links; /* all zero without --role gateway */
    struct log *log;
};

struct checks;
struct checks *checks_new(const struct checks_conf *conf); /* NULL on memory */

/* Ends what runs; takes a fraction of a second once the door is shut. NULL is fine. */
void checks_free(struct checks *c);

/* Thread-safe. 0: *no says why. */
uint64_t checks_begin(struct checks *c, const struct admin_check *what, struct admin_refusal *no);

/* Borrowed until return. */
struct check_info {
    uint64_t id, took_ms;
    bool done;
    const char *verdict; /* when done */
    const struct findings *found;
};
/* False: there is none of this id, or no longer. */
bool checks_show(struct checks *c, uint64_t id, void (*fn)(void *arg, const struct check_info *info), void *arg);

/*
 * Thread-safe. The last verdict on all our domains, as this gateway resolves them; out->check 0: there was none since the start. A
 * check of everything gives one on DNS too. One that says something else than the one before is logged.
 */
void checks_last(struct checks *c, enum verdict_kind kind, struct verdict *out);

#endif
