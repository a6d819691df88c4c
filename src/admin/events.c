#include "admin/events.h"

#include <inttypes.h>
#include <stdlib.h>

#include "admin/auth.h"
#include "admin/routes.h"
#include "store/json.h"

#define TURN_MS 1000
#define QUIET_TURNS 5 /* then a comment */
#define TEXT_MAX (256u << 10)
#define BLOCK 4096

struct event_stream {
    struct list link;
    struct events *events;
    struct call *call; /* gone by the time of on_free */
    char who[sizeof(((struct who *)0)->text) + 24];
    bool is_suspended, is_evicted;
    unsigned long long turn, wrote; /* when it was looked at, and when anything was written */
    uint64_t status_number, partners_number, change;
    bool has_begun;
    struct buf out;
    size_t sent; /* of out */
};

/* ---- what is true ---- */

static void take_status(struct events *e, const struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    json_t *v = ops->status ? ops->status(c->admin->conf.owner) : NULL;
    struct buf b;

    if (!v)
        return;
    json_object_del(v, "uptime-s");
    buf_init(&b, TEXT_MAX);
    json_put(&b, v, 0);
    buf_char(&b, '\0');
    if (buf_ok(&b) && (!e->status || strcmp(e->status, b.p) != 0)) {
        free(e->status);
        e->status = b.p;
        b.p = NULL;
        e->status_number++;
    }
    buf_free(&b);
}

static void take_partners(struct events *e, const struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    json_t *states = ops->partner_states ? ops->partner_states(c->admin->conf.owner) : NULL, *state;
    const char *name;
    size_t n_connected = 0, n_failing = 0;

    if (!states)
        return;
    json_object_foreach(states, name, state)
    {
        const char *is = json_string_value(json_object_get(state, "is"));

        json_object_del(state, "failed-s"); /* ages are no news */
        json_object_del(state, "newest-ms");
        n_connected += is && strcmp(is, "connected") == 0;
        n_failing += is && strcmp(is, "failing") == 0;
    }
    if (e->partners && json_equal(e->partners, states)) {
        json_decref(states);
        return;
    }
    json_decref(e->partners);
    e->partners = states;
    e->n_connected = n_connected;
    e->n_failing = n_failing;
    e->partners_number++;
}

/* Once a turn, whoever asks first. */
static void look(struct events *e, const struct call *c, unsigned long long turn)
{
    struct config *config;

    if (e->looked == turn && e->status)
        return;
    e->looked = turn;
    take_status(e, c);
    take_partners(e, c);
    config = keeper_config(c->admin->conf.keeper);
    e->change = config->seq;
    config_drop(config);
}

/* ---- one stream ---- */

static void compose(struct events *e, struct event_stream *s, unsigned long long turn)
{
    buf_clear(&s->out);
    s->sent = 0;
    if (!s->has_begun)
        buf_str(&s->out, "retry: 2000\n\n");
    if (s->status_number != e->status_number)
        buf_printf(&s->out, "event: status\ndata: %s\n\n", e->status);
    if (s->partners_number != e->partners_number)
        buf_printf(&s->out, "event: partners\ndata: {\"connected\":%zu,\"failing\":%zu}\n\n", e->n_connected,
                   e->n_failing);
    if (!s->has_begun || s->change != e->change)
        buf_printf(&s->out, "event: settings\ndata: {\"change\":%" PRIu64 "}\n\n", e->change);
    if (s->out.n == 0 && turn - s->wrote >= QUIET_TURNS)
        buf_str(&s->out, ":\n\n");
    if (!buf_ok(&s->out)) {
        buf_clear(&s->out); /* it comes with the next turn */
        return;
    }
    s->has_begun = true;
    s->status_number = e->status_number;
    s->partners_number = e->partners_number;
    s->change = e->change;
    if (s->out.n)
        s->wrote = turn;
}

/* Waits for the next turn, unless it has come already. False: the stream is to end. */
static bool suspend(struct events *e, struct event_stream *s)
{
    bool goes_on;

    uv_mutex_lock(&e->lock);
    goes_on = !e->closing && !s->is_evicted;
    if (goes_on && s->turn == atomic_load(&e->turns)) {
        s->is_suspended = true;
        MHD_suspend_connection(s->call->conn);
    }
    uv_mutex_unlock(&e->lock);
    return goes_on;
}

static ssize_t hand_out(struct event_stream *s, char *to, size_t max)
{
    size_t n = s->out.n - s->sent;

    if (n > max)
        n = max;
    memcpy(to, s->out.p + s->sent, n);
    s->sent += n;
    return (ssize_t)n;
}

