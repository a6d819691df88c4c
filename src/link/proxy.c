/* The proxy's life: its listeners, connections, and the sessions that outlive them. */
#include "link/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rand.h"
#include "link/proxy_parts.h"

#define START_SECRET 32 /* of dialback, until a gateway has told one: there is nobody to prove yet */

/* ---- sessions ---- */

static bool account_is(const struct hash_node *node, const void *key)
{
    const struct proxy_account *a = container_of(node, const struct proxy_account, node);

    return slice_eq(slice_of(a->name, a->name_n), *(const struct slice *)key);
}

struct proxy_account *proxy_account_find(const struct proxy_session *s, struct slice name)
{
    struct hash_node *node = hash_find(&s->accounts, hash_bytes(&s->accounts, name), account_is, &name);

    return node ? container_of(node, struct proxy_account, node) : NULL;
}

struct proxy_account *proxy_account_of(struct proxy_session *s, struct slice name)
{
    struct proxy_account *a = proxy_account_find(s, name);

    if (a)
        return a;
    a = calloc(1, sizeof(*a) + name.n);
    if (!a)
        return NULL;
    a->session = s;
    a->in = link_credit_in();
    a->out = link_credit_out();
    list_init(&a->waiting);
    a->name_n = name.n;
    memcpy(a->name, name.p, name.n);
    if (hash_add(&s->accounts, &a->node, hash_bytes(&s->accounts, name)))
        return a;
    free(a);
    return NULL;
}

void proxy_tell(struct proxy_session *s, const struct link_frame *frame)
{
    if (!s->over && !link_session_send(&s->session, frame))
        proxy_session_over(s, "what it has to be told cannot be kept: it does not take it, or memory is missing");
}

void proxy_complain(struct proxy_session *s, enum link_reason reason, const char *what)
{
    if (s->session.line)
        link_line_end(s->session.line, reason, what);
    proxy_session_over(s, what);
}

void proxy_session_over(struct proxy_session *s, const char *why)
{
    if (s->over)
        return;
    s->over = true;
    log_warning(s->proxy->conf.loop->log, "gateway-gone", LOG_Z("gateway", s->name), LOG_Z("why", why),
                LOG_Z("effect", "what it had under way is given up; what it had not answered goes to another one, or "
                                "its streams are closed"));
    timer_start(&s->proxy->conf.loop->timers, &s->gone, 0);
}

/* What another session of the same gateway goes on with, if there is one, stays in use until that one is told its own. */
static void session_free(struct proxy_session *s)
{
    struct link_proxy *p = s->proxy;

    s->over = true; /* nothing is its own any more */
    if (s->session.line)
        link_line_end(s->session.line, LINK_REPLACED, "its session is over");
    list_each (it, &p->lines) {
        struct proxy_line *l = container_of(it, struct proxy_line, link);

        if (l->session == s)
            l->session = NULL;
    }
    proxy_out_drop_all(s);
    proxy_in_drop_all(s);
    proxy_links_drop_all(s);
    proxy_seen_drop_all(s);
    timer_stop(&p->conf.loop->timers, &s->gone);
    timer_stop(&p->conf.loop->timers, &s->lease);
    list_unlink(&s->link);
    p->n_sessions--;
    hash_free(&s->by_id);
    hash_free(&s->ins_by_id);
    hash_free(&s->accounts);
    link_session_fini(&s->session);
    buf_free(&s->lists);
    link_copy_free(s->next);
    link_copy_free(s->copy);
    free(s);
}

/* Its time without a line is over, or it cannot go on. */
static void on_gone(struct timer *t)
{
    struct proxy_session *s = container_of(t, struct proxy_session, gone);
    struct link_proxy *p = s->proxy;

    proxy_session_over(s, "it has not come back within 20 s");
    proxy_pauses(s, false);
    session_free(s);
    proxy_phase(p);
    proxy_use_settings(p);
}

