/* What is counted, for administrators. */
#include "bridge/bridge_private.h"

struct number {
    const char *name, *labels, *help; /* help NULL: the family goes on */
    bool gauge;
    uint64_t value;
};

static void put_numbers(struct buf *out, const struct number *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].help)
            buf_printf(out, "# TYPE stox_%s %s\n# HELP stox_%s %s\n", v[i].name, v[i].gauge ? "gauge" : "counter",
                       v[i].name, v[i].help);
        buf_printf(out, "stox_%s%s%s %llu\n", v[i].name, v[i].gauge ? "" : "_total", v[i].labels ? v[i].labels : "",
                   (unsigned long long)v[i].value);
    }
}

static void put_bridge(const struct bridge *b, struct buf *out)
{
    const struct bridge_counters *c = &b->counters;
    const struct number v[] = {
        { "messages_received", "{direction=\"sip-to-xmpp\"}", "Messages that came in.", false, c->s2x_in },
        { "messages_received", "{direction=\"xmpp-to-sip\"}", NULL, false, c->x2s_in },
        { "messages_throttled", "{direction=\"sip-to-xmpp\"}", "Messages refused because their sender was too fast.",
          false, c->s2x_throttled },
        { "messages_throttled", "{direction=\"xmpp-to-sip\"}", NULL, false, c->x2s_throttled },
        { "bounces", "{in_time=\"yes\"}", "Errors that came back for messages to XMPP.", false, c->bounces_matched },
        { "bounces", "{in_time=\"no\"}", NULL, false, c->bounces_late },
        { "statuses", "{direction=\"sip-to-xmpp\",kind=\"typing\"}", "Typing notifications and receipts told.", false,
          c->typing_to_xmpp },
        { "statuses", "{direction=\"xmpp-to-sip\",kind=\"typing\"}", NULL, false, c->typing_to_sip },
        { "statuses", "{direction=\"sip-to-xmpp\",kind=\"receipt\"}", NULL, false, c->receipts_to_xmpp },
        { "statuses", "{direction=\"xmpp-to-sip\",kind=\"receipt\"}", NULL, false, c->receipts_to_sip },
        { "statuses_dropped", NULL, "Typing notifications and receipts that could not be told.", false,
          c->statuses_dropped },
        { "receipts_awaited", NULL, "Messages whose senders may still get a receipt.", true, b->receipts.shares.n },
        { "sip_challenges", NULL, "SIP requests that were asked for a password (digest).", false, c->challenges },
        { "sip_digest_failures", NULL, "Wrong passwords in SIP requests.", false, c->digest_failures },
        { "sip_digest_replays", NULL, "SIP requests with a password's proof that was used before.", false,
          c->digest_replays },
        { "held_requests", NULL, "SIP requests that wait for the fate of their stanza.", true, c->held },
        { "lanes", NULL, "Pairs of people with messages on their way to SIP.", true, b->lanes.n },
        { "sessions", NULL, "INVITE sessions that are open or called.", true, b->sessions.by_pair.n },
        { "sessions_opened", "{by=\"sip\"}", "INVITE sessions that were opened.", false, b->sessions.opened_by_sip },
        { "sessions_opened", "{by=\"xmpp\"}", NULL, false, b->sessions.opened_by_xmpp },
        { "session_failures", "{by=\"sip\"}", "INVITEs that were refused, or led to no session.", false,
          b->sessions.refused },
        { "session_failures", "{by=\"xmpp\"}", NULL, false, b->sessions.failed },
        { "lane_bytes", NULL, "Memory of messages on their way to SIP.", true, b->queued_bytes },
        { "watchers", "{side=\"sip\"}", "Pairs of people of whom one watches the other's presence at this moment.",
          true, b->watches_s2x.n },
        { "watchers", "{side=\"xmpp\"}", NULL, true, b->watches_x2s.n },
        { "sip_subscriptions_refused", NULL, "SUBSCRIBEs that were refused.", false, b->watches_s2x.refused },
        { "presence_requests", "{direction=\"sip-to-xmpp\"}", "Requests to watch, and SUBSCRIBEs of ours.", false,
          b->watches_s2x.subscribes },
        { "presence_requests", "{direction=\"xmpp-to-sip\"}", NULL, false, b->watches_x2s.subscribes },
        { "presence_updates", "{side=\"xmpp\",direction=\"in\"}", "Presence that came in, and that was told.", false,
          b->watches_s2x.presence_in },
        { "presence_updates", "{side=\"sip\",direction=\"out\"}", NULL, false, b->watches_s2x.notices },
        { "presence_updates", "{side=\"sip\",direction=\"in\"}", NULL, false, b->watches_x2s.notifies },
        { "presence_updates", "{side=\"xmpp\",direction=\"out\"}", NULL, false, b->watches_x2s.presence_out },
        { "presence_held", NULL, "Presence that was not told at once, because too much waits for the partner already.",
          false, b->watches_x2s.presence_held },
        { "publications", NULL, "Presence that users of SIP systems have published here.", true,
          b->publications.memory.n },
        { "publish_requests", "{result=\"taken\"}", "PUBLISHes that were taken, and refused.", false,
          b->publications.taken },
        { "publish_requests", "{result=\"refused\"}", NULL, false, b->publications.refused },
        { "cards", NULL, "People whose name, or whose lack of one, is known from a card or a request.", true,
          b->cards.memory.n },
        { "card_requests", "{result=\"sent\"}", "Cards that partners' servers were asked for, and their answers.",
          false, b->cards.asked },
        { "card_requests", "{result=\"answered\"}", NULL, false, b->cards.answered },
        { "winfo_subscriptions", NULL, "Subscriptions of SIP users to who watches them (presence.winfo).", true,
          b->winfos.n },
        { "winfo_notices", NULL, "NOTIFYs about who watches.", false, b->winfos.notices },
        { "winfo_refused", NULL, "SUBSCRIBEs to who watches that were refused.", false, b->winfos.refused },
        { "presence_probes", NULL, "Probes sent to partners.", false, b->watches_s2x.probes_out },
        { "directory_changes", NULL, "Settings taken into use since the start.", false, b->generation },
    };

    put_numbers(out, v, sizeof(v) / sizeof(v[0]));
}

