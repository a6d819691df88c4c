/*
 * Passwords as they are kept: scrypt (RFC 7914) with its parameters and salt in front, "scrypt$15$8$1$<salt>$<key>", both
 * in base64.
 */
#ifndef STOX_ADMIN_PASSWORD_H
#define STOX_ADMIN_PASSWORD_H

#include "base/buf.h"
#include "base/err.h"

#define PASSWORD_MIN 12  /* characters */
#define PASSWORD_MAX 256 /* bytes */

/* Is it long enough, and text? -1 with a sentence. */
int password_judge(struct slice password, struct err *err);

/* Appends the stored form, with fresh salt. False on memory. */
bool password_hash(struct buf *out, struct slice password);

/* Takes the same time for every password of a stored form; stored forms that are none match nothing. */
bool password_matches(struct slice stored, struct slice password);

#endif