static struct proxy_session *session_new(struct link_proxy *p, const struct link_hello_frame *hello, struct slice pin)
{
    struct proxy_session *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->proxy = p;
    link_session_init(&s->session);
    rand_bytes(s->session.id, LINK_RANDOM);
    memcpy(s->session.peer, hello->process.p, LINK_RANDOM);
    s->session.begun = s->begins = true;
    snprintf(s->pin, sizeof(s->pin), "%.*s", SLICE_FMT(pin));
    snprintf(s->name, sizeof(s->name), "%.*s", SLICE_FMT(hello->name));
    timer_init(&s->gone, on_gone);
    timer_init(&s->lease, proxy_on_lease);
    list_init(&s->outs);
    hash_init(&s->by_id);
    hash_init(&s->ins_by_id);
    list_init(&s->ins);
    hash_init(&s->accounts);
    hash_init(&s->linked);
    hash_init(&s->shown);
    buf_init(&s->lists, LINK_REVOCATIONS_MAX);
    list_init(&s->probes);
    list_init(&s->knocks);
    list_push(&p->sessions, &s->link);
    p->n_sessions++;
    return s;
}

static struct proxy_session *session_of_pin(const struct link_proxy *p, struct slice pin)
{
    list_each (it, &p->sessions) {
        struct proxy_session *s = container_of(it, struct proxy_session, link);

        if (slice_is(pin, s->pin) && !s->over && !s->leaving)
            return s;
    }
    return NULL;
}

/* At its place, and by its settings until it has told its own, so that streams stay. */
static struct proxy_session *succeed(struct proxy_session *old, const struct link_hello_frame *hello, struct slice pin)
{
    struct proxy_session *s = session_new(old->proxy, hello, pin);

    if (!s)
        return NULL;
    s->copy = old->copy;
    s->learns = s->copy != NULL;
    old->copy = NULL;
    list_unlink(&s->link);
    list_push(&old->link, &s->link); /* before it */
    return s;
}

/* The gateway has handed over to this process. */
static struct proxy_session *stand_beside(struct proxy_session *old, const struct link_hello_frame *hello,
                                          struct slice pin)
{
    struct proxy_session *s = succeed(old, hello, pin);

    if (!s)
        return NULL;
    old->leaving = true;
    log_info(s->proxy->conf.loop->log, "gateway-handed-over", LOG_Z("gateway", s->name),
             LOG_Z("effect", "the session before ends what it has"));
    return s;
}

/* The gateway was started anew. */
static struct proxy_session *replace(struct proxy_session *old, const struct link_hello_frame *hello, struct slice pin)
{
    struct link_proxy *p = old->proxy;
    struct proxy_session *s = succeed(old, hello, pin);

    if (!s)
        return NULL;
    proxy_pauses(old, false);
    log_info(p->conf.loop->log, "gateway-restarted", LOG_Z("gateway", s->name));
    session_free(old);
    return s;
}

/* ---- lines ---- */

static bool is_of_process(const struct proxy_session *s, const struct link_hello_frame *hello)
{
    return slice_eq(hello->process, slice_of((const char *)s->session.peer, LINK_RANDOM));
}

/* The session that this gateway would go on with; NULL: there is no such one. */
static struct proxy_session *going_on(const struct link_proxy *p, const struct link_hello_frame *hello,
                                      struct slice pin)
{
    list_each (it, &p->sessions) {
        struct proxy_session *s = container_of(it, struct proxy_session, link);

        if (slice_is(pin, s->pin) && !s->over && is_of_process(s, hello) &&
            slice_eq(hello->session, slice_of((const char *)s->session.id, LINK_RANDOM)))
            return s;
    }
    return NULL;
}

/* Two gateways with one key would take each other's place for ever: the one that is there, and answers, keeps it. */
static bool is_twin(const struct proxy_session *before, const struct link_hello_frame *hello)
{
    return before->session.line && !is_of_process(before, hello) &&
           link_lease_holds(&before->session.lease, loop_now(before->proxy->conf.loop));
}

