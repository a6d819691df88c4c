/* When a certificate is renewed, and when what failed is tried again. Pure. */
#ifndef STOX_ACME_PAUSE_H
#define STOX_ACME_PAUSE_H

#include <stdint.h>

/* When two thirds of a life have passed; all in seconds since 1970. */
int64_t acme_due_s(int64_t since_s, int64_t until_s);

/*
 * After so many failures in a row: ten minutes, and twice as long each time, up to twelve hours, but a twelfth of the
 * certificate's life at most (life_s; 0: there is none yet). What the authority asks for counts when it is longer.
 */
uint64_t acme_pause_s(unsigned failures, int64_t life_s, uint64_t retry_after_s);

#endif
