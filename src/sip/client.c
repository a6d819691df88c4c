#include <stdlib.h>

#include "sip/client_priv.h"
#include "sip/writer.h"

#define COOKIE "z9hG4bK"
#define BRANCH_LEN (sizeof(COOKIE) - 1 + 32) /* cookie, 64 bits nobody can guess, 64 bits that only we can derive */
#define FIXED_MAX 256 /* what of a request is not its parts: names, separators, method, numbers */
#define ROUTE_MAX 96  /* of a Route header, but for the name in it */
#define SUFFIX_MAX 2  /* of a given branch, for each time that the request is signed: ".1" */
#define REQUEST_MAX (SIP_HEAD_MAX + SIP_BODY_MAX)

void sip_clients_init(struct sip_clients *t)
{
    hash_init(&t->by_branch);
    hash_init(&t->hops);
    hash_init(&t->marks);
    hash_init(&t->secrets);
    buf_init(&t->scratch, REQUEST_MAX);
    buf_init(&t->lines, SIP_HEAD_MAX);
    list_init(&t->accepted);
    list_init(&t->completed);
    t->n_accepted = 0;
    t->n_branches = 0;
}

/* Takes c out of its hop, which the caller still needs. */
static void hop_unlink(struct sip_client *c)
{
    list_unlink(&c->in_hop);
    if (c->state == CLIENT_WAITING)
        c->hop->n_waiting--;
    c->hop = NULL;
}

static void hop_free_if_empty(struct hop *hop)
{
    if (hop->n_held || !list_empty(&hop->clients))
        return;
    hash_remove(&hop->table->hops, &hop->node);
    free(hop);
}

static void hop_leave(struct sip_client *c)
{
    struct hop *hop = c->hop;

    if (!hop)
        return;
    hop_unlink(c);
    hop_free_if_empty(hop);
}

void sip_client_free(struct sip_client *c)
{
    struct sip_clients *t = c->table;

    timer_stop(t->timers, &c->timer);
    list_unlink(&c->in_dialog);
    if (!c->hop)
        list_unlink(&c->in_hop); /* of the completed ones */
    if (c->invite)
        sip_invite_client_fini(c);
    hop_leave(c);
    hash_remove(&t->by_branch, &c->by_branch);
    t->counters->clients = t->by_branch.n;
    free(c->wire);
    free(c);
}

static void free_entry(struct hash_node *node, void *arg)
{
    sip_client_free(container_of(node, struct sip_client, by_branch));
}

void sip_clients_fini(struct sip_clients *t)
{
    hash_each(&t->by_branch, free_entry, NULL);
    hash_free(&t->by_branch);
    hash_free(&t->hops);
    hash_free(&t->marks);
    hash_free(&t->secrets);
    buf_free(&t->scratch);
    buf_free(&t->lines);
}

static void put_u64_hex(char *p, uint64_t v)
{
    for (unsigned i = 0; i < 16; i++)
        p[i] = "0123456789abcdef"[v >> (60 - 4 * i) & 15];
}

static void make_branch(struct sip_clients *t, char out[BRANCH_LEN])
{
    size_t at = sizeof(COOKIE) - 1;

    t->n_branches++;
    memcpy(out, COOKIE, at);
    put_u64_hex(out + at, hash_mac(&t->secrets, slice_of((const char *)&t->n_branches, sizeof(t->n_branches))));
    put_u64_hex(out + at + 16, hash_mac(&t->marks, slice_of(out + at, 16)));
}

bool sip_clients_made_branch(const struct sip_clients *t, struct slice branch)
{
    size_t at = sizeof(COOKIE) - 1;
    char mark[16];

    if (branch.n != BRANCH_LEN || !slice_starts(branch, SLICE(COOKIE)))
        return false;
    put_u64_hex(mark, hash_mac(&t->marks, slice_of(branch.p + at, 16)));
    return memcmp(mark, branch.p + at + 16, 16) == 0;
}

static const char *via_transport(enum sip_transport t)
{
    switch (t) {
    case SIP_UDP: return "UDP";
    case SIP_TCP: return "TCP";
    case SIP_TLS: return "TLS";
    }
    return "UDP";
}

