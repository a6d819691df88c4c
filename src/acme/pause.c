#include "acme/pause.h"

#define FIRST_S 600u
#define MAX_S 43200u
#define MIN_S 2u /* also for certificates that live for seconds */
#define TRIES_OF_A_LIFE 12

int64_t acme_due_s(int64_t since_s, int64_t until_s)
{
    return until_s > since_s ? until_s - (until_s - since_s) / 3 : until_s;
}

uint64_t acme_pause_s(unsigned failures, int64_t life_s, uint64_t retry_after_s)
{
    uint64_t pause = FIRST_S;

    for (unsigned i = 1; i < failures && pause < MAX_S; i++)
        pause *= 2;
    if (pause > MAX_S)
        pause = MAX_S;
    if (life_s > 0 && pause > (uint64_t)life_s / TRIES_OF_A_LIFE)
        pause = (uint64_t)life_s / TRIES_OF_A_LIFE;
    if (pause < MIN_S)
        pause = MIN_S;
    return pause > retry_after_s ? pause : retry_after_s;
}
