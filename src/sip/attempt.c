#include "sip/attempt.h"

#include <stdio.h>
#include <stdlib.h>

#include "sip/redirect.h"
#include "sip/stack.h"

#define LEGS_MAX 6 /* targets tried for one request */
#define BRANCH_MAX 256
#define CSEQ_STEP 4 /* between requests with another URI: one that is asked for credentials has those in between */

/* One target that the request was given to. */
struct leg {
    struct sip_attempt *attempt;
    struct sip_client *client; /* NULL: it has ended */
    uint64_t since_ms;
    uint8_t place; /* in targets */
    bool by_tcp;   /* a UDP target, but the request is too long for that */
};

struct sip_attempt {
    struct list link;
    struct sip *sip;
    struct sip_send request;
    sip_done *done;
    void *arg;
    struct sip_lookup *lookup;
    struct sip_targets *targets;
    uint8_t order[SIP_TARGETS_MAX];
    size_t n_order, i_order;
    struct leg legs[LEGS_MAX];
    size_t n_legs;
    struct timer timer; /* the silence of the last leg, or the end of the hold time */
    uint64_t end_ms;
    enum sip_no_answer said; /* the worst of the legs without an answer */
    bool repeated;           /* something that may have arrived was sent again */
    struct sip_redirects *redirects;
    char branch[BRANCH_MAX]; /* of the request that it was sent elsewhere as */
    bool longer;             /* it went again another way, as it is longer with credentials */
};

static void on_timer(struct timer *t);
static void on_leg(void *arg, const struct sip_result *result);
static void next(struct sip_attempt *a);

static void attempt_free(struct sip_attempt *a)
{
    timer_stop(&a->sip->loop->timers, &a->timer);
    sip_locate_cancel(a->lookup);
    for (size_t i = 0; i < a->n_legs; i++)
        if (a->legs[i].client)
            sip_client_forget(a->legs[i].client);
    sip_targets_drop(a->targets);
    sip_redirects_free(a->redirects);
    list_unlink(&a->link);
    free(a);
}

void sip_attempts_fini(struct sip *sip)
{
    list_each_safe (it, tmp, &sip->attempts)
        attempt_free(container_of(it, struct sip_attempt, link));
}

void sip_request_forget(struct sip_attempt *a)
{
    attempt_free(a);
}

static void report(struct sip_attempt *a, const struct sip_result *result)
{
    sip_done *done = a->done;
    void *arg = a->arg;

    attempt_free(a);
    done(arg, result);
}

/* From the loop, since the owner may be inside of sip_request. */
static void end_soon(struct sip_attempt *a, enum sip_no_answer why)
{
    a->said = why;
    a->end_ms = 0;
    timer_start(&a->sip->loop->timers, &a->timer, 0);
}

/* ---- one leg ---- */

static uint32_t fingerprint(const struct sip_target *target)
{
    char text[ADDR_TEXT];
    uint32_t h =
        2166136261u ^ (uint32_t)target->transport; /* FNV-1a: the same after a restart; nobody gains by a collision */

    addr_text(&target->addr, text);
    for (const char *p = text; *p; p++)
        h = (h ^ (unsigned char)*p) * 16777619u;
    return h;
}

static struct slice branch_to(const struct sip_attempt *a, const struct sip_target *target, char out[BRANCH_MAX])
{
    struct slice b = a->request.branch;
    uint32_t print = fingerprint(target);

    if (!b.n || b.n + 10 > BRANCH_MAX)
        return b;
    memcpy(out, b.p, b.n);
    out[b.n] = '.';
    for (size_t i = 0; i < 8; i++)
        out[b.n + 1 + i] = "0123456789abcdef"[print >> (28 - 4 * i) & 15];
    return slice_of(out, b.n + 9);
}

/* Its route set and its target are the dialog's (12.2.1.1). */
static bool is_in_dialog(const struct sip_send *request)
{
    struct sip_name_addr to;
    struct slice tag;

    return sip_name_addr_parse(request->to, &to) && sip_param(to.params, "tag", &tag);
}

/* Where to and with which branch, for this request. False: it is too long for that. */
static bool shape(const struct sip_attempt *a, struct leg *leg, struct sip_target *target, struct sip_send *request,
                  char branch[BRANCH_MAX])
{
    *target = a->targets->v[leg->place].target;
    request->branch = branch_to(a, target, branch);
    request->to_proxy = a->targets->to_proxy && !is_in_dialog(&a->request);
    if (target->transport != SIP_UDP || sip_send_fits(a->sip, target, request, SIP_UDP_REQUEST_MAX))
        return true;
    if (!(a->targets->transports & SIP_MAY(SIP_TCP)))
        return false;
    target->transport = SIP_TCP;
    leg->by_tcp = true;
    request->branch = branch_to(a, target, branch);
    return true;
}

