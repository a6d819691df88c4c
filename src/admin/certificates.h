/* Certificates in the API: what its handlers share. */
#ifndef STOX_ADMIN_CERTIFICATES_H
#define STOX_ADMIN_CERTIFICATES_H

#include "admin/changing.h"
#include "pki/defect.h"
#include "store/certificate_judge.h"

#define CERTIFICATE_BODY (1u << 20) /* of what brings a file */

/* One as the API shows it: what was asked for, what was got, who uses it. NULL on memory. */
json_t *certificate_shown(struct call *c, const struct config *config, const struct record *r);

/* {"item": ..., "log": [...], "defects": [...], "warnings": [...]}; log is given back. NULL on memory. */
json_t *certificate_changed(struct call *c, const struct keeper_outcome *out, json_t *log,
                            const struct pki_defects *defects);
json_t *certificate_defects(const struct pki_defects *defects);

/* The record that the path names; a problem is the reply when there is none. Borrowed from config. */
const struct record *certificate_named(struct call *c, const struct config *config);

/* The problem for defects that are too heavy; all of them are in it. */
void certificate_refuse(struct call *c, const struct pki_defects *defects);

/* Is any of them too heavy for the query anyway? A problem is the reply then. */
bool certificate_allow(struct call *c, const struct pki_defects *defects);

/* The members of the body that are answers of an administrator's, as edits. False: a problem is the reply. */
bool certificate_answers(struct call *c, const json_t *body, struct edit **edits, size_t *n);

/* A key that was made not to be exported stays so: false, with a problem as the reply, when the body says otherwise. before may be NULL. */
bool certificate_stays_fixed(struct call *c, const struct record *before);

/* More edits, which certificate_answers has left room for: a text; NULL: reset. False without memory, and that is the reply. */
bool certificate_edit(struct call *c, struct edit *edits, size_t *n, const char *setting, struct slice text);

/* A line in what was done. */
void certificate_log(json_t *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A text of the body that was a secret: wiped where it lies. */
void certificate_wipe(struct call *c, const char *member);

/* The gateway's own name, which SIP systems look for, into names; nothing where it is an address, or is there already. */
void certificate_want_host(struct call *c, struct pki_names *names);

/* Is there a vault? A problem is the reply, if not. */
bool certificate_vault(struct call *c);

#endif
