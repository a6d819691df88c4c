/* Random secrets that administrators carry, and the digests by which they are known. */
#ifndef STOX_ADMIN_SECRET_H
#define STOX_ADMIN_SECRET_H

#include "base/slice.h"

#define SECRET_CHARS 43  /* 256 bits in base64url */
#define SECRET_DIGEST 64 /* hex digits of SHA-256 */
#define TOKEN_PREFIX "stox_"

/* SECRET_CHARS characters and a NUL. */
void secret_make(char out[SECRET_CHARS + 1]);

/* SECRET_DIGEST characters and a NUL. False on memory. */
bool secret_digest(struct slice text, char out[SECRET_DIGEST + 1]);

#endif
