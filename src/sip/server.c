#include "sip/server.h"

#include <assert.h>
#include <stdlib.h>

#include "base/text.h"
#include "sip/reply.h"

#define SCRATCH_MAX (SIP_HEAD_MAX + 4096)

enum server_state {
    SERVER_TRYING,     /* nothing sent */
    SERVER_PROCEEDING, /* 100 sent */
    SERVER_COMPLETED,  /* answered, kept for retransmissions */
};

/* What only a waiting request needs. */
struct held {
    struct sip_flow flow;
    void *data;
    size_t n_head;
    char head[]; /* the response's repeated lines, To tag included */
};

struct sip_server {
    struct hash_node by_call, by_branch;
    struct timer timer; /* the 100, then J */
    struct list kept;   /* in the table's, once completed */
    struct sip_servers *table;
    uint64_t tag;
    union {
        struct held *held; /* owned, until completed */
        char *extra;       /* owned, completed: reason, NUL, header lines, body; NULL: standard reason, no lines */
    };
    uint32_t cseq;
    uint32_t n_extra, n_body;
    uint16_t status; /* completed: what was answered */
    uint8_t state;
    bool stream; /* reliable transport */
    bool merged; /* a copy came over another path and got 482 */
};

/* With its place in two tables, and what malloc adds, at most 256 bytes for a finished one. */
_Static_assert(sizeof(struct sip_server) <= 192, "a finished transaction is too large");

bool sip_servers_init(struct sip_servers *t)
{
    hash_init(&t->by_call);
    hash_init(&t->by_branch);
    hash_init(&t->tags);
    buf_init(&t->scratch, SCRATCH_MAX);
    list_init(&t->kept);
    t->n_waiting = 0;
    t->was_full = false;
    return buf_reserve(&t->scratch, SCRATCH_MAX) != NULL;
}

/* Readers go on some distance below the limit, or they would stop with every message. */
static void tell_room(struct sip_servers *t)
{
    if (t->was_full && t->n_waiting < t->max - t->max / 16) {
        t->was_full = false;
        if (t->room)
            t->room(t->room_arg);
    }
}

/* One request waits no more. */
static void leave_waiting(struct sip_servers *t)
{
    t->n_waiting--;
    tell_room(t);
}

void sip_servers_limit(struct sip_servers *t, size_t max)
{
    t->max = max;
    tell_room(t);
}

static void server_free(struct sip_server *s)
{
    struct sip_servers *t = s->table;
    bool waited = s->state != SERVER_COMPLETED;

    timer_stop(t->timers, &s->timer);
    hash_remove(&t->by_call, &s->by_call);
    hash_remove(&t->by_branch, &s->by_branch);
    list_unlink(&s->kept);
    t->counters->servers = t->by_call.n;
    free(waited ? (void *)s->held : (void *)s->extra);
    free(s);
    if (waited)
        leave_waiting(t);
}

static void free_entry(struct hash_node *node, void *arg)
{
    server_free(container_of(node, struct sip_server, by_call));
}

void sip_servers_fini(struct sip_servers *t)
{
    t->room = NULL;
    hash_each(&t->by_call, free_entry, NULL);
    hash_free(&t->by_call);
    hash_free(&t->by_branch);
    hash_free(&t->tags);
    buf_free(&t->scratch);
}

/* No field can hold a LF, so that the key is unambiguous. */
static void key_field(struct buf *b, struct slice s)
{
    buf_put(b, s);
    buf_char(b, '\n');
}

static void key_lower(struct buf *b, struct slice s)
{
    char *p = buf_reserve(b, s.n + 1);

    if (!p)
        return;
    for (size_t i = 0; i < s.n; i++)
        p[i] = text_lower(s.p[i]);
    p[s.n] = '\n';
    b->n += s.n + 1;
}