void sip_put_contact(struct buf *b, const struct sip_clients *t, const struct sip_target *target,
                     const struct sip_contact *contact)
{
    uint16_t port = t->wire->via_port(t->wire->owner, target);

    buf_put(b, contact->secure ? SLICE("<sips:") : SLICE("<sip:"));
    if (contact->user.n) {
        sip_put_safe(b, contact->user);
        buf_char(b, '@');
    }
    buf_put(b, t->host);
    if (port) {
        buf_char(b, ':');
        buf_u64(b, port);
    }
    if (target->transport != SIP_UDP && !contact->secure) {
        buf_put(b, SLICE(";transport="));
        buf_str(b, sip_transport_name(target->transport));
    }
    sip_put_safe(b, contact->params);
    buf_char(b, '>');
}

/* The proxy by its name, where it has to show one, else by its address. */
static void put_route(struct buf *b, const struct sip_target *target)
{
    char at[ADDR_TEXT];

    buf_put(b, SLICE("Route: <sip:"));
    if (target->host[0]) {
        sip_put_safe(b, slice_str(target->host));
        buf_char(b, ':');
        buf_u64(b, addr_port(&target->addr));
    } else {
        buf_str(b, addr_text(&target->addr, at));
    }
    if (target->transport != SIP_UDP) {
        buf_put(b, SLICE(";transport="));
        buf_str(b, sip_transport_name(target->transport));
    }
    buf_put(b, SLICE(";lr>\r\n"));
}

/* What a request is made of besides what its owner says. */
struct making {
    struct slice branch, login; /* login: lines */
    uint16_t port;
};

static bool build(struct sip_clients *t, const struct sip_target *target, const struct sip_send *r,
                  const struct making *making)
{
    struct buf *b = &t->scratch;
    const char *method = sip_method_name(r->method);

    buf_clear(b);
    buf_str(b, method);
    buf_char(b, ' ');
    sip_put_safe(b, r->uri);
    buf_put(b, SLICE(" SIP/2.0\r\nVia: SIP/2.0/"));
    buf_str(b, via_transport(target->transport));
    buf_char(b, ' ');
    buf_put(b, t->host);
    if (making->port) {
        buf_char(b, ':');
        buf_u64(b, making->port);
    }
    buf_put(b, SLICE(";branch="));
    sip_put_safe(b, making->branch);
    /* Over TLS both ends have shown who they are: the peer may use the connection too (RFC 5923 5, 8). */
    buf_put(b, target->transport == SIP_UDP   ? SLICE(";rport\r\n")
               : target->transport == SIP_TLS ? SLICE(";alias\r\n")
                                              : SLICE("\r\n"));
    if (r->to_proxy)
        put_route(b, target);
    sip_put_header_u64(b, "Max-Forwards", r->max_forwards);
    sip_put_header(b, "From", r->from);
    sip_put_header(b, "To", r->to);
    sip_put_header(b, "Call-ID", r->call_id);
    buf_put(b, SLICE("CSeq: "));
    buf_u64(b, r->cseq);
    buf_char(b, ' ');
    buf_str(b, method);
    buf_put(b, SLICE("\r\n"));
    buf_put(b, making->login);
    if (r->contact) {
        buf_put(b, SLICE("Contact: "));
        sip_put_contact(b, t, target, r->contact);
        buf_put(b, SLICE("\r\n"));
    }
    buf_put(b, r->headers);
    sip_put_body(b, r->body);
    return buf_ok(b);
}

bool sip_clients_fits(struct sip_clients *t, const struct sip_target *target, const struct sip_send *r, size_t max)
{
    static const char any[BRANCH_LEN] = COOKIE "00000000000000000000000000000000";
    struct making making = { .branch = r->branch.n ? r->branch : slice_of(any, BRANCH_LEN) };
    size_t room = sip_client_may_sign(r->method) ? sip_login_room(t->logins, slice_str(target->route), r->uri) : 0;
    size_t parts = t->host.n + r->uri.n + making.branch.n + r->from.n + r->to.n + r->call_id.n + r->headers.n +
                   r->body.n + room + (r->to_proxy ? ROUTE_MAX + strlen(target->host) : 0);

    if (!r->contact && parts <= max && max - parts >= FIXED_MAX) /* nearly always, and far cheaper than building it */
        return true;
    making.port = t->wire->via_port(t->wire->owner, target);
    if (room)
        room += r->branch.n ? SUFFIX_MAX : 0;
    return build(t, target, r, &making) && t->scratch.n <= max && max - t->scratch.n >= room;
}