static void put_xmpp(const struct bridge *b, struct buf *out)
{
    const struct xmpp_counters *c = federation_counters(b->federation);
    const struct number v[] = {
        { "stanzas", "{direction=\"in\"}", "Stanzas on XMPP streams.", false, c->stanzas_in },
        { "stanzas", "{direction=\"out\"}", NULL, false, c->stanzas_out },
        { "stanzas_resent", NULL, "Stanzas written again on a new stream.", false, c->resent },
        { "queued_stanzas", NULL, "Stanzas to partners, not yet acknowledged.", true, c->queued },
        { "partner_throttles", NULL, "Pauses in reading from partners that were faster than their rate.", false,
          c->throttles },
        { "streams_authenticated", NULL, "Streams that were authenticated.", false, c->streams_opened },
        { "stream_failures", "{direction=\"in\"}", "Streams that failed before they were authenticated.", false,
          c->streams_failed_in },
        { "stream_failures", "{direction=\"out\"}", NULL, false, c->streams_failed - c->streams_failed_in },
        { "streams_refused", NULL, "Streams that limits did not let in.", false, c->streams_refused },
    };

    put_numbers(out, v, sizeof(v) / sizeof(v[0]));
    buf_printf(out,
               "# TYPE stox_partner_throttled_seconds counter\n# UNIT stox_partner_throttled_seconds seconds\n"
               "# HELP stox_partner_throttled_seconds Time of these pauses.\nstox_partner_throttled_seconds_total "
               "%llu.%03u\n",
               (unsigned long long)(c->throttled_ms / 1000), (unsigned)(c->throttled_ms % 1000));
}