static bool has_next(const struct sip_attempt *a)
{
    return a->i_order < a->n_order && a->n_legs < LEGS_MAX;
}

static void wait_for(struct sip_attempt *a)
{
    uint64_t now = loop_now(a->sip->loop), left = a->end_ms > now ? a->end_ms - now : 0;

    if (has_next(a) && left > SIP_ATTEMPT_SILENCE_MS)
        left = SIP_ATTEMPT_SILENCE_MS;
    timer_start(&a->sip->loop->timers, &a->timer, left);
}

/* False: it cannot go that way, and said tells why. */
static bool launch(struct sip_attempt *a, uint8_t place)
{
    struct leg *leg = &a->legs[a->n_legs];
    struct sip_send request = a->request;
    struct sip_target target;
    char branch[BRANCH_MAX];

    *leg = (struct leg){ .attempt = a, .place = place, .since_ms = loop_now(a->sip->loop) };
    if (!shape(a, leg, &target, &request, branch)) {
        a->said = SIP_TOO_LONG;
        return false;
    }
    leg->client = sip_send(a->sip, &target, &request, on_leg, leg);
    if (!leg->client) { /* too much is under way, or this very request: another server would not change that */
        a->said = SIP_NO_MEMORY;
        a->i_order = a->n_order;
        return false;
    }
    a->n_legs++;
    return true;
}

static bool is_under_way(const struct sip_attempt *a)
{
    for (size_t i = 0; i < a->n_legs; i++)
        if (a->legs[i].client)
            return true;
    return false;
}

static void next(struct sip_attempt *a)
{
    while (has_next(a)) {
        if (!launch(a, a->order[a->i_order++]))
            continue;
        wait_for(a);
        return;
    }
    if (is_under_way(a)) /* an earlier one may still answer */
        wait_for(a);
    else
        end_soon(a, a->said);
}

/* ---- what comes of it ---- */

static const struct sip_target *target_of(const struct sip_attempt *a, const struct leg *leg)
{
    return &a->targets->v[leg->place].target;
}

static void judge_target(struct sip_attempt *a, const struct leg *leg, const struct sip_result *result)
{
    sip_health_judge(a->sip, target_of(a, leg), leg->since_ms, result);
}

/* Nothing has come back. */
static void blame_silence(struct sip_attempt *a, const struct leg *leg)
{
    judge_target(a, leg, &(struct sip_result){ .no_answer = SIP_TIMED_OUT });
}

static bool may_have_arrived(const struct sip_attempt *a)
{
    return a->said == SIP_TIMED_OUT;
}

/* One leg has come to nothing: the next one, unless another is under way. */
static void leg_failed(struct sip_attempt *a, enum sip_no_answer why)
{
    if (!may_have_arrived(a))
        a->said = why;
    if (is_under_way(a))
        return;
    if (why == SIP_UNREACHABLE)
        next(a);
    else
        report(a, &(struct sip_result){ .no_answer = a->said });
}

/* The server asks for credentials, and with these the request is too long for UDP. True: it has set out another way. */
static bool goes_longer(struct sip_attempt *a, const struct leg *leg, const struct sip_result *result)
{
    if (!result->signable || a->longer || a->n_legs == LEGS_MAX || is_under_way(a))
        return false;
    a->longer = true;
    if (!launch(a, leg->place))
        return false;
    wait_for(a);
    return true;
}

/* A branch of its own for each URI, the same after a restart. */
static void rename_branch(struct sip_attempt *a)
{
    struct slice b = a->request.branch;
    char kept[BRANCH_MAX];

    if (!b.n || b.n + 4 > sizeof(kept))
        return;
    memcpy(kept, b.p, b.n);
    a->request.branch = slice_of(a->branch, (size_t)snprintf(a->branch, sizeof(a->branch), "%.*s.r", (int)b.n, kept));
}

/* RFC 3261 8.1.3.4: another request of the same call. True: it has set out, to the same server. */
static bool goes_elsewhere(struct sip_attempt *a, const struct leg *leg, const struct sip_result *result)
{
    struct slice uri, route = slice_str(target_of(a, leg)->route);

    if (a->n_legs == LEGS_MAX || is_under_way(a) || is_in_dialog(&a->request) ||
        !sip_redirected(a->sip, &a->redirects, route, a->request.uri, result->msg, &uri))
        return false;
    a->request.uri = uri;
    a->request.cseq += CSEQ_STEP;
    rename_branch(a);
    if (!launch(a, leg->place))
        return false;
    wait_for(a);
    return true;
}

