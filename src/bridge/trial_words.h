/*
 * What tests of administrators say (bridge/trial.h, bridge/presence_trial.h): which gate is closed and what opens it, and why a partner
 * cannot be reached. Each writes one or two sentences into a text of TRIAL_SENTENCE bytes.
 */
#ifndef STOX_BRIDGE_TRIAL_WORDS_H
#define STOX_BRIDGE_TRIAL_WORDS_H

#include "base/slice.h"
#include "xmpp/jid.h"

struct bridge;

#define TRIAL_SENTENCE 1200

/* False: that gate is open, and nothing is written. */
bool trial_words_policy(const struct bridge *b, const struct jid *ours, char out[TRIAL_SENTENCE]);
bool trial_words_partner(const struct bridge *b, struct slice remote, char out[TRIAL_SENTENCE]);
bool trial_words_block(const struct bridge *b, const struct jid *ours, const struct jid *theirs,
                       char out[TRIAL_SENTENCE]);

/* what: the beginning of the sentence. why: unless the set-up that failed last says more. */
void trial_words_unreachable(const struct bridge *b, struct slice local, struct slice remote, const char *what,
                             struct slice why, char out[TRIAL_SENTENCE]);

#endif