static void refuse_twin(struct proxy_session *before, struct link_line *line, const struct link_hello_frame *hello)
{
    char why[LINK_WHY_MAX], at[ADDR_TEXT], there[ADDR_TEXT];
    bool known = slice_eq(hello->process, slice_of((const char *)before->twin, LINK_RANDOM));

    addr_text(link_line_peer(before->session.line), there);
    addr_text(link_line_peer(line), at);
    memcpy(before->twin, hello->process.p, LINK_RANDOM);
    if (!known)
        log_error(before->proxy->conf.loop->log, "link-key-used-twice", LOG_Z("gateway", before->name),
                  LOG_Z("at", there), LOG_S("other", hello->name), LOG_Z("other-at", at), LOG_Z("pin", before->pin),
                  LOG_Z("why", "two gateways have the same link.key"),
                  LOG_Z("effect", "the first one stays linked, the other one is refused: give it a key of its own, and "
                                  "add its pin to link-pins"));
    snprintf(why, sizeof(why),
             "another gateway, %.200s at %s, is linked with the same key: each needs its own; remove link.key here, "
             "restart, and add the new pin to the proxy's link-pins",
             before->name, there);
    link_line_end(line, LINK_TOO_MANY, why);
}

static struct link_session *on_hello(void *owner, struct link_line *line, const struct link_hello_frame *hello,
                                     struct slice pin)
{
    struct proxy_line *l = owner;
    struct link_proxy *p = l->proxy;
    struct proxy_session *s = going_on(p, hello, pin), *before = session_of_pin(p, pin);

    if (s) {
        if (s->session.line)
            link_line_end(s->session.line, LINK_REPLACED, "its gateway has opened another connection");
    } else if (before && hello->beside && !is_of_process(before, hello) && p->n_sessions < 2 * LINK_GATEWAYS_MAX) {
        s = stand_beside(before, hello, pin);
    } else if (before && is_twin(before, hello)) {
        refuse_twin(before, line, hello);
        l->twin = true;
        return NULL;
    } else if (before) {
        s = replace(before, hello, pin);
    } else if (p->n_sessions >= LINK_GATEWAYS_MAX) {
        link_line_end(line, LINK_TOO_MANY, "this proxy has 16 gateways already");
        return NULL;
    } else {
        s = session_new(p, hello, pin);
    }
    if (!s) {
        link_line_end(line, LINK_CUT, "out of memory");
        return NULL;
    }
    timer_stop(&p->conf.loop->timers, &s->gone);
    l->session = s;
    return &s->session;
}

static void on_up(void *owner, struct link_line *line)
{
    struct proxy_line *l = owner;
    struct proxy_session *s = l->session;

    log_info(l->proxy->conf.loop->log, "link-up", LOG_Z("gateway", s->name), LOG_Z("pin", s->pin));
    s->begins = false;
    if (s->copy && !s->knows_links) /* it has taken another one's place */
        proxy_tell_links(s);
    proxy_show_anew(s);
    link_line_go(line);
}

static void on_frame(void *owner, struct link_line *line, const struct link_frame *f)
{
    struct proxy_session *s = ((struct proxy_line *)owner)->session;
    struct link_frame done = { .type = LINK_PHASE_DONE };

    if (!s || s->over)
        return;
    switch (f->type) {
    case LINK_SEND: proxy_on_send(s, &f->send); return;
    case LINK_WITHDRAW: proxy_on_withdraw(s, &f->withdraw); return;
    case LINK_HANDLED: proxy_on_handled(s, &f->handled); return;
    case LINK_CREDIT: proxy_on_credit(s, &f->credit); return;
    case LINK_STREAM_CLOSE: proxy_on_stream_close(s, &f->stream_close); return;
    case LINK_REVOCATIONS: proxy_on_revocations(s, &f->revocations); return;
    case LINK_REVOCATION_PART: proxy_on_revocation_part(s, &f->revocation_part); return;
    case LINK_PROBE: proxy_on_probe(s, &f->probe); return;
    case LINK_KNOCK: proxy_on_knock(s, &f->knock); return;
    case LINK_WATCH: s->watches = f->watch.on; return;
    case LINK_PHASE:
        s->phase = (enum link_phase)f->phase.phase;
        if (s->phase != LINK_SERVE)
            proxy_stand_back(s);
        proxy_phase(s->proxy);
        done.phase_done.phase = f->phase.phase;
        proxy_tell(s, &done);
        return;
    default: proxy_on_setting(s, f);
    }
}

