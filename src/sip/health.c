#include "sip/health.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "sip/stack.h"

/* One target. */
struct hop_health {
    struct hash_node node;
    struct list used;
    struct sip *sip;
    struct sip_target target;
    bool is_down, is_known;
    unsigned bad, good;          /* in a row */
    uint64_t since_ms, heard_ms; /* of the state; 0: nothing was heard yet */
    uint64_t good_ms;            /* of the last good answer; 0: none yet */
    uint64_t avoid_ms, alone_ms; /* until when */
    struct sip_client *asking;   /* OPTIONS */
    struct timer patience;
    uint64_t asked_ms;
    unsigned answer_ms;
    char why[160];
};

void sip_healths_init(struct sip_healths *h, struct sip *sip)
{
    h->sip = sip;
    hash_init(&h->by_target);
    list_init(&h->used);
}

static void hop_free(struct hop_health *h)
{
    if (h->asking)
        sip_client_forget(h->asking);
    timer_stop(&h->sip->loop->timers, &h->patience);
    hash_remove(&h->sip->healths.by_target, &h->node);
    list_unlink(&h->used);
    free(h);
}

void sip_healths_fini(struct sip_healths *t)
{
    list_each_safe (it, tmp, &t->used)
        hop_free(container_of(it, struct hop_health, used));
    hash_free(&t->by_target);
}

static bool is_target(const struct hash_node *node, const void *key)
{
    return sip_target_eq(&container_of(node, struct hop_health, node)->target, key);
}

static struct hop_health *find(const struct sip *sip, const struct sip_target *target)
{
    const struct hash *h = &sip->healths.by_target;
    struct hash_node *node = h->n ? hash_find(h, sip_target_hash(h, target), is_target, target) : NULL;

    return node ? container_of(node, struct hop_health, node) : NULL;
}

static void on_patience(struct timer *t);

/* NULL on memory: then nothing is known of it, which is no harm. */
static struct hop_health *make(struct sip *sip, const struct sip_target *target)
{
    struct sip_healths *t = &sip->healths;
    struct hop_health *h = find(sip, target);

    if (h) {
        list_unlink(&h->used);
        list_push(&t->used, &h->used);
        return h;
    }
    if (t->by_target.n >= SIP_HEALTH_MAX)
        hop_free(container_of(t->used.next, struct hop_health, used));
    h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->sip = sip;
    h->target = *target;
    timer_init(&h->patience, on_patience);
    if (!hash_add(&t->by_target, &h->node, sip_target_hash(&t->by_target, target))) {
        free(h);
        return NULL;
    }
    list_push(&t->used, &h->used);
    return h;
}

static void set_down(struct hop_health *h, bool down)
{
    char text[ADDR_TEXT];

    if (h->is_down != down || !h->is_known)
        h->since_ms = loop_now(h->sip->loop);
    h->is_known = true;
    if (h->is_down == down)
        return;
    h->is_down = down;
    if (down)
        log_warning(h->sip->loop->log, "sip-hop-down", LOG_Z("hop", addr_text(&h->target.addr, text)),
                    LOG_Z("transport", sip_transport_name(h->target.transport)), LOG_Z("route", h->target.route),
                    LOG_Z("why", h->why),
                    LOG_Z("effect", "it is tried after the others; stoxctl route test says more"));
    else
        log_info(h->sip->loop->log, "sip-hop-up", LOG_Z("hop", addr_text(&h->target.addr, text)),
                 LOG_Z("transport", sip_transport_name(h->target.transport)), LOG_Z("route", h->target.route));
}

static void answered(struct hop_health *h)
{
    h->good_ms = h->heard_ms = loop_now(h->sip->loop);
    h->bad = 0;
    h->good += h->good < SIP_HEALTH_CHANGES;
    if (h->is_down && h->good < SIP_HEALTH_CHANGES)
        return;
    h->avoid_ms = 0;
    set_down(h, false);
}

void sip_health_answered(struct sip *sip, const struct sip_target *target)
{
    struct hop_health *h = find(sip, target);

    if (h)
        answered(h);
}

static void avoid(struct hop_health *h)
{
    uint64_t ms = SIP_HEALTH_AVOID_MIN_MS;

    for (unsigned i = 1; i < h->bad && ms < SIP_HEALTH_AVOID_MAX_MS; i++)
        ms *= 2;
    h->avoid_ms = h->heard_ms + (ms < SIP_HEALTH_AVOID_MAX_MS ? ms : SIP_HEALTH_AVOID_MAX_MS);
}

static void failed(struct hop_health *h, const char *why)
{
    h->heard_ms = loop_now(h->sip->loop);
    h->good = 0;
    h->bad += h->bad < 16;
    snprintf(h->why, sizeof(h->why), "%s", why);
    avoid(h);
    if (h->bad >= SIP_HEALTH_CHANGES)
        set_down(h, true);
}

bool sip_health_heard_since(const struct sip *sip, const struct sip_target *target, uint64_t since_ms)
{
    const struct hop_health *h = find(sip, target);

    return h && h->good_ms && h->good_ms >= since_ms;
}

void sip_health_failed(struct sip *sip, const struct sip_target *target, const char *why)
{
    struct hop_health *h = make(sip, target);

    if (h)
        failed(h, why);
}

void sip_health_busy(struct sip *sip, const struct sip_target *target, unsigned retry_after_s)
{
    struct hop_health *h = make(sip, target);

    if (!h)
        return;
    if (retry_after_s > SIP_HEALTH_ALONE_MAX_S)
        retry_after_s = SIP_HEALTH_ALONE_MAX_S;
    failed(h, "it answers 503 Service Unavailable");
    h->alone_ms = h->heard_ms + retry_after_s * 1000ull;
}

