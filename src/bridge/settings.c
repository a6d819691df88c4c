/* Settings that change while everything runs. */
#include "bridge/bridge_private.h"
#include "bridge/presence.h"

#define REVIEW_SESSIONS 200
#define REVIEW_LANES 50 /* of up to LANE_MAX messages each */

static struct slice dialback_secret(const struct bridge *b)
{
    struct slice passphrase = directory_gateway(b->directory)->dialback_passphrase;

    return passphrase.n ? passphrase : slice_of((const char *)b->own_secret, sizeof(b->own_secret));
}

void bridge_take_settings(struct bridge *b)
{
    const struct gateway *g = directory_gateway(b->directory);
    struct xmpp_limits limits = { .connection_limit = g->connection_limit,
                                  .partner_connection_limit = g->partner_connection_limit,
                                  .establish_s = g->establish_s,
                                  .inactivity_s = g->inactivity_s,
                                  .keepalive_s = g->keepalive_s,
                                  .partner_networks = g->partner_networks.v,
                                  .n_partner_networks = g->partner_networks.n,
                                  .stanza_rate = g->partner_stanza_rate,
                                  .byte_rate = g->partner_byte_rate };

    struct sip_sub_limits subs = { .expires_s = 3600,
                                   .expires_min_s = g->subscription_min_s,
                                   .expires_max_s = g->subscription_max_s,
                                   .pace_ms = g->notify_pace_ms,
                                   .max = g->subscription_limit,
                                   .max_per_route = g->route_subscription_limit };

    b->map.pager_chat = g->pager_type == PAGER_CHAT;
    b->map.body_max = g->message_max;
    sip_set_dialog_limits(b->sip, g->session_limit, 0);
    sip_set_sub_limits(b->sip, &subs);
    sip_set_limits(b->sip, g->transactions_max, g->message_max);
    federation_set_limits(b->federation, &limits);
    (void)federation_set_secret(b->federation, dialback_secret(b)); /* the settings table bounds its size */
    if (b->tls && directory_identities(b->directory))
        tls_use_identities(b->tls, directory_identities(b->directory));
}

/*
 * What is held is judged by the new settings a part in each turn, lest messages wait for it. Nothing passes by the old ones
 * meanwhile: what moves before its turn is judged then (im_session_judge, flight_route).
 */
void bridge_review(struct timer *t)
{
    struct bridge *b = container_of(t, struct bridge, review.timer);
    struct review *r = &b->review;

    if (r->sessions)
        r->sessions = sessions_reconsider(b, &r->sessions_at, REVIEW_SESSIONS);
    if (!r->sessions)
        r->lanes = x2s_reconsider(b, &r->lanes_at, REVIEW_LANES);
    if (r->sessions || r->lanes)
        timer_start(&b->loop->timers, &r->timer, 0);
}

static void review_all(struct bridge *b)
{
    struct review *r = &b->review;

    r->sessions = r->lanes = true;
    r->sessions_at = r->lanes_at = 0;
    bridge_review(&r->timer);
}

struct directory *bridge_apply(struct bridge *b, struct directory *next)
{
    struct directory *before = b->directory;

    x2s_let_go(b); /* pauses are by partner, and a domain may have another one now */
    b->directory = directory_keep(next);
    b->generation++;
    bridge_take_settings(b);
    scores_trim(&b->scores, next);
    federation_reconsider(b->federation);
    sip_reconsider(b->sip);
    review_all(b);
    presence_reconsider(b);
    log_info(b->log, "settings-in-use", LOG_U("change", directory_config(next)->seq),
             LOG_U("sip-domains", config_list(directory_config(next), &sip_domain_kind)->n),
             LOG_U("partners", config_list(directory_config(next), &partner_kind)->n));
    return before;
}

void bridge_revocations_changed(struct bridge *b)
{
    federation_revocations_changed(b->federation);
    sip_revocations_changed(b->sip);
}

void bridge_count(struct bridge *b, enum score_way way, enum score_outcome outcome, struct slice remote)
{
    struct bridge_counters *c = &b->counters;

    scores_add(&b->scores, remote.n ? directory_partner(b->directory, remote) : NULL, way, outcome);
    switch (outcome) {
    case SCORE_DELIVERED: (*(way == SCORE_S2X ? &c->s2x_delivered : &c->x2s_delivered))++; break;
    case SCORE_UNCONFIRMED: c->s2x_unconfirmed++; break;
    case SCORE_UNKNOWN:
    case SCORE_REFUSED:
        c->s2x_outcome_unknown += outcome == SCORE_UNKNOWN;
        (*(way == SCORE_S2X ? &c->s2x_refused : &c->x2s_refused))++;
        break;
    case SCORE_TIMED_OUT: c->s2x_timed_out++; break;
    case SCORE_EMPTY: c->x2s_empty += way == SCORE_X2S; break;
    case SCORE_N_OUTCOMES: break;
    }
}
