/* The life of a line: connection, TLS, whose key it is, and its end. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "link/line_parts.h"

#define LOOK_MS LINK_PING_MS
#define ARENA_MAX 65536

const char *link_reason_name(enum link_reason reason)
{
    switch (reason) {
    case LINK_IN_ORDER: return "in-order";
    case LINK_NO_VERSION: return "no-common-version";
    case LINK_BAD_FRAME: return "bad-frame";
    case LINK_OVER_CREDIT: return "over-credit";
    case LINK_REPLACED: return "replaced";
    case LINK_TOO_MANY: return "too-many";
    case LINK_SILENT: return "silent";
    case LINK_LIED: return "lied";
    case LINK_STRANGER: return "stranger";
    case LINK_CUT: return "cut";
    case LINK_N_REASONS: break;
    }
    return "unknown";
}

void link_line_turn(struct link_line *line)
{
    loop_defer(line->conf.loop, &line->turn);
}

static void stop(struct link_line *line)
{
    timer_stop(&line->conf.loop->timers, &line->timer);
    loop_undefer(&line->turn);
    if (line->session)
        line->session->line = NULL;
    line->session = NULL;
    line->state = LINE_ENDS;
}

static void release(struct link_line *line)
{
    if (line->out.p)
        explicit_bzero(line->out.p, line->out.cap); /* secrets and keys have passed through it */
    buf_free(&line->out);
    free(line);
}

void link_line_free(struct link_line *line)
{
    if (!line)
        return;
    stop(line);
    if (line->conn)
        conn_detach(line->conn);
    release(line);
}

void link_line_end(struct link_line *line, enum link_reason reason, const char *what)
{
    struct link_frame bye = { .type = LINK_BYE, .bye = { .reason = reason } };
    bool says = line->state == LINE_HELLO || line->state == LINE_UP;

    if (line->state == LINE_ENDS)
        return;
    line->reason = reason;
    snprintf(line->why, sizeof(line->why), "%s", what);
    bye.bye.why = slice_str(line->why);
    if (line->state == LINE_UP)
        link_line_on_turn(&line->turn); /* what was said before it comes before it */
    if (says)
        (void)link_line_write(line, &bye);
    stop(line);
    if (says)
        conn_close(line->conn);
    else
        conn_abort(line->conn);
}

/* Nothing was heard for long, or it is time to ask. */
static void on_time(struct timer *t)
{
    struct link_line *line = container_of(t, struct link_line, timer);

    if (loop_now(line->conf.loop) - line->heard_ms >= LINK_SILENCE_MS) {
        link_line_end(line, LINK_SILENT, "nothing was heard for 10 s");
        return;
    }
    if (line->state == LINE_UP && line->conf.role == LINK_PROXY)
        link_line_ask(line);
    timer_start(&line->conf.loop->timers, &line->timer, LOOK_MS);
}

/* ---- the connection ---- */

static bool is_pinned(const struct link_line *line)
{
    for (size_t i = 0; i < line->conf.n_pins; i++)
        if (slice_is(line->conf.pins[i], line->pin))
            return true;
    return false;
}

/* The key is all that is judged: no name, no authority, no date. */
static bool judge(struct link_line *line)
{
    struct tls_peer peer;
    struct arena arena;

    arena_init(&arena, ARENA_MAX);
    if (tls_peer(conn_ssl(line->conn), &arena, &peer) && peer.presented)
        snprintf(line->pin, sizeof(line->pin), "%.*s", SLICE_FMT(peer.pin));
    arena_reset(&arena);
    return line->pin[0] && is_pinned(line);
}

static void on_open(void *owner, struct conn *c)
{
    struct link_line *line = owner;

    if (!judge(line)) {
        if (line->pin[0])
            snprintf(line->why, sizeof(line->why), "its key is %s, which is not pinned here", line->pin);
        else
            snprintf(line->why, sizeof(line->why), "it has shown no certificate whose key could be read");
        line->reason = LINK_STRANGER;
        stop(line);
        conn_abort(line->conn);
        return;
    }
    line->state = LINE_HELLO;
    if (line->conf.role == LINK_GATEWAY)
        link_line_say_hello(line, line->conf.session);
}

static size_t on_data(void *owner, struct conn *c, char *p, size_t n)
{
    struct link_line *line = owner;

    return line->state == LINE_HELLO || line->state == LINE_UP ? link_line_read(line, slice_of(p, n)) : n;
}

