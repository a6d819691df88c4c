#include "sip/invite_server.h"

#include <assert.h>
#include <stdlib.h>

#include "base/rand.h"
#include "sip/dialog_priv.h"
#include "sip/reply.h"
#include "sip/writer.h"

enum invite_state {
    INVITE_PROCEEDING, /* no final answer yet */
    INVITE_COMPLETED,  /* a failure, repeated until its ACK */
    INVITE_CONFIRMED,  /* the ACK came; absorbs more of them */
    INVITE_ACCEPTED,   /* a 2xx; absorbs repeated INVITEs */
};

struct sip_invite_server {
    struct hash_node by_call, by_branch;
    struct list done;   /* in the table's, once finally answered */
    struct timer timer; /* of a reliable answer; G and H, I, or L */
    struct sip_invites *table;
    struct sip_dialog *dialog; /* NULL: does not listen */
    struct sip_flow flow;
    uint64_t tag, deadline_ms;
    char *head; /* owned, until the final answer: the response's repeated lines, To tag and Record-Route included */
    char *last; /* owned; the last answer, as long as it may have to be repeated; NULL: none yet, or not any more */
    size_t n_head, n_last;
    unsigned interval_ms;
    uint32_t cseq, rseq;
    enum invite_state state;
    bool had_to_tag; /* a re-INVITE */
    bool waits_prack;
};

bool sip_invites_init(struct sip_invites *t)
{
    hash_init(&t->by_call);
    hash_init(&t->by_branch);
    list_init(&t->done);
    t->n_done = 0;
    buf_init(&t->scratch, 2 * SIP_HEAD_MAX + SIP_BODY_MAX);
    return buf_reserve(&t->scratch, 2 * SIP_HEAD_MAX) != NULL;
}

/* No more among those that are remembered. */
static void leave_done(struct sip_invite_server *s)
{
    if (list_empty(&s->done))
        return;
    list_unlink(&s->done);
    s->table->n_done--;
}

static void server_free(struct sip_invite_server *s)
{
    struct sip_invites *t = s->table;

    timer_stop(t->servers->timers, &s->timer);
    hash_remove(&t->by_call, &s->by_call);
    hash_remove(&t->by_branch, &s->by_branch);
    leave_done(s);
    t->servers->counters->invites = t->by_call.n;
    free(s->head);
    free(s->last);
    free(s);
}

static void free_entry(struct hash_node *node, void *arg)
{
    server_free(container_of(node, struct sip_invite_server, by_call));
}

void sip_invites_fini(struct sip_invites *t)
{
    hash_each(&t->by_call, free_entry, NULL);
    hash_free(&t->by_call);
    hash_free(&t->by_branch);
    buf_free(&t->scratch);
}

bool sip_invite_too_big(const struct sip_msg *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_headers; i++)
        n += m->headers[i].value.n;
    return n > SIP_INVITE_HEAD_MAX;
}

bool sip_invites_full(const struct sip_invites *t)
{
    return t->by_call.n - t->n_done >= t->max;
}

struct sip_dialog *sip_invite_server_dialog(const struct sip_invite_server *s)
{
    return s->dialog;
}

static bool same_cseq(const struct hash_node *node, const void *key)
{
    return container_of(node, struct sip_invite_server, by_call)->cseq == *(const uint32_t *)key;
}

static struct sip_invite_server *find_call(const struct sip_invites *t, const struct sip_server_id *id)
{
    struct hash_node *node = hash_find(&t->by_call, id->call, same_cseq, &id->cseq);

    return node ? container_of(node, struct sip_invite_server, by_call) : NULL;
}

static bool same_tag(const struct hash_node *node, const void *key)
{
    return container_of(node, struct sip_invite_server, by_branch)->tag == *(const uint64_t *)key;
}

/* RFC 3261 17.2.3. */
static struct sip_invite_server *find_branch(const struct sip_invites *t, const struct sip_server_id *id)
{
    uint64_t key = sip_servers_branch_key(&t->by_branch, id->tag);
    struct hash_node *node = hash_find(&t->by_branch, key, same_tag, &id->tag);