static void put_sip(const struct bridge *b, struct buf *out)
{
    const struct sip_counters *c = sip_counters(b->sip);
    const struct number v[] = {
        { "sip_requests", "{direction=\"in\"}", "SIP requests.", false, c->requests_in },
        { "sip_requests", "{direction=\"out\"}", NULL, false, c->requests_out },
        { "sip_responses", "{direction=\"in\"}", "SIP responses.", false, c->responses_in },
        { "sip_responses", "{direction=\"out\"}", NULL, false, c->responses_out },
        { "sip_retransmissions", "{direction=\"in\"}", "SIP requests and responses sent again.", false,
          c->retransmissions_in },
        { "sip_retransmissions", "{direction=\"out\"}", NULL, false, c->retransmissions_out },
        { "sip_dropped", "{why=\"garbage\"}", "SIP input that was dropped.", false, c->dropped_garbage },
        { "sip_dropped", "{why=\"unknown-source\"}", NULL, false, c->dropped_unknown_source },
        { "sip_dropped", "{why=\"stray-response\"}", NULL, false, c->dropped_stray_response },
        { "sip_dropped", "{why=\"full\"}", NULL, false, c->dropped_full },
        { "sip_refused", "{why=\"malformed\"}", "SIP requests that the stack refused.", false, c->malformed },
        { "sip_refused", "{why=\"other\"}", NULL, false, c->refused },
        { "sip_transactions", "{side=\"server\"}", "SIP transactions.", true, c->servers },
        { "sip_transactions", "{side=\"client\"}", NULL, true, c->clients },
        { "sip_connections", NULL, "SIP connections over TCP.", true, c->conns },
        { "sip_event_subscriptions", NULL, "Event subscriptions: those who watch and those who are watched.", true,
          c->subscriptions },
    };

    put_numbers(out, v, sizeof(v) / sizeof(v[0]));
}

static const char *const states[] = { "connecting", "negotiating", "ready", "closing" };
#define N_STATES (sizeof(states) / sizeof(states[0]))

struct streams {
    uint64_t n[2][N_STATES];
};

static void count_stream(void *arg, const struct xmpp_stream_info *info)
{
    struct streams *streams = arg;

    for (size_t i = 0; i < N_STATES; i++)
        streams->n[info->inbound ? 0 : 1][i] += strcmp(info->state, states[i]) == 0;
}

static void put_streams(const struct bridge *b, struct buf *out)
{
    struct streams streams = { 0 };

    federation_each_stream(b->federation, count_stream, &streams);
    buf_str(out, "# TYPE stox_streams gauge\n# HELP stox_streams XMPP streams that are there.\n");
    for (size_t i = 0; i < 2 * N_STATES; i++)
        buf_printf(out, "stox_streams{direction=\"%s\",state=\"%s\"} %llu\n", i < N_STATES ? "in" : "out",
                   states[i % N_STATES], (unsigned long long)streams.n[i / N_STATES][i % N_STATES]);
}

static struct ledger_info written(const struct contacts *t)
{
    struct ledger_info info = { 0 };

    if (t->ledger)
        ledger_look(t->ledger, &info);
    return info;
}

static void put_contacts(const struct bridge *b, struct buf *out)
{
    const struct contacts *t = &b->contacts;
    const struct ledger_info info = written(t);
    const struct number v[] = {
        { "contacts", NULL, "SIP users and partners' users who watch each other, or have asked to.", true,
          t->by_pair.n },
        { "contacts_refused", NULL, "Contacts that limits did not let in.", false, t->n_refused },
        { "contact_changes", "{result=\"stored\"}", "Changes of contacts.", false, info.n_written },
        { "contact_changes", "{result=\"given-up\"}", NULL, false, info.n_dropped },
        { "contact_changes_waiting", NULL, "Changes of contacts that are not on the disk yet.", true, info.n_waiting },
        { "contact_transactions", NULL, "Transactions in which changes of contacts were stored.", false,
          info.n_transactions },
        { "contact_store_away", NULL, "1 while changes of contacts cannot be stored.", true, info.away },
    };

    put_numbers(out, v, sizeof(v) / sizeof(v[0]));
}

void bridge_put_metrics(const struct bridge *b, struct buf *out)
{
    scores_put(&b->scores, b->directory, out);
    put_bridge(b, out);
    put_streams(b, out);
    put_xmpp(b, out);
    put_sip(b, out);
    put_contacts(b, out);
    watch_put(b, out);
}
