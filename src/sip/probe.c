#include "sip/probe.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "sip/find.h"
#include "sip/stack.h"
#include "sip/verdict.h"

#define STEPS_MAX 16384
#define WHY_MAX 600
#define HOP_TEXT (ADDR_TEXT + 16)

struct sip_probe {
    struct list link; /* the oldest first */
    struct sip *sip;
    uint64_t id;
    char route[SIP_ROUTE_MAX + 1], domain[SIP_HOST_MAX + 1];
    struct sip_find *find;
    struct sip_targets *targets;
    size_t i; /* the server that is asked */
    struct sip_client *client;
    struct timer timer; /* the answer is due; when done: forget it */
    uint64_t began_ms, ended_ms, asked_ms;
    bool done, has_names;
    struct steps steps;
    enum sip_fault fault; /* the first one */
    char why[WHY_MAX], hop[HOP_TEXT], works_by[HOP_TEXT];
    char verdict[SIP_VERDICT_TEXT];
};

static void ask(struct sip_probe *p);

static void note(struct sip_probe *p, enum sip_step step, enum step_result result, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void note(struct sip_probe *p, enum sip_step step, enum step_result result, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    steps_vadd(&p->steps, loop_now(p->sip->loop), step, result, fmt, ap);
    va_end(ap);
}

static void let_go(struct sip_probe *p)
{
    sip_find_stop(p->find);
    p->find = NULL;
    if (p->client)
        sip_client_drop(p->client);
    p->client = NULL;
    timer_stop(&p->sip->loop->timers, &p->timer);
    sip_streams_close_apart(p->sip, p->id);
}

static void probe_free(struct sip_probe *p)
{
    if (!p->done)
        let_go(p);
    timer_stop(&p->sip->loop->timers, &p->timer);
    sip_targets_drop(p->targets);
    steps_fini(&p->steps);
    list_unlink(&p->link);
    p->sip->n_probes--;
    free(p);
}

void sip_probes_fini(struct sip *sip)
{
    list_each_safe (it, tmp, &sip->probes)
        probe_free(container_of(it, struct sip_probe, link));
}

static struct sip_probe *find_probe(const struct sip *sip, uint64_t id)
{
    list_each (it, &sip->probes) {
        struct sip_probe *p = container_of(it, struct sip_probe, link);

        if (p->id == id)
            return p;
    }
    return NULL;
}

/* The running test whose connection this is, at the server that it asks now. */
static struct sip_probe *probe_of(const struct sip_stream *s)
{
    struct sip_probe *p = find_probe(s->sip, s->target.apart);

    return p && !p->done && p->targets && addr_eq(&p->targets->v[p->i].target.addr, &s->target.addr) ? p : NULL;
}

/* ---- its end ---- */

static void finish(struct sip_probe *p)
{
    const struct sip_verdict_case c = { .route = slice_str(p->route),
                                        .domain = slice_str(p->domain),
                                        .hop = p->hop,
                                        .works_by = p->works_by,
                                        .fault = p->fault,
                                        .why = p->why };

    let_go(p);
    sip_verdict(&c, p->verdict);
    p->done = true;
    p->ended_ms = loop_now(p->sip->loop);
    steps_shrink(&p->steps);
    timer_start(&p->sip->loop->timers, &p->timer, SIP_PROBE_KEEP_MS);
    log_info(p->sip->loop->log, "route-tested", LOG_Z("route", p->route), LOG_Z("domain", p->domain),
             LOG_Z("works", p->works_by[0] ? "yes" : "no"), LOG_Z("fault", sip_fault_name(p->fault)),
             LOG_Z("verdict", p->verdict));
}

static const char *hop_text(const struct sip_target *t, char out[HOP_TEXT])
{
    char at[ADDR_TEXT];

    snprintf(out, HOP_TEXT, "%s (%s)", addr_text(&t->addr, at), sip_transport_name(t->transport));
    return out;
}

/* The server is done with; blame and steps are written. From the loop: another one may be asked at once. */
static void next(struct sip_probe *p)
{
    if (p->client)
        sip_client_drop(p->client);
    p->client = NULL;
    timer_stop(&p->sip->loop->timers, &p->timer);
    p->i++;
    if (p->i < p->targets->n)
        ask(p);
    else
        finish(p);
}

static void blame(struct sip_probe *p, enum sip_fault fault, const char *why)
{
    if (p->fault != SIP_FAULT_NONE)
        return;
    p->fault = fault;
    snprintf(p->why, sizeof(p->why), "%s", why);
    if (p->targets)
        hop_text(&p->targets->v[p->i].target, p->hop);
}

/* Not at once, since a connection or transaction may be what calls. */
static void next_soon(struct sip_probe *p)
{
    p->asked_ms = 0;
    timer_start(&p->sip->loop->timers, &p->timer, 0);
}

/* ---- what its connection does ---- */

void sip_probe_sees_open(struct sip_stream *s)
{
    struct sip_probe *p = probe_of(s);
    char hop[HOP_TEXT];

    if (p)
        note(p, SIP_STEP_CONNECT, STEP_OK, "connected to %s", hop_text(&s->target, hop));
}

static enum sip_fault fault_of_certificate(const struct tls_peer *peer)
{
    if (!peer->presented)
        return SIP_FAULT_CERT_MISSING;
    switch (peer->fault_kind) {
    case TLS_CERT_FINE: return SIP_FAULT_CERT_NAME;
    case TLS_CERT_EXPIRED: return SIP_FAULT_CERT_EXPIRED;
    case TLS_CERT_NOT_YET: return SIP_FAULT_CERT_NOT_YET;
    case TLS_CERT_SELF_SIGNED:
    case TLS_CERT_UNKNOWN_ISSUER: return SIP_FAULT_CERT_UNKNOWN_CA;
    case TLS_CERT_REVOKED:
    case TLS_CERT_OTHER: break;
    }
    return SIP_FAULT_CERT_OTHER;
}

void sip_probe_sees_certificate(struct sip_stream *s, bool good, const char *why)
{
    struct sip_probe *p = probe_of(s);
    char mem[4096], names[400], text[WHY_MAX];
    struct tls_peer peer;
    struct arena arena;

    if (!p)
        return;
    arena_init_on(&arena, mem, sizeof(mem), 1u << 20);
    note(p, SIP_STEP_TLS, STEP_OK, "%s, %s", conn_tls_version(s->conn), conn_tls_cipher(s->conn));
    if (tls_peer(conn_ssl(s->conn), &arena, &peer)) {
        sip_cert_put_names(peer.names, peer.n_names, names, sizeof(names));
        if (peer.presented)
            note(p, SIP_STEP_CERTIFICATE, STEP_NOTE, "for %s, issued by %.*s, valid until %s", names,
                 SLICE_FMT(peer.issuer), peer.until);
        if (good) {
            note(p, SIP_STEP_CERTIFICATE, STEP_OK, "accepted for %s", s->target.host);
        } else {
            snprintf(text, sizeof(text), "%s%s%s", why ? why : "it shows none", peer.trusted ? "; it is for " : "",
                     peer.trusted ? names : "");
            note(p, SIP_STEP_CERTIFICATE, STEP_FAILED, "not accepted: %s", text);
            blame(p, fault_of_certificate(&peer), text);
        }
    }
    arena_reset(&arena);
    if (!good)
        next_soon(p);
}

static enum sip_fault fault_of_end(const struct sip_stream *s, enum conn_end end)
{
    switch (end) {
    case CONN_END_REFUSED: return SIP_FAULT_CONNECT_REFUSED;
    case CONN_END_TIMEOUT: return SIP_FAULT_CONNECT_TIMEOUT;
    case CONN_END_UNREACHABLE: return SIP_FAULT_CONNECT_FAILED;
    case CONN_END_TLS_NONE: return SIP_FAULT_TLS_NOT_OFFERED;
    case CONN_END_TLS_REFUSED: return SIP_FAULT_OUR_CERTIFICATE;
    case CONN_END_TLS:
    case CONN_END_TLS_VERSION: return SIP_FAULT_TLS_FAILED;
    case CONN_END_PEER:
    case CONN_END_RESET: return !s->up && s->target.transport == SIP_TLS ? SIP_FAULT_TLS_FAILED : SIP_FAULT_CLOSED;
    case CONN_END_LOCAL:
    case CONN_END_SLOW:
    case CONN_END_MEMORY: break;
    }
    return SIP_FAULT_OURSELVES;
}

void sip_probe_sees_end(struct sip_stream *s, enum conn_end end, const char *text)
{
    struct sip_probe *p = probe_of(s);
    char hop[HOP_TEXT];

    if (!p || end == CONN_END_LOCAL || !p->asked_ms)
        return;
    note(p, s->up ? SIP_STEP_OPTIONS : SIP_STEP_CONNECT, STEP_FAILED, "%s: %s", hop_text(&s->target, hop), text);
    blame(p, fault_of_end(s, end), text);
    next_soon(p);
}

/* ---- OPTIONS ---- */

/* Would a message from there be taken? */
static void note_speaker(struct sip_probe *p)
{
    const struct sip_target *target = &p->targets->v[p->i].target;
    struct sip_target own = *target;
    struct sip_peer peer = { .addr = &target->addr, .transport = target->transport };
    const struct sip_conf *conf = &p->sip->conf;
    struct sip_stream *s;

    own.apart = p->id;
    s = target->transport == SIP_UDP ? NULL : sip_stream_find(p->sip, &own);
    if (s)
        peer.names = sip_cert_list(s->cert, &peer.n_names);
    if (conf->ops->speaks && conf->ops->speaks(conf->owner, slice_str(p->route), slice_str(p->domain), &peer))
        note(p, SIP_STEP_SPEAKER, STEP_OK, "this server may speak for %s", p->domain);
    else
        note(p, SIP_STEP_SPEAKER, STEP_NOTE,
             "what this server sends to us for %s is refused: its address%s does not tell that it may (sources, "
             "identify-by, "
             "tls-names)",
             p->domain, s && s->cert ? ", and the certificate that it has shown here," : "");
}

static enum sip_fault fault_of_status(unsigned status)
{
    switch (status) {
    case 401:
    case 403:
    case 407: return SIP_FAULT_FORBIDDEN;
    case 408: return SIP_FAULT_TIMED_OUT;
    case 503: return SIP_FAULT_UNAVAILABLE;
    default: return SIP_FAULT_NONE;
    }
}

static void take_answer(struct sip_probe *p, const struct sip_result *result)
{
    enum sip_fault fault = fault_of_status(result->status);
    char text[WHY_MAX], reason[100];

    log_escape(reason, sizeof(reason), result->msg->reason);
    snprintf(text, sizeof(text), "it answers OPTIONS by %u %s", result->status, reason);
    note(p, SIP_STEP_OPTIONS, fault == SIP_FAULT_NONE ? STEP_OK : STEP_FAILED, "%s, after %llu ms", text,
         (unsigned long long)(loop_now(p->sip->loop) - p->asked_ms));
    if (fault != SIP_FAULT_NONE) {
        blame(p, fault, text);
        return;
    }
    if (!p->works_by[0])
        hop_text(&p->targets->v[p->i].target, p->works_by);
    note_speaker(p);
}

static void on_options(void *arg, const struct sip_result *result)
{
    struct sip_probe *p = arg;
    const struct sip_target *target = &p->targets->v[p->i].target;

    p->client = NULL;
    if (!p->asked_ms) /* its connection has told why */
        return;
    if (result->status) {
        take_answer(p, result);
    } else if (target->transport == SIP_UDP && result->no_answer == SIP_UNREACHABLE) {
        note(p, SIP_STEP_OPTIONS, STEP_FAILED,
             "the machine says that nothing listens there (ICMP), or no socket of ours fits");
        blame(p, SIP_FAULT_CONNECT_REFUSED, "ICMP port unreachable");
    } else if (result->no_answer == SIP_UNREACHABLE) {
        return; /* its connection is about to tell */
    } else {
        note(p, SIP_STEP_OPTIONS, STEP_FAILED, "no answer");
        blame(p, SIP_FAULT_NO_ANSWER, "no answer");
    }
    next_soon(p);
}

static void on_timer(struct timer *t)
{
    struct sip_probe *p = container_of(t, struct sip_probe, timer);
    bool is_udp;

    if (p->done) {
        probe_free(p);
        return;
    }
    if (p->asked_ms) {
        is_udp = p->targets->v[p->i].target.transport == SIP_UDP;
        if (p->client && sip_client_progress(p->client) == SIP_CLIENT_UNSENT) {
            note(p, SIP_STEP_CONNECT, STEP_FAILED, "nothing comes back within %u s", SIP_PROBE_CONNECT_MS / 1000);
            blame(p, SIP_FAULT_CONNECT_TIMEOUT, "nothing comes back");
        } else {
            note(p, SIP_STEP_OPTIONS, STEP_FAILED, "no answer within %u s",
                 (is_udp ? SIP_PROBE_ANSWER_MS : SIP_PROBE_CONNECT_MS) / 1000);
            blame(p, SIP_FAULT_NO_ANSWER, is_udp ? "five copies over UDP" : "the connection stands");
        }
    }
    next(p);
}

static void ask(struct sip_probe *p)
{
    struct sip_target target = p->targets->v[p->i].target;
    bool is_udp = target.transport == SIP_UDP;
    char hop[HOP_TEXT];

    if (!is_udp)
        target.apart = p->id;
    p->asked_ms = loop_now(p->sip->loop);
    note(p, SIP_STEP_CONNECT, STEP_NOTE, "%s", hop_text(&target, hop));
    p->client = sip_ask_options(p->sip, &target, on_options, p);
    if (p->client) {
        timer_start(&p->sip->loop->timers, &p->timer, is_udp ? SIP_PROBE_ANSWER_MS : SIP_PROBE_CONNECT_MS);
        return;
    }
    blame(p, SIP_FAULT_OURSELVES, "too much is under way, or no memory");
    next_soon(p);
}

static void on_found(void *arg, const struct sip_found *found)
{
    struct sip_probe *p = arg;

    p->find = NULL;
    p->targets = sip_targets_keep(found->targets);
    if (p->targets) {
        ask(p);
        return;
    }
    blame(p, found->fault, found->why);
    finish(p);
}

/* ---- for the owner ---- */

/* False: so many run that there is no room for one more. */
static bool make_room(struct sip *sip)
{
    struct sip_probe *oldest = NULL;
    unsigned running = 0;

    list_each (it, &sip->probes) {
        struct sip_probe *p = container_of(it, struct sip_probe, link);

        running += !p->done;
        if (p->done && !oldest)
            oldest = p;
    }
    if (running >= SIP_PROBES_RUNNING)
        return false;
    if (oldest && sip->n_probes >= SIP_PROBES_KEPT)
        probe_free(oldest);
    return true;
}

uint64_t sip_probe_start(struct sip *sip, const struct sip_destination *to, struct slice domain, const char **why)
{
    struct sip_probe *p;

    *why = "so many tests run at this moment that no other can begin";
    if (!make_room(sip))
        return 0;
    *why = "out of memory";
    p = calloc(1, sizeof(*p));
    if (!p)
        return 0;
    p->sip = sip;
    p->id = ++sip->last_probe;
    p->began_ms = loop_now(sip->loop);
    snprintf(p->route, sizeof(p->route), "%.*s", SLICE_FMT(to->route));
    snprintf(p->domain, sizeof(p->domain), "%.*s", SLICE_FMT(domain));
    steps_init(&p->steps, STEPS_MAX);
    timer_init(&p->timer, on_timer);
    list_push(&sip->probes, &p->link);
    sip->n_probes++;
    p->find = sip_find_start(sip, to, &p->steps, on_found, p);
    if (p->find)
        return p->id;
    probe_free(p);
    return 0;
}

bool sip_probe_show(const struct sip *sip, uint64_t id, void (*fn)(void *arg, const struct sip_probe_info *info),
                    void *arg)
{
    const struct sip_probe *p = find_probe(sip, id);
    struct sip_probe_info info;

    if (!p)
        return false;
    info = (struct sip_probe_info){ .id = p->id,
                                    .route = slice_str(p->route),
                                    .domain = slice_str(p->domain),
                                    .done = p->done,
                                    .works = p->works_by[0] != '\0',
                                    .fault = p->fault,
                                    .verdict = p->verdict,
                                    .began_ms = p->began_ms,
                                    .took_ms = (p->done ? p->ended_ms : loop_now(sip->loop)) - p->began_ms,
                                    .steps = &p->steps };
    fn(arg, &info);
    return true;
}