static void on_leg(void *arg, const struct sip_result *result)
{
    struct leg *leg = arg;
    struct sip_attempt *a = leg->attempt;

    leg->client = NULL;
    judge_target(a, leg, result);
    if (result->status == 0)
        leg_failed(a, result->no_answer);
    else if (result->status == 503 && (is_under_way(a) || has_next(a)))
        leg_failed(a, SIP_UNREACHABLE);
    else if (result->status == 482 && a->repeated)
        leg_failed(a, SIP_TIMED_OUT);
    else if (!goes_longer(a, leg, result) && !goes_elsewhere(a, leg, result))
        report(a, result->signable && a->said == SIP_TOO_LONG ? &(struct sip_result){ .no_answer = SIP_TOO_LONG }
                                                              : result);
}

/* The last leg has been silent for long. True: the next one may be tried. */
static bool give_up_leg(struct sip_attempt *a)
{
    struct leg *leg = &a->legs[a->n_legs - 1];
    const struct sip_target *target = &a->targets->v[leg->place].target;

    switch (leg->client ? sip_client_progress(leg->client) : SIP_CLIENT_HEARD) {
    case SIP_CLIENT_UNSENT:
        sip_client_drop(leg->client);
        leg->client = NULL;
        if (!may_have_arrived(a))
            a->said = SIP_UNREACHABLE;
        sip_health_failed(a->sip, target, "it cannot be connected to: nothing comes back");
        return true;
    case SIP_CLIENT_SILENT:
        if (target->transport != SIP_UDP || leg->by_tcp || sip_health_heard_since(a->sip, target, leg->since_ms))
            return false;
        sip_client_quiet(leg->client);
        a->said = SIP_TIMED_OUT;
        a->repeated = true;
        blame_silence(a, leg);
        return true;
    case SIP_CLIENT_HEARD: break;
    }
    return false;
}

/* All is over: what may have arrived, or was sent and not answered, is told as such. */
static void expire(struct sip_attempt *a)
{
    struct sip_result result = { .no_answer = a->said };

    for (size_t i = 0; i < a->n_legs; i++) {
        struct leg *leg = &a->legs[i];

        if (!leg->client)
            continue;
        if (sip_client_progress(leg->client) == SIP_CLIENT_UNSENT) {
            sip_client_drop(leg->client);
            leg->client = NULL;
        } else {
            result.no_answer = SIP_TIMED_OUT;
        }
        if (leg->client && !a->repeated && sip_client_progress(leg->client) == SIP_CLIENT_SILENT)
            blame_silence(a, leg);
    }
    report(a, &result);
}

static void on_timer(struct timer *t)
{
    struct sip_attempt *a = container_of(t, struct sip_attempt, timer);

    if (loop_now(a->sip->loop) >= a->end_ms)
        expire(a);
    else if (a->n_legs && has_next(a) && give_up_leg(a))
        next(a);
    else
        timer_start(&a->sip->loop->timers, &a->timer, a->end_ms - loop_now(a->sip->loop));
}

/* ---- its beginning ---- */

static void set_out(struct sip_attempt *a, struct sip_targets *targets)
{
    a->targets = sip_targets_keep(targets);
    a->said = SIP_LEFT_ALONE;
    a->n_order = sip_targets_order(a->sip, targets, a->order);
    next(a);
}

static void on_located(void *arg, struct sip_targets *targets, enum sip_fault fault, const char *why)
{
    struct sip_attempt *a = arg;

    a->lookup = NULL;
    if (targets)
        set_out(a, targets);
    else
        report(a, &(struct sip_result){ .no_answer = fault == SIP_FAULT_OURSELVES ? SIP_NO_MEMORY : SIP_NOT_FOUND });
}

struct sip_attempt *sip_request(struct sip *sip, const struct sip_destination *to, const struct sip_send *request,
                                uint64_t hold_ms, sip_done *done, void *arg)
{
    struct sip_attempt *a = calloc(1, sizeof(*a));
    struct sip_targets *targets;

    if (!a)
        return NULL;
    a->sip = sip;
    a->request = *request;
    a->done = done;
    a->arg = arg;
    a->said = SIP_NOT_FOUND;
    a->end_ms = loop_now(sip->loop) + hold_ms;
    timer_init(&a->timer, on_timer);
    list_push(&sip->attempts, &a->link);
    targets = sip_located(sip, to);
    if (targets) {
        set_out(a, targets);
        sip_targets_drop(targets);
        return a;
    }
    a->lookup = sip_locate(sip, to, on_located, a);
    if (a->lookup) {
        timer_start(&sip->loop->timers, &a->timer, hold_ms);
        return a;
    }
    attempt_free(a);
    return NULL;
}
