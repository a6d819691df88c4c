/*
 * The INVITE client transaction: RFC 3261 17.1.1 with the Accepted state of RFC 6026 7.2, CANCEL (9.1), the ACK to a failure
 * (17.1.1.3), forks (13.2.2.4) and PRACK (RFC 3262 4). It has one listener and, once that has heard the final answer, none:
 * what comes later is settled by what is kept here, whether there still is a session or not.
 */
#include <stdlib.h>

#include "sip/client_priv.h"
#include "sip/msg_session.h"
#include "sip/route_set.h"
#include "sip/writer.h"

#define FORKS_MAX 8 /* beyond: provisional answers get no PRACK, 2xx no BYE */
#define PARSE_MEM (16 * 1024)

struct fork {
    uint64_t tag;  /* hash of its To tag */
    uint32_t rseq; /* of the last reliable provisional answer; 0: none */
    bool ended;    /* its 2xx got a BYE */
};

struct invite_part {
    struct sip_client *client;
    sip_heard *heard; /* NULL: has heard the final answer, or does not listen */
    void *arg;
    struct list accepted; /* in the table's, in CLIENT_ACCEPTED */
    char *ack;            /* owned; to the failure, or to the first 2xx */
    size_t n_ack;
    uint64_t acked; /* hash of the To tag of the first 2xx */
    uint32_t cseq;  /* the highest used with this INVITE's Call-ID and tag */
    bool has_acked, cancelling, cancelled;
    unsigned n_forks;
    struct fork forks[FORKS_MAX];
};

struct sip_client *sip_clients_invite(struct sip_clients *t, const struct sip_target *target, const struct sip_send *r,
                                      sip_heard *heard, void *arg)
{
    struct sip_client *c = sip_client_make(t, target, r);

    if (!c)
        return NULL;
    c->invite = calloc(1, sizeof(*c->invite));
    if (!c->invite) {
        sip_client_free(c);
        return NULL;
    }
    c->invite->client = c;
    c->invite->heard = heard;
    c->invite->arg = arg;
    c->invite->cseq = r->cseq;
    list_init(&c->invite->accepted);
    sip_client_set_out(c);
    return c;
}

void sip_invite_client_fini(struct sip_client *c)
{
    if (c->state == CLIENT_ACCEPTED)
        c->table->n_accepted--;
    list_unlink(&c->invite->accepted);
    free(c->invite->ack);
    free(c->invite);
    c->invite = NULL;
}

void sip_invite_client_forget(struct sip_client *c)
{
    c->invite->heard = NULL;
    c->counter = NULL;
}

uint32_t sip_invite_client_cseq(const struct sip_client *c)
{
    return c->invite->cseq;
}

void sip_invite_client_hear(struct sip_client *c, const struct sip_result *result)
{
    sip_heard *heard = c->invite->heard;

    c->invite->heard = NULL;
    if (heard)
        heard(c->invite->arg, result);
}

static uint64_t tag_hash(const struct sip_client *c, struct slice tag)
{
    return hash_bytes(&c->table->by_branch, tag);
}

static struct fork *fork_find(const struct sip_client *c, struct slice to_tag)
{
    uint64_t tag = tag_hash(c, to_tag);

    for (unsigned i = 0; i < c->invite->n_forks; i++) {
        if (c->invite->forks[i].tag == tag)
            return &c->invite->forks[i];
    }
    return NULL;
}

/* NULL: there are too many. */
static struct fork *fork_note(struct sip_client *c, struct slice to_tag)
{
    struct fork *f = fork_find(c, to_tag);

    if (f || c->invite->n_forks == FORKS_MAX)
        return f;
    f = &c->invite->forks[c->invite->n_forks++];
    f->tag = tag_hash(c, to_tag);
    return f;
}

bool sip_invite_client_knows(const struct sip_client *c, struct slice to_tag)
{
    return fork_find(c, to_tag) != NULL;
}

