/*
 * Certificates by ACME (acme/acme.h): those that an administrator asks for, and the successors of those that have acme set, when a
 * third of their life is left. One thread, one order at a time; what fails is tried again later, with pauses that grow.
 */
#ifndef STOX_DAEMON_CERTIFIER_H
#define STOX_DAEMON_CERTIFIER_H

#include <stdatomic.h>

#include "admin/admin.h"
#include "pki/vault.h"

struct certifier_conf {
    const struct boot *boot; /* all borrowed; they outlive the certifier */
    struct keeper *keeper;
    const struct pki_vault *vault;
    struct log *log;
};

struct certifier;
struct certifier *certifier_new(const struct certifier_conf *conf); /* NULL on memory */

/* Its thread begins. -1 with a sentence. */
int certifier_start(struct certifier *c, struct admin *admin, struct err *err);

/* Ends what runs, once the door is shut; before the admin goes. NULL is fine. */
void certifier_stop(struct certifier *c);
void certifier_free(struct certifier *c); /* NULL is fine */

/* Thread-safe. 0: *no says why. */
uint64_t certifier_begin(struct certifier *c, struct slice name, struct admin_refusal *no);

struct order_info {
    uint64_t id;
    bool done, works;
    unsigned failures; /* since it last worked */
    char verdict[512]; /* when done */
};
/* False: there was none for this certificate. */
bool certifier_show(struct certifier *c, struct slice name, struct order_info *out);

/* Of all since the start. */
void certifier_counts(struct certifier *c, uint64_t *works, uint64_t *failures);

/* certifier_order.c: one order from the key of its request to the import. -1 with a sentence. */
struct certifier_order {
    const struct certifier_conf *conf;
    struct admin *admin;
    const char *name; /* of the certificate */
    const atomic_bool *stop;
};
int certifier_order(const struct certifier_order *o, struct err *err);

#endif
