/*
 * OpenSSL wipes the numbers of a key, but not every buffer that a key has passed through while it was read or written. Between
 * these two calls all memory that OpenSSL gives back in this thread is wiped first. They nest.
 */
#ifndef STOX_PKI_WIPE_H
#define STOX_PKI_WIPE_H

#include <stdbool.h>

void pki_wipe_begin(void);
void pki_wipe_end(void);

/* False: a library had OpenSSL take memory before it could be told how; then nothing is wiped, and no key may be opened. */
bool pki_wipe_works(void);

#endif
