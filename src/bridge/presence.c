#include "bridge/presence.h"

#include "bridge/bridge_private.h"
#include "bridge/contact.h"
#include "bridge/note.h"
#include "bridge/publish.h"
#include "bridge/watch_s2x.h"
#include "bridge/watch_x2s.h"
#include "xmpp/writer.h"

enum type {
    TYPE_AVAILABLE,
    TYPE_UNAVAILABLE,
    TYPE_SUBSCRIBE,
    TYPE_SUBSCRIBED,
    TYPE_UNSUBSCRIBE,
    TYPE_UNSUBSCRIBED,
    TYPE_PROBE,
    TYPE_ERROR,
    TYPE_UNKNOWN, /* RFC 6121 4.7.1: bad-request */
};

static enum type type_of(const struct xml *el)
{
    static const char *const names[] = { [TYPE_UNAVAILABLE] = "unavailable",
                                         [TYPE_SUBSCRIBE] = "subscribe",
                                         [TYPE_SUBSCRIBED] = "subscribed",
                                         [TYPE_UNSUBSCRIBE] = "unsubscribe",
                                         [TYPE_UNSUBSCRIBED] = "unsubscribed",
                                         [TYPE_PROBE] = "probe",
                                         [TYPE_ERROR] = "error" };
    struct slice type = xml_attr(el, "type");

    if (!type.p)
        return TYPE_AVAILABLE;
    for (size_t i = TYPE_UNAVAILABLE; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_is(type, names[i]))
            return (enum type)i;
    return TYPE_UNKNOWN;
}

static void handled(struct bridge *b, const struct xmpp_stanza *stanza)
{
    federation_handled(b->federation, stanza->receipt);
}

static void refuse(struct bridge *b, const struct xmpp_stanza *stanza, const struct gate_refusal *no)
{
    bridge_log_refusal(b, "presence", stanza->from->domain, stanza->to->domain, 0, no->why);
    bridge_send_condition(b, "presence", stanza->to, stanza->from, xml_attr(stanza->el, "id"), no->type, no->condition,
                          no->text, &stanza->receipt);
}

const struct route *presence_route(const struct bridge *b, const struct jid *local, const struct jid *remote,
                                   struct gate_refusal *no)
{
    const struct route *route = gate_between(b->directory, remote, local, no);
    const char *why = NULL;

    if (route && !route->presence)
        why = "presence of the route is no (stoxctl route set --presence yes)";
    else if (route && !directory_partner(b->directory, remote->domain)->settings->presence)
        why = "presence of the partner is no (stoxctl partner set --presence yes)";
    if (why)
        *no = (struct gate_refusal){
            .type = "cancel", .condition = "service-unavailable", .text = "Presence is not served here", .why = why
        };
    return why ? NULL : route;
}

bool presence_added(const struct bridge *b, const struct jid *local, const struct jid *remote)
{
    const struct contact *c = gate_asks_added(b->directory, remote) ? contact_find(b, local, remote) : NULL;

    return c && c->added;
}

bool presence_may_ask(const struct bridge *b, const struct jid *local, const struct jid *remote,
                      struct gate_refusal *no)
{
    return gate_type(b->directory, remote, presence_added(b, local, remote), no);
}

bool presence_send(struct bridge *b, const struct jid *local, const struct jid *remote, const char *type,
                   struct slice id, uint64_t token, enum xmpp_fate *fate)
{
    struct jid from = { .local = local->local, .domain = local->domain };
    struct buf *out = &b->scratch;

    buf_clear(out);
    buf_str(out, "<presence");
    xml_put_attr_jid(out, "from", &from);
    xml_put_attr_jid(out, "to", remote);
    if (id.n)
        xml_put_attr(out, "id", id);
    xml_put_attr(out, "type", slice_str(type));
    buf_str(out, "/>");
    note_presence(b, local, remote, true, slice_str(type), slice_of(NULL, 0));
    return bridge_send(b, local->domain, remote->domain, token, 0, fate);
}

/* ---- XMPP ---- */

/* Within user-presence-rate (STOX-SEC-15)? Without memory for that he is. */
static bool within_rate(struct bridge *b, const struct xmpp_stanza *stanza)
{
    unsigned rate = directory_gateway(b->directory)->user_presence_rate;

    if (rates_take(&b->watch_rates, stanza->from, rate, loop_now(b->loop)) != RATES_EXCESS)
        return true;
    b->counters.x2s_throttled++;
    return false;
}

