/* What all handlers that change something do alike: the conditions, the change itself, its line in the log, its answer. */
#ifndef STOX_ADMIN_CHANGING_H
#define STOX_ADMIN_CHANGING_H

#include "admin/call.h"

/* If-Match and If-None-Match into the request. False: one of them cannot be met, and the reply says so. */
bool change_condition(struct call *c, struct request *r);

/*
 * Makes the change for who asks, as the queries dry-run and strict say, and logs it. False: the reply says why not. out is
 * filled in in every case; keeper_outcome_fini.
 */
bool change_make(struct call *c, const struct request *requests, size_t n, struct keeper_outcome *out);

/* {"item": ..., "changed": ..., "warnings": [...]} with the ETag; of the first request. NULL on memory. */
json_t *change_json(struct call *c, const struct keeper_outcome *out);

json_t *change_warnings(const struct keeper_outcome *out); /* NULL on memory */

/* A record as the API shows it; JSON null for NULL. Passwords and digests of Stox's own accounts are left out. */
json_t *change_shown(const struct record *r);

/* Did request i make a difference? */
bool change_differs(const struct keeper_outcome *out, size_t i);

/* The problem for a sentence about what was asked for, or about memory. setting may be NULL. Returns false. */
bool change_refuse(struct call *c, const char *setting, const struct err *err);

/* The problem for a result other than KEEPER_OK. */
void change_problem(struct call *c, enum keeper_result result, const struct reply_about *about, const struct err *err);

#endif
