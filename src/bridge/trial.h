/*
 * Test messages (stoxctl test im): a message that an administrator sends in somebody's name, to see whether it arrives. It
 * goes through the same gates, tables and streams as that person's would, counts as one, and says in its text what it is.
 * Two things are different: nobody asks where it came from, and what became of it is told to the administrator and to nobody
 * else, so that no partner gets an error for a message that he did not send.
 *
 * From XMPP to SIP the message begins here, where a stanza of the partner's would have come in: the partner's own server and
 * its stream to us are not tested by it.
 */
#ifndef STOX_BRIDGE_TRIAL_H
#define STOX_BRIDGE_TRIAL_H

#include "bridge/bridge_private.h"
#include "bridge/trial_words.h"

#define TRIAL_KEEP_MS 600000 /* results */
#define TRIAL_BOUNCE_MS 2000 /* after the acknowledgement: an error that comes by then still decides */
#define TRIAL_TEXT_MAX 1000  /* bytes of a text of one's own */
#define TRIAL_TAG_LEN 24     /* of what it is recognised by: branch and stanza id */

struct trial {
    struct trial_entry entry;
    struct bridge *bridge;
    struct timer timer; /* bounce, then the end of the result */
    struct arena arena; /* owns from and to */
    enum score_way way;
    struct jid from, to; /* as they were asked for */
    char tag[TRIAL_TAG_LEN + 1];
    uint64_t answered_ms; /* 0: it was not */
    bool works;           /* when done */
    struct talk_end end;  /* why is in arena */
    const char *bounced;  /* condition of an error that came after the acknowledgement; constant */
    char error[200], diagnosis[TRIAL_SENTENCE]; /* when done */
};

/* Begins one; text empty: the usual one. 0: *why says why not, *status with what (422, 429 or 503). */
uint64_t trial_start(struct bridge *b, struct slice from, struct slice to, struct slice text, unsigned *status,
                     const char **why);
const struct trial *trial_find(const struct bridge *b, uint64_t id); /* NULL: there is none, or no longer */
void trials_free(struct bridge *b);

/* The answer to a request: to the transaction it belongs to, or to its test. reason NULL: the standard phrase. */
void trial_or_respond(struct bridge *b, struct sip_server *txn, const struct talk_end *end, const char *reason,
                      struct slice headers);

/* An error came that nobody waited for. */
void trial_bounced(struct bridge *b, const struct xmpp_stanza *stanza, const char *condition);

/* The end of the stanza with this receipt, toward SIP. Harmless when it is no test's. */
void trial_ended(struct bridge *b, uint64_t receipt, const struct talk_end *end);

/* Is the stanza with this receipt a test's? Then no error goes out for it. */
bool trial_is(const struct bridge *b, uint64_t receipt);

/* trial_verdict.c: fills in error, diagnosis and works. */
void trial_judge(struct trial *t);

#endif