/* May he ask? Where not, he is told. */
static void subscribe(struct bridge *b, const struct xmpp_stanza *stanza)
{
    static const struct gate_refusal stopping = { .type = "wait",
                                                  .condition = "recipient-unavailable",
                                                  .text = "The gateway is shutting down",
                                                  .why = "the gateway is shutting down" };
    static const struct gate_refusal fast = { .type = "wait",
                                              .condition = "resource-constraint",
                                              .text = "You are asking too fast",
                                              .why = "the user is faster than user-presence-rate" };
    struct gate_refusal no;

    if (!bridge_takes_presence(b) || !within_rate(b, stanza))
        refuse(b, stanza, bridge_takes_presence(b) ? &fast : &stopping);
    else if (!presence_route(b, stanza->to, stanza->from, &no) || !presence_may_ask(b, stanza->to, stanza->from, &no))
        refuse(b, stanza, &no);
    else
        watch_x2s_subscribe(b, stanza);
}

/* A probe that may not pass is not answered: `unsubscribed` would end what is only at rest. */
static void probe(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct gate_refusal no;

    if (bridge_takes_presence(b) && within_rate(b, stanza) && presence_route(b, stanza->to, stanza->from, &no))
        watch_x2s_probe(b, stanza);
    else
        handled(b, stanza);
}

/* Whether one of theirs is there is what ours look at, and what tells whether he looks at ours. */
static void state(struct bridge *b, const struct xmpp_stanza *stanza, bool available)
{
    struct gate_refusal no;

    if (!available || presence_route(b, stanza->to, stanza->from, &no)) {
        watch_s2x_presence(b, stanza);
        watch_x2s_peer(b, stanza->from, stanza->to, available);
    }
    if (!available)
        im_session_offline(b, stanza->from, stanza->to);
    handled(b, stanza);
}

static void unknown(struct bridge *b, const struct xmpp_stanza *stanza)
{
    static const struct gate_refusal no = { .type = "modify",
                                            .condition = "bad-request",
                                            .text = "There is no presence of that type",
                                            .why = "there is no presence of that type" };

    refuse(b, stanza, &no);
}

void presence_stanza(struct bridge *b, const struct xmpp_stanza *stanza)
{
    enum type type = type_of(stanza->el);

    note_presence(b, stanza->to, stanza->from, false, xml_attr(stanza->el, "type"), stanza->from->resource);
    presence_trials_see(b, stanza, type == TYPE_ERROR ? note_condition(stanza->el) : NULL);
    switch (type) {
    case TYPE_AVAILABLE: state(b, stanza, true); break;
    case TYPE_UNAVAILABLE: state(b, stanza, false); break;
    case TYPE_SUBSCRIBE: subscribe(b, stanza); break;
    case TYPE_UNSUBSCRIBE: watch_x2s_unsubscribe(b, stanza); break;
    case TYPE_SUBSCRIBED: watch_s2x_subscribed(b, stanza); break;
    case TYPE_UNSUBSCRIBED: watch_s2x_unsubscribed(b, stanza); break;
    case TYPE_PROBE: probe(b, stanza); break;
    case TYPE_ERROR:
        watch_s2x_error(b, stanza);
        handled(b, stanza);
        break;
    case TYPE_UNKNOWN: unknown(b, stanza); break;
    }
}

/* ---- SIP ---- */

static bool is_ours_to_tell(const struct sip_sub *s)
{
    struct sip_sub_info info;

    sip_sub_show(s, &info);
    return info.notifier;
}

static void on_subscribe(void *owner, struct sip_sub *s, const struct sip_request *request, unsigned expires_s)
{
    if (sip_sub_is_winfo(s))
        winfo_subscribe(owner, s, request);
    else
        watch_s2x_subscribe(owner, s, request, expires_s);
}

static void on_describe(void *owner, struct sip_sub *s, bool last, struct sip_sub_notice *out)
{
    if (sip_sub_is_winfo(s))
        winfo_describe(s, last, out);
    else
        watch_s2x_describe(s, last, out);
}

static void on_refreshed(void *owner, struct sip_sub *s, const struct sip_msg *msg)
{
    if (sip_sub_is_winfo(s))
        winfo_refreshed(s);
    else
        watch_s2x_refreshed(s);
}

static void on_accepted(void *owner, struct sip_sub *s, unsigned expires_s)
{
    watch_x2s_accepted(s, expires_s);
}

static unsigned on_notified(void *owner, struct sip_sub *s, const struct sip_sub_notified *n)
{
    struct presence_trial *trial = presence_trial_of(owner, s);

    return trial ? presence_trial_notified(trial, n) : watch_x2s_notified(s, n);
}

static bool on_refresh(void *owner, struct sip_sub *s)
{
    return watch_x2s_refresh(s);
}

static bool on_way(void *owner, struct sip_sub *s, struct arena *a, struct sip_destination *out)
{
    const struct presence_trial *trial = presence_trial_of(owner, s);

    if (trial)
        return presence_trial_way(trial, a, out);
    if (sip_sub_is_winfo(s))
        return winfo_way(s, a, out);
    return is_ours_to_tell(s) ? watch_s2x_way(s, a, out) : watch_x2s_way(s, a, out);
}

