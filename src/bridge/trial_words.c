#include "bridge/trial_words.h"

#include <stdio.h>

#include "bridge/bridge_private.h"

bool trial_words_policy(const struct bridge *b, const struct jid *ours, char out[TRIAL_SENTENCE])
{
    struct policy_verdict verdict;
    struct gate_refusal no;
    char name[600];
    struct buf bare = { .p = name, .cap = sizeof(name), .max = sizeof(name) };

    jid_put_bare(&bare, ours);
    if (gate_user(b->directory, ours, &no))
        return false;
    directory_judge(b->directory, buf_slice(&bare), &verdict);
    if (!verdict.org)
        (void)snprintf(out, TRIAL_SENTENCE, "%s",
                       "The organisation's switch is off: nobody may talk to partners. \"stoxctl org set --federation "
                       "on\" opens it.");
    else
        (void)snprintf(out, TRIAL_SENTENCE,
                       "The policy keeps %.*s from talking to partners: %s. \"stoxctl policy effective %.*s\" says "
                       "which policy decides; change that one, or grant another with stoxctl policy grant.",
                       SLICE_FMT(buf_slice(&bare)), no.why, SLICE_FMT(buf_slice(&bare)));
    return true;
}

bool trial_words_partner(const struct bridge *b, struct slice remote, char out[TRIAL_SENTENCE])
{
    struct slice name = slice_first(remote, 300);

    if (directory_partner(b->directory, remote))
        return false;
    (void)snprintf(out, TRIAL_SENTENCE,
                   "%.*s is on the list of partners under no name. \"stoxctl partner new %.*s\" adds it.",
                   SLICE_FMT(name), SLICE_FMT(name));
    return true;
}

bool trial_words_block(const struct bridge *b, const struct jid *ours, const struct jid *theirs,
                       char out[TRIAL_SENTENCE])
{
    struct gate_refusal no;

    if (!gate_blocks(b->directory, theirs, ours, &no))
        return false;
    (void)snprintf(
        out, TRIAL_SENTENCE,
        "The conversation is blocked: %s. \"stoxctl block list\" shows the blocks, stoxctl block remove ends one.",
        no.why);
    return true;
}

struct last_attempt {
    struct slice local, remote;
    char why[600];
    uint64_t age_ms;
};

static void see_attempt(void *arg, const struct xmpp_attempt_info *info)
{
    struct last_attempt *last = arg;

    if (info->inbound || !slice_eq(info->local, last->local) || !slice_eq(info->remote, last->remote) ||
        info->age_ms >= last->age_ms)
        return;
    last->age_ms = info->age_ms;
    (void)snprintf(last->why, sizeof(last->why), "%s", info->why);
}

void trial_words_unreachable(const struct bridge *b, struct slice local, struct slice remote, const char *what,
                             struct slice why, char out[TRIAL_SENTENCE])
{
    struct last_attempt last = { .local = local, .remote = remote, .age_ms = UINT64_MAX };
    struct slice domain = slice_first(remote, 200);

    federation_each_attempt(b->federation, see_attempt, &last);
    if (last.why[0])
        why = slice_str(last.why);
    (void)snprintf(out, TRIAL_SENTENCE, "%s: %.*s. \"stoxctl partner test %.*s\" shows each step and what helps.", what,
                   SLICE_FMT(slice_first(why, 600)), SLICE_FMT(domain));
}