void sip_health_judge(struct sip *sip, const struct sip_target *target, uint64_t since_ms,
                      const struct sip_result *result)
{
    if (result->status == 503)
        sip_health_busy(sip, target, sip_retry_after(result->msg));
    else if (result->status && result->status != 408)
        sip_health_answered(sip, target);
    else if (result->status == 0 && result->no_answer == SIP_UNREACHABLE)
        sip_health_failed(sip, target, "it cannot be connected to, or refuses");
    else if (result->status == 0 && result->no_answer == SIP_TIMED_OUT &&
             !sip_health_heard_since(sip, target, since_ms))
        sip_health_failed(sip, target, "it does not answer");
}

enum sip_fitness sip_health_fitness(const struct sip *sip, const struct sip_target *target)
{
    const struct hop_health *h = find(sip, target);
    uint64_t now = loop_now(sip->loop);

    if (!h)
        return SIP_FIT;
    if (now < h->alone_ms)
        return SIP_FIT_NOT;
    return h->is_down || now < h->avoid_ms ? SIP_FIT_LAST : SIP_FIT;
}

unsigned sip_retry_after(const struct sip_msg *m)
{
    const struct sip_header *h = sip_msg_header(m, SIP_H_RETRY_AFTER);
    size_t n = 0;
    uint64_t s = 0;

    while (h && n < h->value.n && h->value.p[n] >= '0' && h->value.p[n] <= '9')
        n++;
    if (n && !slice_u64(slice_first(h->value, n), UINT32_MAX, &s))
        s = UINT32_MAX;
    return (unsigned)s;
}

/* ---- OPTIONS ---- */

static void on_options(void *arg, const struct sip_result *result)
{
    struct hop_health *h = arg;

    h->asking = NULL;
    timer_stop(&h->sip->loop->timers, &h->patience);
    if (result->status == 503) {
        sip_health_busy(h->sip, &h->target, sip_retry_after(result->msg));
    } else if (result->status && result->status != 408) {
        h->answer_ms = (unsigned)(loop_now(h->sip->loop) - h->asked_ms);
        h->alone_ms = 0;
        answered(h);
    } else if (result->no_answer != SIP_NO_MEMORY) {
        failed(h, result->status                         ? "it answers OPTIONS by 408 Request Timeout"
                  : result->no_answer == SIP_UNREACHABLE ? "it cannot be connected to, or refuses"
                                                         : "it does not answer OPTIONS");
    }
}

static void on_patience(struct timer *t)
{
    struct hop_health *h = container_of(t, struct hop_health, patience);

    if (h->asking)
        sip_client_drop(h->asking);
    h->asking = NULL;
    failed(h, "it does not answer OPTIONS");
}

struct sip_client *sip_ask_options(struct sip *sip, const struct sip_target *target, sip_done *done, void *arg)
{
    char uri[ADDR_TEXT + 32], at[ADDR_TEXT], from[SIP_HOST_MAX + 64], to[sizeof(uri) + 2], tag[17],
        id[33 + SIP_HOST_MAX + 4];
    char call[33];
    struct sip_send request = { .method = SIP_OPTIONS, .cseq = 1, .max_forwards = 70 };

    rand_hex(tag, 16);
    rand_hex(call, 32);
    snprintf(uri, sizeof(uri), "sip:%s%s", addr_text(&target->addr, at),
             target->transport == SIP_UDP   ? ""
             : target->transport == SIP_TCP ? ";transport=tcp"
                                            : ";transport=tls");
    snprintf(from, sizeof(from), "<sip:%s>;tag=%s", sip->host, tag);
    snprintf(to, sizeof(to), "<%s>", uri);
    snprintf(id, sizeof(id), "%s@%s", call, sip->host);
    request.uri = slice_str(uri);
    request.from = slice_str(from);
    request.to = slice_str(to);
    request.call_id = slice_str(id);
    request.headers = SLICE("Accept: text/plain\r\n");
    return sip_send(sip, target, &request, done, arg);
}

void sip_health_check(struct sip *sip, const struct sip_targets *targets)
{
    for (size_t i = 0; i < targets->n; i++) {
        struct hop_health *h = make(sip, &targets->v[i].target);

        if (!h || h->asking || loop_now(sip->loop) < h->alone_ms)
            continue;
        h->asked_ms = loop_now(sip->loop);
        h->asking = sip_ask_options(sip, &h->target, on_options, h);
        if (h->asking)
            timer_start(&sip->loop->timers, &h->patience, SIP_HEALTH_ANSWER_MS);
    }
}

/* ---- for administrators ---- */

const char *sip_health_name(const struct sip_health_info *info)
{
    switch (info->state) {
    case SIP_HOP_UNKNOWN: return "unknown";
    case SIP_HOP_UP: return "up";
    case SIP_HOP_DOWN: return "down";
    }
    return "unknown";
}

void sip_health_show(const struct sip *sip, const struct sip_target *target, struct sip_health_info *out)
{
    const struct hop_health *h = find(sip, target);
    uint64_t now = loop_now(sip->loop);

    *out = (struct sip_health_info){ .since_ms = UINT64_MAX, .checked_ms = UINT64_MAX, .why = "" };
    if (!h || !h->heard_ms)
        return;
    out->state = !h->is_known ? SIP_HOP_UNKNOWN : h->is_down ? SIP_HOP_DOWN : SIP_HOP_UP;
    if (h->is_known)
        out->since_ms = now - h->since_ms;
    out->checked_ms = now - h->heard_ms;
    out->answer_ms = h->answer_ms;
    out->alone_ms = now < h->alone_ms ? h->alone_ms - now : 0;
    out->why = h->why;
}