/* What ACK and CANCEL take over from the INVITE: Request-URI, branch, From, Call-ID, CSeq, Route (9.1, 17.1.1.3). */
static struct sip_send like_invite(const struct sip_client *c, const struct sip_msg *invite, enum sip_method method,
                                   struct slice to)
{
    struct buf *lines = &c->table->lines;
    struct slice route;

    buf_clear(lines);
    for (size_t pos = 0; sip_msg_next_value(invite, SIP_H_ROUTE, &pos, &route);)
        sip_put_header(lines, "Route", route);
    return (struct sip_send){ .method = method,
                              .uri = invite->uri_text,
                              .from = invite->from_text,
                              .to = to,
                              .call_id = invite->call_id,
                              .cseq = invite->cseq,
                              .branch = slice_of(c->branch, c->n_branch),
                              .max_forwards = 70,
                              .headers = buf_slice(lines) };
}

static void send_cancel(struct sip_client *c)
{
    _Alignas(max_align_t) char mem[PARSE_MEM];
    struct sip_clients *t = c->table;
    struct arena arena;
    struct sip_msg invite;
    struct sip_send r;

    c->invite->cancelled = true;
    c->deadline_ms = t->timers->now_ms + 64u * t->t1_ms;
    timer_start(t->timers, &c->timer, 64u * t->t1_ms);
    arena_init_on(&arena, mem, sizeof(mem), SIP_HEAD_MAX);
    if (sip_client_read_back(c, &invite, &arena)) {
        r = like_invite(c, &invite, SIP_CANCEL, invite.to_text);
        (void)sip_clients_send(t, &c->hop->target, &r, NULL, NULL); /* never signed */
    }
    arena_reset(&arena);
}

void sip_invite_client_cancel(struct sip_client *c)
{
    if (c->invite->cancelling)
        return;
    c->invite->cancelling = true;
    switch (c->state) {
    case CLIENT_WAITING: timer_start(c->table->timers, &c->timer, 0); break; /* it need not be written any more */
    case CLIENT_TRYING: break; /* the peer could meet the CANCEL first: after its first answer */
    case CLIENT_PROCEEDING: send_cancel(c); break;
    case CLIENT_COMPLETED:
    case CLIENT_ACCEPTED: break;
    }
}

void sip_invite_client_abandon(struct sip_client *c)
{
    sip_invite_client_forget(c);
    sip_invite_client_cancel(c);
    if (c->state != CLIENT_TRYING)
        return;
    c->interval_ms = 64u * c->table->t1_ms;
    sip_client_wait(c);
}

/* Keeps the request in scratch, to send it again. Without memory for it, it goes this once. */
static void keep_ack(struct sip_client *c)
{
    struct buf *b = &c->table->scratch;

    free(c->invite->ack);
    c->invite->ack = malloc(b->n);
    c->invite->n_ack = c->invite->ack ? b->n : 0;
    if (c->invite->ack)
        memcpy(c->invite->ack, b->p, b->n);
    (void)sip_hop_write(c->hop, buf_slice(b));
}

static void ack_again(struct sip_client *c)
{
    if (c->invite->ack)
        (void)sip_hop_write(c->hop, slice_of(c->invite->ack, c->invite->n_ack));
}

/* The INVITE's credentials go with it (22.1): an ACK cannot be asked for any. */
static void build_ack(struct sip_client *c, const struct sip_send *ack)
{
    _Alignas(max_align_t) char mem[PARSE_MEM];
    struct buf *lines = &c->table->lines;
    struct sip_send r = *ack;
    struct arena arena;
    struct sip_msg invite;

    arena_init_on(&arena, mem, sizeof(mem), SIP_HEAD_MAX);
    if (sip_client_read_back(c, &invite, &arena)) {
        buf_clear(lines);
        sip_put_credentials(lines, &invite);
        buf_put(lines, ack->headers);
        r.headers = buf_slice(lines);
    }
    arena_reset(&arena);
    if (buf_ok(lines) && sip_hop_build(c->hop, &r))
        keep_ack(c);
}