void sip_client_report(struct sip_client *c, const struct sip_result *result)
{
    sip_done *done = c->done;

    if (c->invite) {
        sip_invite_client_hear(c, result);
        return;
    }
    c->done = NULL;
    if (done)
        done(c->arg, result);
    if (c->dialog) /* not when done has ended it */
        sip_dialog_heard(c->dialog, c, result);
}

void sip_client_end(struct sip_client *c, const struct sip_result *result)
{
    hop_leave(c);
    hash_remove(&c->table->by_branch, &c->by_branch);
    c->table->counters->clients = c->table->by_branch.n;
    sip_client_report(c, result);
    sip_client_free(c);
}

void sip_client_fail(struct sip_client *c, enum sip_no_answer why)
{
    sip_client_end(c, &(struct sip_result){ .no_answer = why });
}

bool sip_client_transmit(struct sip_client *c)
{
    const struct sip_wire *wire = c->table->wire;

    return wire->send(wire->owner, &c->hop->flow, c->wire, c->n_wire);
}

void sip_client_wait(struct sip_client *c)
{
    uint64_t now = c->table->timers->now_ms, left = c->deadline_ms > now ? c->deadline_ms - now : 0;

    if (c->wire && c->hop->target.transport == SIP_UDP && c->interval_ms < left)
        left = c->interval_ms;
    timer_start(c->table->timers, &c->timer, left);
}

static void on_timer(struct timer *timer)
{
    struct sip_client *c = container_of(timer, struct sip_client, timer);
    struct sip_clients *t = c->table;

    if (c->invite) {
        sip_invite_client_timer(c);
        return;
    }
    switch (c->state) {
    case CLIENT_WAITING: sip_client_fail(c, SIP_UNREACHABLE); return;
    case CLIENT_ACCEPTED:
    case CLIENT_COMPLETED: sip_client_free(c); return;
    case CLIENT_TRYING:
    case CLIENT_PROCEEDING: break;
    }
    if (t->timers->now_ms >= c->deadline_ms) {
        sip_client_fail(c, SIP_TIMED_OUT);
        return;
    }
    t->counters->retransmissions_out++;
    (void)sip_client_transmit(c);
    c->interval_ms = c->state == CLIENT_PROCEEDING || c->interval_ms * 2 > t->t2_ms ? t->t2_ms : c->interval_ms * 2;
    sip_client_wait(c);
}

/*
 * Writes a request for the first time, to a hop that is up. On a stream that is the only time (RFC 3261 17.1.2.2,
 * STOX-SIP-57), and when the stream does not take it, nothing was written. A datagram that is lost here is lost like any
 * other: Timer E repeats it.
 */
static void start(struct sip_client *c)
{
    bool is_udp = c->hop->target.transport == SIP_UDP;

    if (!sip_client_transmit(c) && !is_udp) {
        timer_start(c->table->timers, &c->timer, 0);
        return;
    }
    c->hop->n_waiting--;
    c->link = c->hop->flow.link;
    c->state = CLIENT_TRYING;
    c->table->counters->requests_out++;
    if (!is_udp && !c->invite &&
        !c->table->logins->ops->account) { /* what may still be made from it: ACK, CANCEL, itself */
        free(c->wire);
        c->wire = NULL;
    }
    sip_client_wait(c);
}

static bool same_target(const struct hash_node *node, const void *key)
{
    return sip_target_eq(&container_of(node, struct hop, node)->target, key);
}

static struct hop *hop_find(const struct sip_clients *t, const struct sip_target *target)
{
    struct hash_node *node = hash_find(&t->hops, sip_target_hash(&t->hops, target), same_target, target);

    return node ? container_of(node, struct hop, node) : NULL;
}

static struct hop *hop_make(struct sip_clients *t, const struct sip_target *target)
{
    struct hop *hop = hop_find(t, target);

    if (hop)
        return hop;
    hop = calloc(1, sizeof(*hop));
    if (!hop)
        return NULL;
    hop->table = t;
    hop->target = *target;
    hop->reach = SIP_REACH_NONE;
    list_init(&hop->clients);
    if (!hash_add(&t->hops, &hop->node, sip_target_hash(&t->hops, target))) {
        free(hop);
        return NULL;
    }
    return hop;
}

struct hop *sip_hop_hold(struct sip_clients *t, const struct sip_target *target)
{
    struct hop *hop = hop_make(t, target);

    if (hop)
        hop->n_held++;
    return hop;
}