static void on_drained(void *owner, struct conn *c)
{
    struct link_line *line = owner;

    if (line->state != LINE_UP)
        return;
    if (line->conf.ops->room)
        line->conf.ops->room(line->conf.owner, line);
    if (line->state == LINE_UP)
        link_line_turn(line);
}

/* What helps; NULL: what has happened says it. */
static const char *what_helps(const struct link_line *line, enum conn_end why)
{
    switch (why) {
    case CONN_END_REFUSED: return "no proxy listens at this address and port, or a firewall refuses it";
    case CONN_END_UNREACHABLE: return "no network leads there: look at routes and firewalls between";
    case CONN_END_TIMEOUT: return "the machine is down, or a firewall drops what is sent to this port";
    case CONN_END_TLS_NONE: return "what answers there is no proxy: look at the port";
    case CONN_END_TLS_REFUSED: return "the pin of our key is missing in its link-pins";
    case CONN_END_PEER:
    case CONN_END_RESET:
        if (line->state == LINE_HELLO && line->conf.role == LINK_GATEWAY) /* strangers are told nothing */
            return "it has seen our key and hung up: most likely its link-pins do not have our pin";
        break;
    default: break;
    }
    return NULL;
}

static void on_closed(void *owner, struct conn *c, enum conn_end why, const char *text)
{
    struct link_line *line = owner;
    const char *helps;

    line->conn = NULL;
    if (line->state != LINE_ENDS) {
        helps = what_helps(line, why);
        line->reason = LINK_CUT;
        snprintf(line->why, sizeof(line->why), "%s%s%s", text, helps ? ": " : "", helps ? helps : "");
        stop(line);
    }
    line->conf.ops->closed(line->conf.owner, line, line->reason, line->why);
    release(line);
}

static const struct conn_ops conn_ops = {
    .open = on_open, .data = on_data, .drained = on_drained, .closed = on_closed
};

static struct link_line *line_new(const struct link_line_conf *conf)
{
    struct link_line *line = calloc(1, sizeof(*line));

    if (!line)
        return NULL;
    line->conf = *conf;
    line->heard_ms = loop_now(conf->loop);
    buf_init(&line->out, LINK_FRAME_MAX);
    if (!buf_reserve(&line->out, LINK_FRAME_MAX)) { /* all of it: memory that is left behind would not be wiped */
        free(line);
        return NULL;
    }
    timer_init(&line->timer, on_time);
    deferred_init(&line->turn, link_line_on_turn);
    return line;
}

static struct conn_conf conn_conf(struct link_line *line)
{
    return (struct conn_conf){ .ops = &conn_ops,
                               .owner = line,
                               .tls = line->conf.tls,
                               .rx_max = LINK_FRAME_MAX,
                               .tx_max = LINK_TX_MAX,
                               .connect_ms = LINK_SILENCE_MS,
                               .secret = true };
}

static struct link_line *line_begin(struct link_line *line)
{
    if (!line->conn) {
        release(line);
        return NULL;
    }
    timer_start(&line->conf.loop->timers, &line->timer, LOOK_MS);
    return line;
}

struct link_line *link_line_connect(const struct link_line_conf *conf, const struct addr *to)
{
    const struct tls_wish wish = { .role = TLS_CLIENT, .identity = SLICE(LINK_CERTIFICATE), .alpn = "stox-link" };
    struct link_line *line = line_new(conf);
    struct conn_conf connect;

    if (!line)
        return NULL;
    connect = conn_conf(line);
    line->conn = conn_connect(conf->loop, &connect, to, NULL, &wish);
    return line_begin(line);
}

struct link_line *link_line_accept(const struct link_line_conf *conf, int fd, const struct addr *peer)
{
    const struct tls_wish wish = { .role = TLS_SERVER, .identity = SLICE(LINK_CERTIFICATE), .alpn = "stox-link" };
    struct link_line *line = line_new(conf);
    struct conn_conf accept;

    if (!line) {
        close(fd);
        return NULL;
    }
    accept = conn_conf(line);
    line->conn = conn_accept(conf->loop, &accept, fd, peer, &wish);
    return line_begin(line);
}

const struct addr *link_line_peer(const struct link_line *line)
{
    return conn_peer(line->conn);
}

struct slice link_line_name(const struct link_line *line)
{
    return slice_str(line->name);
}