void sip_invite_client_ack(struct sip_client *c, const struct sip_msg *m, const struct sip_send *ack)
{
    c->invite->has_acked = true;
    c->invite->acked = tag_hash(c, m->to_tag);
    if (!c->login.n_signed) {
        if (sip_hop_build(c->hop, ack))
            keep_ack(c);
        return;
    }
    build_ack(c, ack);
}

static void ack_failure(struct sip_client *c, const struct sip_msg *m)
{
    _Alignas(max_align_t) char mem[PARSE_MEM];
    struct arena arena;
    struct sip_msg invite;
    struct sip_send r;

    arena_init_on(&arena, mem, sizeof(mem), SIP_HEAD_MAX);
    if (sip_client_read_back(c, &invite, &arena)) {
        r = like_invite(c, &invite, SIP_ACK, m->to_text);
        if (sip_hop_build(c->hop, &r))
            keep_ack(c);
    }
    arena_reset(&arena);
}

/*
 * A request in the dialog that a response makes, of which nothing is kept: target and routes are the response's own (12.1.2).
 * False: it names no place to send to.
 */
static bool like_response(struct sip_client *c, const struct sip_msg *m, enum sip_method method, uint32_t cseq,
                          struct sip_send *r)
{
    struct buf *lines = &c->table->lines;
    size_t n_routes;
    struct slice target, routes;

    if (!sip_msg_contact(m, &target))
        return false;
    buf_clear(lines);
    if (!sip_route_set_put(lines, m) || !buf_ok(lines))
        return false;
    n_routes = lines->n;
    if (!buf_reserve(lines, n_routes + target.n + 128)) /* what follows must not move what it reads */
        return false;
    routes = slice_of(lines->p, n_routes);
    *r = (struct sip_send){ .method = method,
                            .from = m->from_text,
                            .to = m->to_text,
                            .call_id = m->call_id,
                            .cseq = cseq,
                            .max_forwards = 70 };
    sip_route_put(lines, routes, target, &r->uri);
    r->headers = slice_of(lines->p + n_routes, lines->n - n_routes);
    return buf_ok(lines);
}

/* RFC 3261 13.2.2.4: a 2xx that nobody wants is acknowledged, and what it began is ended. */
static void end_fork(struct sip_client *c, const struct sip_msg *m)
{
    const struct sip_target target = sip_client_target(c);
    struct fork *f = fork_note(c, m->to_tag);
    struct sip_send r;

    if (like_response(c, m, SIP_ACK, m->cseq, &r) && sip_hop_build(c->hop, &r))
        (void)sip_hop_write(c->hop, buf_slice(&c->table->scratch));
    if (!f || f->ended)
        return;
    f->ended = true;
    if (like_response(c, m, SIP_BYE, c->invite->cseq + 1, &r))
        (void)sip_clients_send(c->table, &target, &r, NULL, NULL);
}

/* A reliable provisional answer gets its PRACK. False: it is a repeated one, or not the next (RFC 3262 4). */
static bool prack(struct sip_client *c, const struct sip_msg *m, struct fork *f)
{
    const struct sip_header *h = sip_msg_named(m, SLICE("rseq"), 0);
    const struct sip_target target = sip_client_target(c);
    struct buf *lines = &c->table->lines;
    struct sip_send r;
    uint32_t rseq;
    size_t at;

    if (!h || !sip_msg_lists(m, SIP_H_REQUIRE, SLICE("100rel")) || !sip_rseq_parse(h->value, &rseq))
        return true;
    if (!f || (f->rseq && rseq != f->rseq + 1))
        return false;
    if (!like_response(c, m, SIP_PRACK, c->invite->cseq + 1, &r))
        return true;
    at = lines->n - r.headers.n;
    buf_put(lines, SLICE("RAck: "));
    buf_u64(lines, rseq);
    buf_char(lines, ' ');
    buf_u64(lines, m->cseq);
    buf_put(lines, SLICE(" INVITE\r\n"));
    r.headers = slice_from(buf_slice(lines), at);
    if (!buf_ok(lines) || !sip_clients_send(c->table, &target, &r, NULL, NULL))
        return false; /* the answer comes again */
    c->invite->cseq++;
    f->rseq = rseq;
    return true;
}

