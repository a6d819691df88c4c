#include "daemon/answers.h"

#include "base/clock.h"
#include "daemon/answers_parts.h"

/* ---- how it is ---- */

struct sums {
    struct bridge *bridge;
    struct bridge_counters counters;
    uint64_t in, out, negotiating;
};

static void count_stream(void *arg, const struct xmpp_stream_info *info)
{
    struct sums *s = arg;

    if (!info->authenticated)
        s->negotiating++;
    else if (info->inbound)
        s->in++;
    else
        s->out++;
}

static void sum_up(void *arg)
{
    struct sums *s = arg;

    s->counters = *bridge_counters(s->bridge);
    bridge_each_stream(s->bridge, count_stream, s);
}

static json_t *messages_json(const struct bridge_counters *c)
{
    return json_pack("{s:{s:I,s:I,s:I,s:I,s:I,s:I}, s:{s:I,s:I,s:I}, s:I, s:I}", "sip-to-xmpp", "in",
                     (json_int_t)c->s2x_in, "delivered", (json_int_t)c->s2x_delivered, "unconfirmed",
                     (json_int_t)c->s2x_unconfirmed, "refused", (json_int_t)c->s2x_refused, "timed-out",
                     (json_int_t)c->s2x_timed_out, "outcome-unknown", (json_int_t)c->s2x_outcome_unknown, "xmpp-to-sip",
                     "in", (json_int_t)c->x2s_in, "delivered", (json_int_t)c->x2s_delivered, "refused",
                     (json_int_t)c->x2s_refused, "held", (json_int_t)c->held, "queued", (json_int_t)c->queued);
}

static json_t *on_status(void *owner)
{
    struct answers *a = owner;
    struct sums sums = { .bridge = a->bridge };
    struct config *config;
    char away[300];
    const char *why;
    json_t *o;

    if (!loop_call(a->door, sum_up, &sums))
        return NULL;
    config = keeper_config(a->keeper);
    why = keeper_away(a->keeper, away, sizeof(away));
    o = json_pack("{s:s, s:I, s:{s:s,s:b,s:s?,s:I}, s:{s:I,s:I,s:b}, s:{s:I,s:I,s:I}, s:o}", "version", STOX_VERSION,
                  "uptime-s", (json_int_t)((clock_mono_ms() - a->started_ms) / 1000), "store", "engine", a->store,
                  "takes-changes", why == NULL, "why-not", why, "change", (json_int_t)config->seq, "configuration",
                  "partners", (json_int_t)config_list(config, &partner_kind)->n, "sip-domains",
                  (json_int_t)config_list(config, &sip_domain_kind)->n, "federation", config_org(config)->federation,
                  "streams", "in", (json_int_t)sums.in, "out", (json_int_t)sums.out, "negotiating",
                  (json_int_t)sums.negotiating, "messages", messages_json(&sums.counters));
    config_drop(config);
    answers_add_certificates(a, o);
    answers_add_acme(a, o);
    answers_add_verdicts(a, o);
    return o;
}

/* ---- metrics ---- */

struct metrics {
    struct bridge *bridge;
    struct buf *out;
};

static void put_metrics(void *arg)
{
    struct metrics *m = arg;

    bridge_put_metrics(m->bridge, m->out);
}

static bool on_metrics(void *owner, struct buf *out)
{
    struct answers *a = owner;
    struct metrics m = { a->bridge, out };
    char away[300];

    if (!loop_call(a->door, put_metrics, &m))
        return false;
    answers_put_certificates(a, out);
    answers_put_acme(a, out);
    answers_put_verdicts(a, out);
    buf_printf(
        out,
        "# TYPE stox_store_takes_changes gauge\n# HELP stox_store_takes_changes 1 while settings can be changed.\n"
        "stox_store_takes_changes %d\n# EOF\n",
        keeper_away(a->keeper, away, sizeof(away)) ? 0 : 1);
    return buf_ok(out);
}

const struct admin_ops answers_ops = {
    .identities = answer_identities,
    .status = on_status,
    .metrics = on_metrics,
    .history = answer_history,
    .service = answer_service,
    .service_do = answer_service_do,
    .streams = answer_streams,
    .stream_close = answer_stream_close,
    .stream = answer_stream,
    .partner_status = answer_partner_status,
    .partner_states = answer_partner_states,
    .test_start = answer_test_start,
    .test = answer_test,
    .route_status = answer_route_status,
    .route_test_start = answer_route_test_start,
    .route_test = answer_route_test,
    .link = answer_link,
    .proxy_status = answer_proxy_status,
    .proxy_test_start = answer_proxy_test_start,
    .proxy_test = answer_proxy_test,
    .conversations = answer_conversations,
    .conversation = answer_conversation,
    .queue = answer_queue,
    .subscriptions = answer_subscriptions,
    .subscription = answer_subscription,
    .subscription_refresh = answer_subscription_refresh,
    .gates = answer_gates,
    .contacts = answer_contacts,
    .contacts_browse = answer_contacts_browse,
    .contact = answer_contact,
    .contact_remove = answer_contact_remove,
    .contacts_purge = answer_contacts_purge,
    .contacts_put = answer_contacts_put,
    .trace_start = answer_trace_start,
    .trace_read = answer_trace_read,
    .trace_end = answer_trace_end,
    .im_test_start = answer_im_test_start,
    .im_test = answer_im_test,
    .presence_test_start = answer_presence_test_start,
    .presence_test = answer_presence_test,
    .dns_records = answer_dns_records,
    .check_start = answer_check_start,
    .check = answer_check,
    .acme_start = answer_acme_start,
    .acme = answer_acme,
};