static void on_ended(void *owner, struct sip_sub *s, const struct sip_sub_end *end)
{
    struct presence_trial *trial = presence_trial_of(owner, s);

    if (trial)
        presence_trial_ended(trial, end);
    else if (sip_sub_is_winfo(s))
        winfo_ended(s, end);
    else if (is_ours_to_tell(s))
        watch_s2x_ended(s, end);
    else
        watch_x2s_ended(s, end);
}

static void on_publish(void *owner, const struct sip_request *request)
{
    publish_take(owner, request);
}

static enum sip_publishing on_publishes(void *owner, struct slice host)
{
    return publish_allowed(owner, host);
}

static bool on_offers_winfo(void *owner, struct slice host)
{
    return publish_allowed(owner, host) == SIP_PUBLISHING_ALLOWED;
}

const struct sip_event_ops presence_ops = {
    .subscribe = on_subscribe,
    .describe = on_describe,
    .refreshed = on_refreshed,
    .accepted = on_accepted,
    .notified = on_notified,
    .refresh = on_refresh,
    .way = on_way,
    .ended = on_ended,
    .publish = on_publish,
    .publishes = on_publishes,
    .offers_winfo = on_offers_winfo,
};

/* ---- contacts that change elsewhere ---- */

static void on_removed(struct bridge *b, struct contact *c, enum contact_x2s x2s_before, enum contact_s2x s2x_before)
{
    struct jid local = contact_local_jid(c), remote = contact_remote_jid(c);
    enum xmpp_fate fate;

    watch_s2x_removed(b, c, s2x_before);
    if (x2s_before == c->x2s)
        return;
    if (c->x2s_watch)
        watch_x2s_remove(b, c);
    else
        (void)presence_send(b, &local, &remote, "unsubscribed", slice_of(NULL, 0), 0, &fate);
    winfo_changed(b, c, X2S_REJECTED);
}

static void on_changed(struct bridge *b, struct contact *c, enum contact_x2s x2s_before, enum contact_s2x s2x_before)
{
    watch_s2x_changed(b, c, s2x_before);
    if (x2s_before != c->x2s)
        winfo_changed(b, c, X2S_ENDED);
}

static const struct contact_ops contact_ops = { .removed = on_removed, .changed = on_changed };

/* ---- all of it ---- */

void presence_init(struct bridge *b)
{
    watches_s2x_init(b);
    watches_x2s_init(b);
    presence_rounds_init(b);
    presence_trials_init(b);
    publications_init(b);
    winfos_init(b);
    cards_init(b);
    b->contacts.ops = &contact_ops;
}

void presence_fini(struct bridge *b)
{
    presence_rounds_fini(b);
    presence_trials_fini(b);
    watches_s2x_fini(b);
    watches_x2s_fini(b);
    publications_fini(b);
    winfos_fini(b);
    cards_fini(b);
}

void presence_start(struct bridge *b)
{
    presence_rounds_start(b);
    watches_x2s_restore(b);
}

void presence_reconsider(struct bridge *b)
{
    watches_s2x_reconsider(b);
    watches_x2s_reconsider(b);
    winfos_reconsider(b);
}

bool presence_stop(struct bridge *b, size_t n)
{
    bool told = watches_s2x_stop(b, n);

    told = winfos_stop(b, n) && told;
    return watches_x2s_stop(b, n) && told;
}

void presence_resume(struct bridge *b)
{
    watches_x2s_resume(b);
    presence_start(b);
    presence_reconsider(b);
}

bool presence_settled(struct bridge *b, uint64_t token, enum xmpp_fate fate, const char *why)
{
    return presence_trials_settled(b, token, fate, why) || watch_s2x_settled(b, token, fate, why);
}

void presence_link(struct bridge *b, struct slice remote, bool up)
{
    if (up) {
        watch_s2x_domain_back(b, remote);
        presence_rounds_back(b, remote);
    } else {
        watch_s2x_domain_lost(b, remote);
        presence_rounds_lost(b, remote);
    }
}

void presence_wrote(struct bridge *b, const struct jid *local, const struct jid *remote)
{
    const struct route *route = directory_route_to(b->directory, local->domain);
    const struct listed *partner = directory_partner(b->directory, remote->domain);
    struct contact *c;
    const char *why;

    if (!route || route->added_by != ROUTE_ADDED_BY_MESSAGE || !partner ||
        (partner->settings->type != PARTNER_PUBLIC_UNVERIFIED && !(route->publish && route->publish_approval)))
        return;
    c = contact_make(b, local, remote, &why);
    if (c && contact_set_added(b, c, true))
        watch_x2s_added(b, c);
    else if (c)
        contact_tidy(b, c);
    if (!c)
        log_info(b->log, "contact-not-added", LOG_S("local", local->domain), LOG_S("remote", remote->domain),
                 LOG_Z("why", why));
}