static void on_alive(void *owner, struct link_line *line)
{
    struct proxy_session *s = ((struct proxy_line *)owner)->session;
    uint64_t now = loop_now(s->proxy->conf.loop), end = link_lease_end(&s->session.lease);

    timer_start(&s->proxy->conf.loop->timers, &s->lease, end > now ? end - now : 0);
    proxy_show(s);
}

static void on_room(void *owner, struct link_line *line)
{
    struct proxy_session *s = ((struct proxy_line *)owner)->session;

    if (s && !s->over)
        proxy_flush(s);
}

static void line_free(struct proxy_line *l)
{
    l->proxy->n_lines--;
    list_unlink(&l->link);
    free(l);
}

static void log_lost(struct proxy_line *l, enum link_reason reason, const char *why)
{
    struct link_proxy *p = l->proxy;
    struct log_limit *limit = reason == LINK_STRANGER ? &p->log_strangers : &p->log_lost;
    unsigned held;

    if (log_allowed(limit, loop_now(p->conf.loop), 10, &held))
        log_warning(p->conf.loop->log, reason == LINK_STRANGER ? "link-refused" : "link-lost",
                    LOG_Z("gateway", l->session ? l->session->name : "unknown"),
                    LOG_Z("reason", link_reason_name(reason)), LOG_Z("why", why));
}

static void stopped_if_done(struct link_proxy *p);

static void on_closed(void *owner, struct link_line *line, enum link_reason reason, const char *why)
{
    struct proxy_line *l = owner;
    struct link_proxy *p = l->proxy;
    struct proxy_session *s = l->session;

    if (!l->twin) /* else it was said, once */
        log_lost(l, reason, why);
    if (s && !s->session.line)
        s->begins = false;
    if (s && !s->session.line && reason == LINK_IN_ORDER)
        proxy_session_over(s, "it has ended in order, or has this proxy in its settings no more");
    else if (s && !s->session.line && !s->over)
        timer_start(&p->conf.loop->timers, &s->gone, LINK_SESSION_MS);
    if (s && !s->session.line && !link_lease_holds(&s->session.lease, loop_now(p->conf.loop)))
        proxy_stand_back(s);
    line_free(l);
    stopped_if_done(p);
}

static const struct link_line_ops line_ops = {
    .hello = on_hello, .up = on_up, .frame = on_frame, .alive = on_alive, .room = on_room, .closed = on_closed
};

static struct link_line_conf line_conf(struct proxy_line *l)
{
    const struct link_proxy_conf *conf = &l->proxy->conf;
    struct link_line_conf line = { .loop = conf->loop,
                                   .tls = conf->tls,
                                   .role = LINK_PROXY,
                                   .pins = conf->pins,
                                   .n_pins = conf->n_pins,
                                   .name = conf->name,
                                   .ops = &line_ops,
                                   .owner = l };

    memcpy(line.process, l->proxy->process, LINK_RANDOM);
    return line;
}

