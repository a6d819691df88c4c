/*
 * What an ACME server asks for to see that a name is ours (http-01): GET /.well-known/acme-challenge/TOKEN, while an order is
 * under way. Nothing else is answered with anything but 404. It has a thread of its own.
 */
#ifndef STOX_ACME_RESPONDER_H
#define STOX_ACME_RESPONDER_H

#include "base/err.h"
#include "base/slice.h"
#include "net/addr.h"

struct acme_responder;

/* Listens on all of them. NULL with a sentence. */
struct acme_responder *acme_responder_open(const struct addr *addrs, size_t n, struct err *err);
void acme_responder_close(struct acme_responder *r); /* NULL is fine */

/* From any thread; one token at a time. token: as acme_is_token; text: of at most ACME_PROOF_MAX characters. */
#define ACME_PROOF_MAX 400
int acme_responder_show(struct acme_responder *r, const char *token, struct slice text, struct err *err);
void acme_responder_hide(struct acme_responder *r);

#endif