    return node ? container_of(node, struct sip_invite_server, by_branch) : NULL;
}

static bool is_of_call(const struct sip_invite_server *s, const struct sip_server_id *id)
{
    return s->by_call.hash == id->call && s->cseq == id->cseq;
}

/* The INVITE itself, or what is about it and repeats all of what it is known by. */
static struct sip_invite_server *find(const struct sip_invites *t, const struct sip_server_id *id)
{
    struct sip_invite_server *s = find_branch(t, id);

    return s && is_of_call(s, id) ? s : NULL;
}

bool sip_invites_reused(const struct sip_invites *t, const struct sip_server_id *id)
{
    struct sip_invite_server *s = find_branch(t, id);

    return s && !is_of_call(s, id);
}

bool sip_invites_merged(const struct sip_invites *t, const struct sip_server_id *id)
{
    return find_call(t, id) != NULL;
}

static bool transmit(const struct sip_invite_server *s, const struct sip_flow *flow, struct slice bytes)
{
    const struct sip_servers *servers = s->table->servers;

    if (!servers->wire->send(servers->wire->owner, flow, bytes.p, bytes.n))
        return false;
    servers->counters->responses_out++;
    return true;
}

/* What a repeated INVITE or a timer makes go out again. */
static void again(const struct sip_invite_server *s)
{
    if (s->last)
        (void)transmit(s, &s->flow, slice_of(s->last, s->n_last));
}

static bool build(struct sip_invite_server *s, const struct sip_final *r)
{
    struct buf *b = &s->table->scratch;

    buf_clear(b);
    sip_put_status_line(b, r->status, r->reason);
    buf_add(b, s->head, s->n_head);
    buf_put(b, r->headers);
    sip_put_body(b, r->body);
    return buf_ok(b);
}

/* The response in scratch is the last one now. False: no memory to repeat it. */
static bool keep(struct sip_invite_server *s)
{
    const struct buf *b = &s->table->scratch;
    char *copy = malloc(b->n);

    free(s->last);
    s->last = copy;
    s->n_last = copy ? b->n : 0;
    if (copy)
        memcpy(copy, b->p, b->n);
    return copy != NULL;
}

static void repeat_later(struct sip_invite_server *s)
{
    uint64_t now = s->table->servers->timers->now_ms, left = s->deadline_ms > now ? s->deadline_ms - now : 0;

    timer_start(s->table->servers->timers, &s->timer, s->interval_ms && s->interval_ms < left ? s->interval_ms : left);
}

/* From T1 on, doubling up to T2; interval 0: on a stream a failure is not repeated. */
static void begin_repeating(struct sip_invite_server *s, bool repeats)
{
    s->interval_ms = repeats ? s->table->t1_ms : 0;
    s->deadline_ms = s->table->servers->timers->now_ms + 64u * s->table->t1_ms;
    repeat_later(s);
}

/* Nobody has acknowledged what we answered. */
static void give_up(struct sip_invite_server *s)
{
    struct sip_dialog *d = s->dialog;

    switch (s->state) {
    case INVITE_PROCEEDING:
        s->waits_prack = false;
        sip_dialog_no_prack(d);
        break;
    case INVITE_ACCEPTED:
        if (d)
            sip_dialog_no_ack(d);
        server_free(s);
        break;
    case INVITE_COMPLETED:
    case INVITE_CONFIRMED: server_free(s); break;
    }
}

static void on_timer(struct timer *timer)
{
    struct sip_invite_server *s = container_of(timer, struct sip_invite_server, timer);
    struct sip_invites *t = s->table;

    if (t->servers->timers->now_ms >= s->deadline_ms) {
        give_up(s);
        return;
    }
    t->servers->counters->retransmissions_out++;
    again(s);
    s->interval_ms = s->interval_ms * 2 > t->t2_ms ? t->t2_ms : s->interval_ms * 2;
    repeat_later(s);
}