/* RFC 3261 17.2.3. A branch that is nothing but the cookie says nothing, and counts as a branch without it. */
static void put_key(struct buf *b, const struct sip_msg *m, struct slice method)
{
    struct slice cookie = SLICE("z9hG4bK"), top = { 0 };
    size_t pos = 0;

    if (m->via.branch.n > cookie.n && slice_starts(m->via.branch, cookie)) {
        key_field(b, m->via.branch);
        key_lower(b, m->via.host);
        buf_u64(b, m->via.port);
        key_field(b, method);
        return;
    }
    key_field(b, SLICE("RFC 2543"));
    key_field(b, m->uri_text);
    key_field(b, m->to_tag);
    key_field(b, m->from_tag);
    key_field(b, m->call_id);
    buf_u64(b, m->cseq);
    key_field(b, method);
    if (sip_msg_next_value(m, SIP_H_VIA, &pos, &top))
        key_field(b, top);
}

void sip_servers_identify(struct sip_servers *t, const struct sip_msg *m, struct slice method, struct sip_server_id *id)
{
    struct buf *b = &t->scratch;

    buf_clear(b);
    put_key(b, m, method);
    id->tag = hash_mac(&t->tags, buf_slice(b));
    buf_clear(b);
    key_field(b, m->from_tag);
    key_field(b, m->call_id);
    buf_u64(b, m->cseq);
    key_field(b, method);
    id->call = hash_bytes(&t->by_call, buf_slice(b));
    id->cseq = m->cseq;
}

static bool same_cseq(const struct hash_node *node, const void *key)
{
    return container_of(node, struct sip_server, by_call)->cseq == *(const uint32_t *)key;
}

/* A transaction of this request or of a copy of it. */
static struct sip_server *find_call(const struct sip_servers *t, const struct sip_server_id *id)
{
    struct hash_node *node = hash_find(&t->by_call, id->call, same_cseq, &id->cseq);

    return node ? container_of(node, struct sip_server, by_call) : NULL;
}

/* Peers see tags, and could choose some that meet in a bucket: the table hashes them by a key of its own. */
uint64_t sip_servers_branch_key(const struct hash *by_branch, uint64_t tag)
{
    return hash_bytes(by_branch, slice_of((const char *)&tag, sizeof(tag)));
}

static bool same_tag(const struct hash_node *node, const void *key)
{
    return container_of(node, struct sip_server, by_branch)->tag == *(const uint64_t *)key;
}

/* RFC 3261 17.2.3. */
static struct sip_server *find_branch(const struct sip_servers *t, const struct sip_server_id *id)
{
    uint64_t key = sip_servers_branch_key(&t->by_branch, id->tag);
    struct hash_node *node = hash_find(&t->by_branch, key, same_tag, &id->tag);

    return node ? container_of(node, struct sip_server, by_branch) : NULL;
}

static bool is_of_call(const struct sip_server *s, const struct sip_server_id *id)
{
    return s->by_call.hash == id->call && s->cseq == id->cseq;
}

bool sip_servers_known(const struct sip_servers *t, const struct sip_server_id *id)
{
    return find_branch(t, id) != NULL;
}

bool sip_servers_reused(const struct sip_servers *t, const struct sip_server_id *id)
{
    struct sip_server *s = find_branch(t, id);

    return s && !is_of_call(s, id);
}

bool sip_servers_merged(struct sip_servers *t, const struct sip_server_id *id)
{
    struct sip_server *s = find_call(t, id);

    if (!s)
        return false;
    /* A client whose connection broke asks again with another branch: 482 would tell it that nothing was delivered. */
    if (s->stream && s->state == SERVER_COMPLETED && !s->merged) {
        server_free(s);
        return false;
    }
    s->merged = true;
    return true;
}

static void transmit(struct sip_servers *t, const struct sip_flow *flow)
{
    if (buf_ok(&t->scratch) && t->wire->send(t->wire->owner, flow, t->scratch.p, t->scratch.n))
        t->counters->responses_out++;
}

/* What an answer says beyond its request. reason NULL: the standard phrase. */
struct answer {
    unsigned status;
    const char *reason;
    struct slice headers, body;
};

static void send_held(struct sip_server *s, const struct sip_flow *flow, const struct answer *a)
{
    struct buf *b = &s->table->scratch;

    buf_clear(b);
    sip_put_status_line(b, a->status, a->reason);
    buf_add(b, s->held->head, s->held->n_head);
    sip_put_reply_end(b, a->headers, a->body);
    transmit(s->table, flow);
}