static void on_accepted(void *owner, struct listener *listener, int fd, const struct addr *peer)
{
    struct link_proxy *p = owner;
    struct proxy_line *l = p->n_lines < LINK_LINES_MAX && !p->stopping ? calloc(1, sizeof(*l)) : NULL;
    struct link_line_conf conf;

    if (!l) {
        close(fd);
        return;
    }
    l->proxy = p;
    list_push(&p->lines, &l->link);
    p->n_lines++;
    conf = line_conf(l);
    l->line = link_line_accept(&conf, fd, peer);
    if (!l->line)
        line_free(l);
}

/* ---- the proxy ---- */

struct link_proxy *link_proxy_new(const struct link_proxy_conf *conf, struct err *err)
{
    struct link_proxy *p = calloc(1, sizeof(*p));
    char secret[START_SECRET];
    struct federation_conf federation = { .ops = &proxy_ops,
                                          .owner = p,
                                          .dialback_secret = slice_of(secret, sizeof(secret)) };

    if (!p) {
        err_memory(err, "starting");
        return NULL;
    }
    p->conf = *conf;
    list_init(&p->lines);
    list_init(&p->sessions);
    hash_init(&p->outs);
    buf_init(&p->scratch, LINK_HEARD_MAX);
    rand_bytes(p->process, LINK_RANDOM);
    rand_bytes(secret, sizeof(secret));
    p->listeners = calloc(conf->n_listen + 1, sizeof(*p->listeners));
    if (p->listeners &&
        buf_reserve(&p->scratch, LINK_HEARD_MAX)) /* whole, so that a stanza never fails for want of it */
        p->federation = federation_new(conf->federation, conf->loop, &federation, err);
    else
        err_memory(err, "starting");
    if (p->federation) {
        proxy_use_settings(p);
        return p;
    }
    link_proxy_free(p);
    return NULL;
}

int link_proxy_start(struct link_proxy *p, struct err *err)
{
    static const struct listener_ops ops = { .accepted = on_accepted };

    for (; p->n_listeners < p->conf.n_listen; p->n_listeners++) {
        struct listener **l = &p->listeners[p->n_listeners];

        *l = listener_open(p->conf.loop, &p->conf.listen[p->n_listeners], &ops, p, err);
        if (!*l)
            return err_wrap(err, "link");
    }
    proxy_phase(p);
    return federation_start(p->federation, err);
}

const struct addr *link_proxy_local(const struct link_proxy *p, size_t i)
{
    return i < p->n_listeners ? listener_local(p->listeners[i]) : NULL;
}

static void close_listeners(struct link_proxy *p)
{
    while (p->n_listeners)
        listener_close(p->listeners[--p->n_listeners]);
}

static void stopped_if_done(struct link_proxy *p)
{
    void (*done)(void *arg) = p->stopped;

    if (!done || p->n_lines)
        return;
    p->stopped = NULL;
    done(p->stopped_arg);
}

/* Streams are gone: what they had under way has its fate, and the gateways are told that before the end. */
static void on_streams_gone(void *arg)
{
    struct link_proxy *p = arg;

    list_each_safe (it, tmp, &p->lines)
        link_line_end(container_of(it, struct proxy_line, link)->line, LINK_IN_ORDER, "the proxy is stopped");
    stopped_if_done(p);
}

void link_proxy_stop(struct link_proxy *p, void (*done)(void *arg), void *arg)
{
    p->stopping = true;
    p->stopped = done;
    p->stopped_arg = arg;
    federation_stop(p->federation, on_streams_gone, p);
}

void link_proxy_free(struct link_proxy *p)
{
    if (!p)
        return;
    close_listeners(p);
    while (!list_empty(&p->sessions))
        session_free(container_of(p->sessions.next, struct proxy_session, link));
    while (!list_empty(&p->lines)) {
        struct proxy_line *l = container_of(p->lines.next, struct proxy_line, link);

        link_line_free(l->line);
        line_free(l);
    }
    if (p->federation)
        proxy_use_settings(p); /* it borrows nothing any more */
    federation_free(p->federation);
    hash_free(&p->outs);
    buf_free(&p->scratch);
    free(p->listeners);
    free(p);
}