void sip_hop_drop(struct hop *hop)
{
    hop->n_held--;
    hop_free_if_empty(hop);
}

/* UDP asks each time: a socket costs nothing to look up, and may have come or gone. */
static void look_for_way(struct hop *hop)
{
    const struct sip_wire *wire = hop->table->wire;

    if (hop->reach == SIP_REACH_NONE || hop->target.transport == SIP_UDP)
        hop->reach = wire->reach(wire->owner, &hop->target, &hop->flow);
}

bool sip_hop_build(struct hop *hop, const struct sip_send *r)
{
    struct sip_clients *t = hop->table;
    char made[BRANCH_LEN];
    struct slice branch = r->branch;

    if (!branch.n) {
        make_branch(t, made);
        branch = slice_of(made, sizeof(made));
    }
    return build(t, &hop->target, r,
                 &(struct making){ .branch = branch, .port = t->wire->via_port(t->wire->owner, &hop->target) });
}

bool sip_hop_write(struct hop *hop, struct slice bytes)
{
    const struct sip_wire *wire = hop->table->wire;

    look_for_way(hop);
    if (hop->reach != SIP_REACH_UP || !wire->send(wire->owner, &hop->flow, bytes.p, bytes.n))
        return false;
    hop->table->counters->requests_out++;
    return true;
}

/* A CANCEL has the branch of its INVITE (RFC 3261 9.1): the method tells them apart (17.1.3). */
struct branch_key {
    struct slice branch, method;
};

static bool same_branch(const struct hash_node *node, const void *arg)
{
    const struct sip_client *c = container_of(node, struct sip_client, by_branch);
    const struct branch_key *key = arg;

    return slice_eq(slice_of(c->branch, c->n_branch), key->branch) && slice_is(key->method, sip_method_name(c->method));
}

static struct sip_client *client_find(const struct sip_clients *t, struct slice branch, struct slice method)
{
    const struct branch_key key = { branch, method };
    struct hash_node *node = hash_find(&t->by_branch, hash_bytes(&t->by_branch, branch), same_branch, &key);

    return node ? container_of(node, struct sip_client, by_branch) : NULL;
}

struct slice sip_client_route(const struct sip_client *c)
{
    return slice_of(c->branch + c->n_room, c->n_route);
}

struct sip_target sip_client_target(const struct sip_client *c)
{
    struct sip_target target = c->hop->target;

    memcpy(target.route, c->branch + c->n_room, c->n_route);
    target.route[c->n_route] = '\0';
    return target;
}

bool sip_client_read_back(const struct sip_client *c, struct sip_msg *m, struct arena *arena)
{
    const char *fault;
    size_t used;

    return c->wire && sip_msg_parse(m, arena, c->wire, c->n_wire, true, &used, &fault) == SIP_PARSE_OK;
}

/* Its branch, for the next time it goes: one of its own for each time it is signed, the same after a restart. */
static void name(struct sip_client *c)
{
    if (!c->n_base) {
        make_branch(c->table, c->branch);
        c->n_branch = BRANCH_LEN;
        return;
    }
    c->n_branch = c->n_base;
    if (!c->login.n_signed)
        return;
    c->branch[c->n_branch++] = '.';
    c->branch[c->n_branch++] = (char)('0' + c->login.n_signed % 10);
}

static struct slice branch_of(const struct sip_client *c)
{
    return slice_of(c->branch, c->n_branch);
}

static bool enter(struct sip_client *c)
{
    struct hash *h = &c->table->by_branch;

    return hash_add(h, &c->by_branch, hash_bytes(h, branch_of(c)));
}

bool sip_client_rename(struct sip_client *c)
{
    hash_remove(&c->table->by_branch, &c->by_branch);
    name(c);
    return enter(c);
}

/* In its wire; it is at the beginning of its time. False: too large, or no memory. */
bool sip_client_build(struct sip_client *c, const struct sip_send *r, struct slice branch, struct slice login)
{
    struct sip_clients *t = c->table;
    char *wire;

    if (!build(t, &c->hop->target, r, &(struct making){ .branch = branch, .login = login, .port = c->via_port }) ||
        (c->hop->target.transport == SIP_UDP && t->scratch.n > SIP_UDP_REQUEST_MAX))
        return false;
    wire = malloc(t->scratch.n);
    if (!wire)
        return false;
    memcpy(wire, t->scratch.p, t->scratch.n);
    free(c->wire);
    c->wire = wire;
    c->n_wire = t->scratch.n;
    c->interval_ms = t->t1_ms;
    c->deadline_ms = t->timers->now_ms + 64u * t->t1_ms;
    return true;
}