/* An answer into scratch, and where it goes. */
static void make(struct sip_servers *t, uint64_t tag, const struct sip_msg *m, const struct sip_source *source,
                 const struct answer *a, struct sip_flow *flow)
{
    buf_clear(&t->scratch);
    sip_put_status_line(&t->scratch, a->status, a->reason);
    sip_put_reply_head(&t->scratch, m, &source->addr, tag);
    sip_put_reply_end(&t->scratch, a->headers, a->body);
    sip_reply_flow(m, source, flow);
}

static void send_made(struct sip_servers *t, uint64_t tag, const struct sip_msg *m, const struct sip_source *source,
                      const struct answer *a)
{
    struct sip_flow flow;

    make(t, tag, m, source, a, &flow);
    transmit(t, &flow);
}

static const struct answer trying = { .status = 100 };

/* The final answer of a completed transaction, as far as it was kept. */
static struct answer kept_answer(const struct sip_server *s)
{
    struct slice reason = slice_str(s->extra);
    struct answer a = { .status = s->status, .reason = reason.n ? reason.p : NULL };

    if (s->extra) {
        a.headers = slice_of(s->extra + reason.n + 1, s->n_extra - s->n_body - reason.n - 1);
        a.body = slice_of(s->extra + s->n_extra - s->n_body, s->n_body);
    }
    return a;
}

bool sip_servers_repeat(struct sip_servers *t, const struct sip_server_id *id, const struct sip_msg *m,
                        const struct sip_source *source)
{
    struct sip_server *s = find_branch(t, id);
    struct sip_flow flow;
    struct answer a;

    if (!s || !is_of_call(s, id))
        return false;
    t->counters->retransmissions_in++;
    switch ((enum server_state)s->state) {
    case SERVER_TRYING: break;
    case SERVER_PROCEEDING:
        sip_reply_flow(m, source, &flow);
        send_held(s, &flow, &trying);
        break;
    case SERVER_COMPLETED:
        a = kept_answer(s);
        send_made(t, s->tag, m, source, &a);
        break;
    }
    return true;
}

static void on_timer(struct timer *timer)
{
    struct sip_server *s = container_of(timer, struct sip_server, timer);

    switch ((enum server_state)s->state) {
    case SERVER_TRYING:
        s->state = SERVER_PROCEEDING;
        send_held(s, &s->held->flow, &trying);
        break;
    case SERVER_PROCEEDING: break;
    case SERVER_COMPLETED: server_free(s); break;
    }
}

static struct held *held_new(struct sip_servers *t, const struct sip_server_id *id, const struct sip_msg *m,
                             const struct sip_source *source)
{
    struct held *held;

    buf_clear(&t->scratch);
    sip_put_reply_head(&t->scratch, m, &source->addr, id->tag);
    if (!buf_ok(&t->scratch))
        return NULL;
    held = malloc(sizeof(*held) + t->scratch.n);
    if (!held)
        return NULL;
    sip_reply_flow(m, source, &held->flow);
    held->data = NULL;
    held->n_head = t->scratch.n;
    memcpy(held->head, t->scratch.p, t->scratch.n);
    return held;
}

static bool enter(struct sip_servers *t, struct sip_server *s, const struct sip_server_id *id)
{
    if (!hash_add(&t->by_call, &s->by_call, id->call))
        return false;
    if (hash_add(&t->by_branch, &s->by_branch, sip_servers_branch_key(&t->by_branch, id->tag)))
        return true;
    hash_remove(&t->by_call, &s->by_call);
    return false;
}

struct sip_server *sip_servers_add(struct sip_servers *t, const struct sip_server_id *id, const struct sip_msg *m,
                                   const struct sip_source *source)
{
    struct sip_server *s = calloc(1, sizeof(*s));
    struct held *held = held_new(t, id, m, source);

    if (!s || !held || !enter(t, s, id)) {
        free(held);
        free(s);
        return NULL;
    }
    s->table = t;
    s->held = held;
    s->tag = id->tag;
    s->cseq = id->cseq;
    s->state = SERVER_TRYING;
    s->stream = source->transport != SIP_UDP;
    list_init(&s->kept);
    timer_init(&s->timer, on_timer);
    timer_start(t->timers, &s->timer, t->provisional_ms);
    t->counters->servers = t->by_call.n;
    t->n_waiting++;
    if (sip_servers_full(t))
        t->was_full = true;
    return s;
}

