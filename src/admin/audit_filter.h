/* Which rows of the audit somebody wants to see, besides those of a kind and a name, which the store finds. */
#ifndef STOX_ADMIN_AUDIT_FILTER_H
#define STOX_ADMIN_AUDIT_FILTER_H

#include "base/slice.h"
#include "store/store.h"

/* How somebody came: signed in with a password, with a token, on the unix socket; or it was the gateway itself. */
enum audit_means { AUDIT_ANY, AUDIT_SESSION, AUDIT_TOKEN, AUDIT_SOCKET, AUDIT_GATEWAY };

struct audit_filter {
    struct slice who;    /* in lower case: "user:anna" that one, else a part of who it was; empty: anybody */
    struct slice search; /* a part, likewise, of who, from where, the object's name, or what a setting was and became */
    enum audit_means means;
    int64_t since_ms, until_ms; /* wall clock; until_ms itself is outside; 0: without */
};

/* "session", "token", "socket", "gateway"; false: none of them. */
bool audit_means_read(struct slice word, enum audit_means *out);
const char *audit_means_name(enum audit_means means);

/* By who, as it stands in the audit. */
enum audit_means audit_means_of(struct slice who);

/* Does it leave anything out? */
bool audit_filter_narrows(const struct audit_filter *f);

/* False: no memory. */
bool audit_filter_fits(const struct audit_filter *f, const struct store_audit_row *row, bool *fits);

/* Are all rows before this one too old? A clock that was put right by less than a day hides none. */
bool audit_filter_is_past(const struct audit_filter *f, const struct store_audit_row *row);

#endif