/* A transaction for a request to a hop, in no table yet. NULL: no memory. */
static struct sip_client *client_new(struct sip_clients *t, const struct sip_target *target,
                                     const struct sip_send *request)
{
    size_t n_route = strlen(target->route), room = request->branch.n ? request->branch.n + SUFFIX_MAX : BRANCH_LEN;
    struct sip_client *c = calloc(1, sizeof(*c) + room + n_route);

    if (!c)
        return NULL;
    c->table = t;
    c->method = request->method;
    c->via_port = t->wire->via_port(t->wire->owner, target);
    c->n_room = room;
    c->n_base = request->branch.n;
    if (request->branch.n)
        memcpy(c->branch, request->branch.p, request->branch.n);
    c->n_route = (uint8_t)n_route;
    memcpy(c->branch + room, target->route, n_route);
    list_init(&c->in_hop);
    list_init(&c->in_dialog);
    timer_init(&c->timer, on_timer);
    c->state = CLIENT_TRYING; /* not among the waiting ones yet */
    c->hop = hop_make(t, target);
    if (c->hop) {
        list_push(&c->hop->clients, &c->in_hop);
        return c;
    }
    free(c);
    return NULL;
}

void sip_client_set_out(struct sip_client *c)
{
    struct sip_clients *t = c->table;
    struct hop *hop = c->hop;

    look_for_way(hop);
    c->state = CLIENT_WAITING;
    hop->n_waiting++;
    switch (hop->reach) {
    case SIP_REACH_UP: start(c); break;
    case SIP_REACH_COMING: timer_start(t->timers, &c->timer, c->deadline_ms - t->timers->now_ms); break;
    case SIP_REACH_NONE: timer_start(t->timers, &c->timer, 0); break;
    }
}

/* No other one has its branch, but perhaps one that has ended: that may be repeated, and ask for its answer again. */
static bool is_free(struct sip_client *c)
{
    struct sip_client *other =
        c->n_base ? client_find(c->table, branch_of(c), slice_str(sip_method_name(c->method))) : NULL;

    if (other && other->state != CLIENT_COMPLETED)
        return false;
    if (other)
        sip_client_free(other);
    return true;
}

/* With credentials, where the target has asked for them; they make another request of it. */
static bool take_request(struct sip_client *c, const struct sip_send *request)
{
    struct slice login = { 0 };
    struct sip_send r = *request;

    if (sip_client_may_sign(r.method))
        login = sip_login_lines(c->table->logins, sip_client_route(c), r.method, r.uri, r.body);
    if (login.n) {
        c->login.n_signed = 1;
        r.cseq += c->n_base ? 1 : 0; /* who numbers it himself takes the next one for the next request */
    }
    name(c);
    return is_free(c) && sip_client_build(c, &r, branch_of(c), login) && enter(c);
}

/*
 * Those that wait for an answer count, not those that have one: 20,000 requests a second leave 100,000 of these in Timer K. The last
 * one stays, whose owner may be hearing of it at this moment.
 */
static bool has_room(struct sip_clients *t)
{
    if (t->by_branch.n - t->n_accepted < t->max)
        return true;
    if (t->completed.next == t->completed.prev)
        return false;
    sip_client_free(container_of(t->completed.next, struct sip_client, in_hop));
    return true;
}

struct sip_client *sip_client_make(struct sip_clients *t, const struct sip_target *target,
                                   const struct sip_send *request)
{
    struct sip_client *c;

    if (!has_room(t))
        return NULL;
    c = client_new(t, target, request);
    if (!c)
        return NULL;
    if (c->hop->n_waiting < SIP_HOP_WAITING_MAX && take_request(c, request)) {
        t->counters->clients = t->by_branch.n;
        return c;
    }
    sip_client_free(c);
    return NULL;
}

struct sip_client *sip_clients_send(struct sip_clients *t, const struct sip_target *target,
                                    const struct sip_send *request, sip_done *done, void *arg)
{
    struct sip_client *c = sip_client_make(t, target, request);

    if (!c)
        return NULL;
    c->done = done;
    c->arg = arg;
    sip_client_set_out(c);
    return c;
}

void sip_client_forget(struct sip_client *c)
{
    c->done = NULL;
    c->counter = NULL;
    c->is_last = true;
}

