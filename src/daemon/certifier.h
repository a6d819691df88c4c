/*
 * Certificates by ACME (acme/acme.h): those that an administrator asks for, and the successors of those that have acme set, when a
 * third of their life is left. One thread, one order at a time; what fails is tried again later, with pauses that grow.
 */
#ifndef STOX_DAEMON_CERTIFIER_H
#define STOX_DAEMON_CERTIFIER_H

#include "acme/answers.h"
#include "admin/admin.h"
#include "daemon/service.h"
#include "net/loop_call.h"
#include "pki/vault.h"

struct certifier_conf {
    const struct boot *boot; /* all borrowed; they outlive the certifier */
    struct keeper *keeper;
    const struct pki_vault *vault;
    struct loop_door *door;
    const struct service *service;
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
    char name[SETTING_NAME_MAX + 1];
    uint64_t id; /* of the last order; 0: none since the start */
    bool done, works;
    unsigned failures;            /* since it last worked */
    char verdict[512];            /* when done */
    char terms[ACME_URL_MAX + 1]; /* terms of service that it failed for want of; empty: it is not that */
    int64_t renews_s,
        next_s; /* since 1970: when it is renewed, when a failure is tried again; 0: not by this gateway */
};
/* Thread-safe. False: there was no order for this certificate, and it is not renewed here. */
bool certifier_show(struct certifier *c, struct slice name, struct order_info *out);

/* fn with each, under the lock: it calls nothing of the certifier. */
void certifier_each(struct certifier *c, void (*fn)(void *arg, const struct order_info *info), void *arg);

/* Of all since the start. */
void certifier_counts(struct certifier *c, uint64_t *works, uint64_t *failures);

#endif