static ssize_t on_read(void *arg, uint64_t pos, char *to, size_t max)
{
    struct event_stream *s = arg;
    struct events *e = s->events;
    unsigned long long turn = atomic_load(&e->turns);

    if (s->sent < s->out.n)
        return hand_out(s, to, max);
    if (s->has_begun && s->turn == turn)
        return suspend(e, s) ? 0 : MHD_CONTENT_READER_END_OF_STREAM;
    s->turn = turn;
    if (!auth_find(s->call) || s->call->who.role < s->call->route->role)
        return MHD_CONTENT_READER_END_OF_STREAM;
    look(e, s->call, turn);
    compose(e, s, turn);
    if (s->out.n)
        return hand_out(s, to, max);
    return suspend(e, s) ? 0 : MHD_CONTENT_READER_END_OF_STREAM;
}

static void on_free(void *arg)
{
    struct event_stream *s = arg;
    struct events *e = s->events;

    uv_mutex_lock(&e->lock);
    list_unlink(&s->link);
    e->n--;
    uv_mutex_unlock(&e->lock);
    buf_free(&s->out);
    free(s);
}

/* Of those of the same one, the oldest gives way. False: there are too many in all. */
static bool make_room(struct events *e, struct event_stream *s)
{
    struct event_stream *oldest = NULL;
    size_t same = 0;
    bool has_room;

    uv_mutex_lock(&e->lock);
    list_each (it, &e->all) {
        struct event_stream *other = container_of(it, struct event_stream, link);

        if (other->is_evicted || strcmp(other->who, s->who) != 0)
            continue;
        same++;
        if (!oldest)
            oldest = other;
    }
    if (same >= EVENTS_EACH)
        oldest->is_evicted = true;
    has_room = e->n < EVENTS_MAX && !e->closing;
    if (has_room) {
        list_push(&e->all, &s->link);
        e->n++;
    }
    uv_mutex_unlock(&e->lock);
    return has_room;
}

void events_get(struct call *c)
{
    struct event_stream *s = calloc(1, sizeof(*s));

    if (!s) {
        reply_no_memory(c);
        return;
    }
    s->events = &c->admin->events;
    s->call = c;
    snprintf(s->who, sizeof(s->who), "%s/%" PRIu64, c->who.text, c->who.session ? c->who.session->number : 0);
    buf_init(&s->out, TEXT_MAX);
    if (make_room(s->events, s)) {
        c->reply.events = s;
        c->reply.status = c->route->status;
        c->reply.type = "text/event-stream";
        return;
    }
    free(s);
    reply_problem(c, 503, "away", "too many pages watch this gateway already: %d", EVENTS_MAX);
    reply_header(c, "Retry-After", "5");
}

struct MHD_Response *events_response(struct call *c)
{
    struct event_stream *s = c->reply.events;
    struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, on_read, s, on_free);

    c->reply.events = NULL;
    if (!r)
        on_free(s);
    return r;
}

/* ---- the loop's thread ---- */

static void wake_all(struct events *e)
{
    list_each (it, &e->all) {
        struct event_stream *s = container_of(it, struct event_stream, link);

        if (!s->is_suspended)
            continue;
        s->is_suspended = false;
        MHD_resume_connection(s->call->conn);
    }
}

static void on_turn(struct timer *t)
{
    struct events *e = container_of(t, struct events, turn);

    atomic_fetch_add(&e->turns, 1);
    uv_mutex_lock(&e->lock);
    wake_all(e);
    uv_mutex_unlock(&e->lock);
    timer_start(&e->loop->timers, t, TURN_MS);
}

int events_init(struct events *e, struct loop *loop, struct err *err)
{
    e->loop = loop;
    list_init(&e->all);
    if (uv_mutex_init(&e->lock) != 0)
        return err_memory(err, "starting the API");
    timer_init(&e->turn, on_turn);
    timer_start(&loop->timers, &e->turn, TURN_MS);
    e->is_open = true;
    return 0;
}

void events_close(struct events *e)
{
    if (!e->is_open)
        return;
    timer_stop(&e->loop->timers, &e->turn);
    uv_mutex_lock(&e->lock);
    e->closing = true;
    wake_all(e);
    uv_mutex_unlock(&e->lock);
}

void events_fini(struct events *e)
{
    if (!e->is_open)
        return;
    uv_mutex_destroy(&e->lock);
    free(e->status);
    json_decref(e->partners);
    e->is_open = false;
}