void sip_servers_reply(struct sip_servers *t, const struct sip_server_id *id, const struct sip_msg *m,
                       const struct sip_source *source, unsigned status, const char *reason, struct slice headers)
{
    assert(m->method_id != SIP_ACK);
    send_made(t, id->tag, m, source, &(struct answer){ .status = status, .reason = reason, .headers = headers });
}

static char *put_part(char *to, struct slice part)
{
    if (part.n)
        memcpy(to, part.p, part.n);
    return to + part.n;
}

bool sip_servers_reply_within(struct sip_servers *t, const struct sip_server_id *id, const struct sip_msg *m,
                              const struct sip_source *source, const struct sip_challenge *challenge, size_t max)
{
    const struct answer a = { .status = challenge->status,
                              .reason = challenge->reason,
                              .headers = buf_slice(challenge->headers) };
    struct sip_flow flow;

    assert(m->method_id != SIP_ACK);
    make(t, id->tag, m, source, &a, &flow);
    if (t->scratch.n > max)
        return false;
    transmit(t, &flow);
    return true;
}

/* What a retransmission cannot bring along. Without memory for it the status alone is repeated. */
static void keep_extra(struct sip_server *s, const struct answer *a)
{
    struct slice reason = slice_str(a->reason);
    size_t n = reason.n + 1 + a->headers.n + a->body.n;
    char *at;

    s->extra = NULL;
    s->n_extra = 0;
    if (!a->reason && !a->headers.n && !a->body.n)
        return;
    s->extra = malloc(n);
    if (!s->extra)
        return;
    at = put_part(s->extra, reason);
    *at++ = '\0';
    (void)put_part(put_part(at, a->headers), a->body);
    s->n_extra = (uint32_t)n;
    s->n_body = (uint32_t)a->body.n;
}

/* At full load the memory of 64*T1 would be unbounded: the oldest goes first, long after its client has heard the answer. */
static void keep(struct sip_server *s)
{
    struct sip_servers *t = s->table;

    list_push(&t->kept, &s->kept);
    if (t->by_call.n - t->n_waiting > t->kept_max)
        server_free(container_of(t->kept.next, struct sip_server, kept));
}

static void respond(struct sip_server *s, const struct answer *a)
{
    struct sip_servers *t = s->table;

    assert(s->state != SERVER_COMPLETED && a->status >= 200 && a->status <= 699);
    send_held(s, &s->held->flow, a);
    free(s->held);
    s->state = SERVER_COMPLETED;
    s->status = (uint16_t)a->status;
    s->extra = NULL;
    /* Streams repeat nothing (17.2.2: J is 0), but some clients do: one message, the same answer twice (STOX-IM-50). */
    keep_extra(s, a);
    timer_start(t->timers, &s->timer, t->keep_ms);
    keep(s);
    leave_waiting(t);
}

void sip_respond(struct sip_server *s, unsigned status, const char *reason, struct slice headers)
{
    struct answer a = { .status = status, .reason = reason, .headers = headers };

    assert(s->state != SERVER_COMPLETED && status >= 100);
    /* To non-INVITE requests 100 is the only provisional answer, and only the timer knows when it may go (RFC 4320 4.1);
     * a 408 would come too late to be heard (4.2). */
    if (status < 200)
        return;
    if (status == 408) {
        a.status = 504;
        a.reason = NULL;
    }
    respond(s, &a);
}

void sip_respond_with(struct sip_server *s, unsigned status, struct slice headers, struct slice body)
{
    respond(s, &(struct answer){ .status = status, .headers = headers, .body = body });
}

struct sip_target sip_server_source(const struct sip_server *s)
{
    assert(s->state != SERVER_COMPLETED);
    return (struct sip_target){ .transport = s->held->flow.transport, .addr = s->held->flow.peer };
}

void sip_server_set_data(struct sip_server *s, void *data)
{
    assert(s->state != SERVER_COMPLETED);
    s->held->data = data;
}

void *sip_server_data(const struct sip_server *s)
{
    assert(s->state != SERVER_COMPLETED);
    return s->held->data;
}