/* Record-Route goes into every answer that can make a dialog (12.1.1); others may have it. */
static bool make_head(struct sip_invite_server *s, const struct sip_incoming *in)
{
    struct buf *b = &s->table->scratch;
    struct slice value;

    buf_clear(b);
    sip_put_reply_head(b, in->m, &in->source->addr, in->id->tag);
    for (size_t pos = 0; sip_msg_next_value(in->m, SIP_H_RECORD_ROUTE, &pos, &value);)
        sip_put_header(b, "Record-Route", value);
    s->head = buf_ok(b) ? malloc(b->n) : NULL;
    if (!s->head)
        return false;
    memcpy(s->head, b->p, b->n);
    s->n_head = b->n;
    return true;
}

static bool enter(struct sip_invites *t, struct sip_invite_server *s, const struct sip_server_id *id)
{
    if (!hash_add(&t->by_call, &s->by_call, id->call))
        return false;
    if (hash_add(&t->by_branch, &s->by_branch, sip_servers_branch_key(&t->by_branch, id->tag)))
        return true;
    hash_remove(&t->by_call, &s->by_call);
    return false;
}

struct sip_invite_server *sip_invite_server_new(struct sip_invites *t, const struct sip_incoming *in,
                                                struct sip_dialog *d)
{
    struct sip_invite_server *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->table = t;
    if (!make_head(s, in) || !enter(t, s, in->id)) {
        free(s->head);
        free(s);
        return NULL;
    }
    s->tag = in->id->tag;
    s->cseq = in->id->cseq;
    s->dialog = d;
    s->state = INVITE_PROCEEDING;
    s->had_to_tag = in->m->to_tag.n != 0;
    sip_reply_flow(in->m, in->source, &s->flow);
    list_init(&s->done);
    timer_init(&s->timer, on_timer);
    t->servers->counters->invites = t->by_call.n;
    return s;
}

bool sip_invites_repeat(struct sip_invites *t, const struct sip_incoming *in)
{
    struct sip_invite_server *s = find(t, in->id);

    if (!s)
        return false;
    sip_reply_flow(in->m, in->source, &s->flow); /* its connection may be another one by now */
    t->servers->counters->retransmissions_in++;
    switch (s->state) {
    case INVITE_PROCEEDING:
    case INVITE_COMPLETED: again(s); break;
    case INVITE_CONFIRMED:
    case INVITE_ACCEPTED: break; /* RFC 6026 7.1: the 2xx goes by its own time */
    }
    return true;
}

static struct sip_server_id identify(struct sip_invites *t, const struct sip_msg *m)
{
    struct sip_server_id id;

    sip_servers_identify(t->servers, m, SLICE("INVITE"), &id);
    return id;
}

/* By RFC 2543 the To tag is part of what tells transactions apart, and the ACK has the one that we gave (17.2.3). */
static struct sip_invite_server *find_old(struct sip_invites *t, const struct sip_msg *ack)
{
    struct sip_msg bare = *ack;
    struct sip_server_id id;
    struct sip_invite_server *s;
    uint64_t tag;

    bare.to_tag = slice_of(NULL, 0);
    id = identify(t, &bare);
    s = find(t, &id);
    return s && !s->had_to_tag && sip_tag_read(ack->to_tag, &tag) && tag == s->tag ? s : NULL;
}

bool sip_invites_ack(struct sip_invites *t, const struct sip_msg *ack)
{
    struct sip_server_id id = identify(t, ack);
    struct sip_invite_server *s = find_branch(t, &id);

    if (!s)
        s = find_old(t, ack);
    if (!s || s->state == INVITE_ACCEPTED)
        return false;
    if (s->state == INVITE_COMPLETED) {
        s->state = INVITE_CONFIRMED;
        free(s->last);
        s->last = NULL;
        s->deadline_ms = t->servers->timers->now_ms + (s->flow.transport == SIP_UDP ? t->t4_ms : 0);
        s->interval_ms = 0;
        repeat_later(s); /* Timer I */
    }
    return true;
}