void sip_client_count(struct sip_client *c, uint32_t *cseq)
{
    c->counter = cseq;
}

enum sip_client_progress sip_client_progress(const struct sip_client *c)
{
    switch (c->state) {
    case CLIENT_WAITING: return SIP_CLIENT_UNSENT;
    case CLIENT_TRYING: return SIP_CLIENT_SILENT;
    case CLIENT_PROCEEDING:
    case CLIENT_ACCEPTED:
    case CLIENT_COMPLETED: break;
    }
    return SIP_CLIENT_HEARD;
}

void sip_client_quiet(struct sip_client *c)
{
    if (c->state == CLIENT_WAITING || c->state == CLIENT_COMPLETED)
        return;
    free(c->wire);
    c->wire = NULL;
    sip_client_wait(c);
}

void sip_client_drop(struct sip_client *c)
{
    sip_client_free(c);
}

static void answered(struct sip_client *c, const struct sip_msg *m)
{
    struct sip_result result = { .status = m->status, .msg = m, .no_answer = SIP_ANSWERED };

    if (sip_client_login(c, m, &result.signable))
        return;
    if (c->hop->target.transport != SIP_UDP) {
        sip_client_end(c, &result);
        return;
    }
    /* A datagram may come twice: repeated responses are absorbed until Timer K. */
    hop_leave(c);
    c->state = CLIENT_COMPLETED;
    free(c->wire);
    c->wire = NULL;
    list_push(&c->table->completed, &c->in_hop);
    timer_start(c->table->timers, &c->timer, c->table->t4_ms);
    sip_client_report(c, &result);
}

bool sip_clients_response(struct sip_clients *t, const struct sip_msg *m)
{
    struct sip_client *c;

    /* With a second Via it was on its way to somebody else. */
    if (m->n_vias != 1 || !m->via.branch.n)
        return false;
    c = client_find(t, m->via.branch, m->cseq_method);
    if (!c || !slice_ieq(m->via.host, t->host) || m->via.port != c->via_port)
        return false;
    t->counters->responses_in++;
    if (c->invite) {
        sip_invite_client_response(c, m);
        return true;
    }
    switch (c->state) {
    case CLIENT_ACCEPTED:
    case CLIENT_COMPLETED: t->counters->retransmissions_in++; return true;
    case CLIENT_WAITING: return false; /* to a request that was not sent: made up */
    case CLIENT_TRYING:
    case CLIENT_PROCEEDING: break;
    }
    if (m->status < 200)
        c->state = CLIENT_PROCEEDING;
    else
        answered(c, m);
    return true;
}

void sip_clients_up(struct sip_clients *t, const struct sip_target *target, const struct sip_flow *flow)
{
    struct hop *hop = hop_find(t, target);

    if (!hop)
        return;
    hop->reach = SIP_REACH_UP;
    hop->flow = *flow;
    list_each (l, &hop->clients) {
        struct sip_client *c = container_of(l, struct sip_client, in_hop);

        if (c->state == CLIENT_WAITING)
            start(c);
    }
}

/*
 * Only what cannot have arrived is called unreachable. What was written to a broken stream, or got a 100, may have been served: it
 * waits for Timer F, and an answer may still come another way.
 */
static bool cannot_have_arrived(const struct sip_client *c, uint64_t refused)
{
    return c->state == CLIENT_WAITING ||
           (c->state == CLIENT_TRYING && (c->hop->target.transport == SIP_UDP || (refused != 0 && c->link == refused)));
}

void sip_clients_refused(struct sip_clients *t, const struct sip_target *target, uint64_t link)
{
    struct hop *hop = hop_find(t, target);
    struct list hit;
    struct list *l;

    if (!hop)
        return;
    hop->reach = SIP_REACH_NONE;
    list_init(&hit);
    list_each_safe (it, tmp, &hop->clients) {
        struct sip_client *c = container_of(it, struct sip_client, in_hop);

        if (cannot_have_arrived(c, link)) {
            hop_unlink(c);
            list_push(&hit, it);
        }
    }
    hop_free_if_empty(hop);
    while ((l = list_pop(&hit)))
        sip_client_fail(container_of(l, struct sip_client, in_hop), SIP_UNREACHABLE);
}

void sip_clients_down(struct sip_clients *t, const struct sip_target *target)
{
    sip_clients_refused(t, target, 0);
}