static void provisional(struct sip_client *c, const struct sip_msg *m)
{
    struct sip_result result = { .status = m->status, .msg = m, .no_answer = SIP_ANSWERED };
    struct fork *f = m->to_tag.n && m->status > 100 ? fork_note(c, m->to_tag) : NULL;

    c->state = CLIENT_PROCEEDING;
    if (!c->invite->cancelled)
        timer_stop(c->table->timers, &c->timer);
    if (c->invite->cancelling && !c->invite->cancelled)
        send_cancel(c);
    if (m->status > 100 && prack(c, m, f) && c->invite->heard)
        c->invite->heard(c->invite->arg, &result);
}

/* Beyond max the oldest is given up: a repeated 2xx to it is nobody's then. */
static void enter_accepted(struct sip_client *c)
{
    struct sip_clients *t = c->table;

    c->state = CLIENT_ACCEPTED;
    list_push(&t->accepted, &c->invite->accepted);
    if (++t->n_accepted > t->max)
        sip_client_free(container_of(t->accepted.next, struct invite_part, accepted)->client);
    timer_start(t->timers, &c->timer, 64u * t->t1_ms);
}

static void accepted(struct sip_client *c, const struct sip_msg *m)
{
    struct sip_result result = { .status = m->status, .msg = m, .no_answer = SIP_ANSWERED };

    enter_accepted(c);
    sip_invite_client_hear(c, &result);
    if (!c->invite->has_acked)
        end_fork(c, m);
    free(c->wire); /* the ACK was made from it */
    c->wire = NULL;
}

static void failed(struct sip_client *c, const struct sip_msg *m)
{
    struct sip_result result = { .status = m->status, .msg = m, .no_answer = SIP_ANSWERED };

    ack_failure(c, m);
    c->state = CLIENT_COMPLETED;
    timer_start(c->table->timers, &c->timer, c->hop->target.transport == SIP_UDP ? 64u * c->table->t1_ms : 0);
    sip_client_report(c, &result);
    free(c->wire);
    c->wire = NULL;
}

static void accepted_again(struct sip_client *c, const struct sip_msg *m)
{
    if (c->invite->has_acked && c->invite->acked == tag_hash(c, m->to_tag))
        ack_again(c);
    else
        end_fork(c, m);
}

void sip_invite_client_response(struct sip_client *c, const struct sip_msg *m)
{
    switch (c->state) {
    case CLIENT_WAITING: c->table->counters->dropped_stray_response++; break; /* made up: nothing was written */
    case CLIENT_TRYING:
    case CLIENT_PROCEEDING:
        if (m->status < 200)
            provisional(c, m);
        else if (m->status < 300)
            accepted(c, m);
        else
            failed(c, m);
        break;
    case CLIENT_COMPLETED:
        c->table->counters->retransmissions_in++;
        if (m->status >= 300)
            ack_again(c);
        break;
    case CLIENT_ACCEPTED:
        c->table->counters->retransmissions_in++;
        if (m->status >= 200 && m->status < 300)
            accepted_again(c, m);
        break;
    }
}

void sip_invite_client_timer(struct sip_client *c)
{
    struct sip_clients *t = c->table;

    switch (c->state) {
    case CLIENT_WAITING: sip_client_fail(c, SIP_UNREACHABLE); return;
    case CLIENT_COMPLETED:
    case CLIENT_ACCEPTED: sip_client_free(c); return;
    case CLIENT_PROCEEDING: sip_client_fail(c, SIP_TIMED_OUT); return; /* cancelled in vain */
    case CLIENT_TRYING: break;
    }
    if (t->timers->now_ms >= c->deadline_ms) {
        sip_client_fail(c, SIP_TIMED_OUT);
        return;
    }
    t->counters->retransmissions_out++;
    (void)sip_client_transmit(c);
    c->interval_ms *= 2;
    sip_client_wait(c);
}