struct sip_invite_server *sip_invites_cancelled(struct sip_invites *t, const struct sip_msg *cancel,
                                                struct sip_server_id *id)
{
    *id = identify(t, cancel);
    return find(t, id);
}

/* Without memory to repeat it, it goes this once. */
static void answer(struct sip_invite_server *s, unsigned status, struct slice headers)
{
    if (!build(s, &(struct sip_final){ .status = status, .headers = headers }))
        return;
    (void)keep(s);
    (void)transmit(s, &s->flow, buf_slice(&s->table->scratch));
}

void sip_invite_server_trying(struct sip_invite_server *s)
{
    if (s->state == INVITE_PROCEEDING && !s->last)
        answer(s, 100, slice_of(NULL, 0));
}

/* RFC 3262 3: from 1 to 2^31 - 1, so that a guess at it is of no use. */
static uint32_t next_rseq(struct sip_invite_server *s)
{
    uint32_t first;

    if (s->rseq)
        return ++s->rseq;
    rand_bytes(&first, sizeof(first));
    s->rseq = first % 0x3fffffff + 1;
    return s->rseq;
}

bool sip_invite_server_ring(struct sip_invite_server *s, unsigned status, struct slice headers, bool reliable)
{
    struct buf *b = &s->table->servers->scratch;

    assert(s->state == INVITE_PROCEEDING && status > 100 && status < 200);
    if (s->waits_prack)
        return false;
    buf_clear(b);
    buf_put(b, headers);
    if (reliable) {
        buf_put(b, SLICE("Require: 100rel\r\n"));
        sip_put_header_u64(b, "RSeq", next_rseq(s));
    }
    if (!buf_ok(b))
        return false;
    answer(s, status, buf_slice(b));
    if (reliable) {
        s->waits_prack = true;
        begin_repeating(s, true);
    }
    return true;
}

bool sip_invite_server_prack(struct sip_invite_server *s, uint32_t rseq, uint32_t cseq)
{
    if (s->state != INVITE_PROCEEDING || !s->waits_prack || rseq != s->rseq || cseq != s->cseq)
        return false;
    s->waits_prack = false;
    timer_stop(s->table->servers->timers, &s->timer);
    return true;
}

static void enter_done(struct sip_invite_server *s, enum invite_state state)
{
    struct sip_invites *t = s->table;

    s->state = state;
    s->waits_prack = false;
    free(s->head);
    s->head = NULL;
    list_push(&t->done, &s->done);
    t->n_done++;
}

/* Ends with this turn: a 2xx as one whose ACK never came. */
static void forget(struct sip_invite_server *s)
{
    leave_done(s);
    s->deadline_ms = 0;
    timer_start(s->table->servers->timers, &s->timer, 0);
}

bool sip_invite_server_final(struct sip_invite_server *s, const struct sip_final *final)
{
    struct sip_invites *t = s->table;
    bool ok = build(s, final), is_2xx = final->status < 300;

    assert(s->state == INVITE_PROCEEDING && final->status >= 200);
    if (is_2xx && (!ok || !keep(s)))
        return false;
    if (ok)
        (void)transmit(s, &s->flow, buf_slice(&t->scratch));
    enter_done(s, is_2xx ? INVITE_ACCEPTED : INVITE_COMPLETED);
    if (!is_2xx)
        s->dialog = NULL;
    begin_repeating(s, is_2xx || s->flow.transport == SIP_UDP);
    if (!is_2xx && (!ok || !keep(s))) /* what cannot be repeated is no answer: a repeated INVITE is a new one */
        forget(s);
    if (t->n_done > t->max) /* at full load the memory of 64*T1 would be unbounded */
        forget(container_of(t->done.next, struct sip_invite_server, done));
    return true;
}

void sip_invite_server_acked(struct sip_invite_server *s)
{
    s->dialog = NULL;
    free(s->last);
    s->last = NULL;
    s->interval_ms = 0;
    repeat_later(s); /* Timer L */
}
