/*
 * When DNS is looked at although nobody asks: some minutes after the start, and then whenever the last look is older than the
 * setting. What a look is, and when the last one was, its owner says: whoever asks for one by hand puts the next one off.
 */
#ifndef STOX_DEPLOY_DNS_ROUNDS_H
#define STOX_DEPLOY_DNS_ROUNDS_H

#include "net/loop.h"

#define DNS_ROUNDS_FIRST_MS 180000 /* after the start: listeners, certificates and partners have settled */
#define DNS_ROUNDS_TICK_MS 60000   /* how late one may be, and when one that could not begin is tried again */

/* All but loop is called off the loop, by one thread at a time; they outlive the rounds. */
struct dns_rounds_conf {
    struct loop *loop;
    unsigned (*every_h)(void *owner); /* 0: never */
    uint64_t (*last_ms)(void *owner); /* when the last look ended, by clock_mono_ms; 0: there was none */
    void (*look)(void *owner);        /* begins one */
    void *owner;
};

struct dns_rounds;
/* NULL with a sentence. */
struct dns_rounds *dns_rounds_new(const struct dns_rounds_conf *conf, struct err *err);

/* Runs the loop until what is under way off the loop has ended; the door to the loop is shut. NULL is fine. */
void dns_rounds_free(struct dns_rounds *r);

#endif
