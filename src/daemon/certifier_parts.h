/* Inside certifier*.c: one order, and what proves our names meanwhile. */
#ifndef STOX_DAEMON_CERTIFIER_PARTS_H
#define STOX_DAEMON_CERTIFIER_PARTS_H

#include "acme/acme.h"
#include "daemon/certifier.h"

/* ---- certifier_order.c ---- */

struct certifier_order {
    const struct certifier_conf *conf;
    struct admin *admin;
    const char *name; /* of the certificate */
    const atomic_bool *stop;
};
/* From the key of its request to the import. -1 with a sentence; *no is filled in either case. */
int certifier_order(const struct certifier_order *o, struct acme_refusal *no, struct err *err);

/* ---- certifier_proofs.c ---- */

struct acme_responder;
struct acme_alpn;

struct certifier_proofs {
    struct acme_responder *http; /* NULL: it is not listened for */
    struct acme_alpn *tls;
};
/* Listens where the bootstrap file says, and has the wish show its proofs there. -1 with a sentence; _close in every case. */
int certifier_proofs_open(struct certifier_proofs *p, const struct boot *boot, struct acme_wish *wish, struct err *err);
void certifier_proofs_close(struct certifier_proofs *p);

/* Can the authority ask this gateway at all? */
bool certifier_proofs_any(const struct boot *boot);

#endif
