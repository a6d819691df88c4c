/* What a line says and hears. */
#include <stdio.h>

#include "link/line_parts.h"

#define MAGIC "stox-link"
#define PIECE_MAX (LINK_TX_MAX / 4) /* on top of half: what is not numbered has room, too */

/* ---- saying ---- */

bool link_line_write(struct link_line *line, const struct link_frame *frame)
{
    buf_clear(&line->out);
    return line->state != LINE_ENDS && !link_frame_is_numbered(frame->type) && link_frame_write(&line->out, frame) &&
           conn_write(line->conn, line->out.p, line->out.n);
}

bool link_line_write_bytes(struct link_line *line, struct slice bytes)
{
    return line->state == LINE_UP && conn_write(line->conn, bytes.p, bytes.n);
}

bool link_line_has_room(const struct link_line *line)
{
    return line->state == LINE_UP && conn_tx_pending(line->conn) <= LINK_TX_MAX / 2;
}

size_t link_line_pending(const struct link_line *line)
{
    return line->state == LINE_UP ? conn_tx_pending(line->conn) : 0;
}

void link_line_go(struct link_line *line)
{
    line->goes = true;
    link_line_turn(line);
}

void link_line_say_hello(struct link_line *line, const struct link_session *session)
{
    const struct link_frame hello = {
        .type = LINK_HELLO,
        .hello = { .magic = SLICE(MAGIC),
                   .version_least = LINK_VERSION,
                   .version_greatest = LINK_VERSION,
                   .role = line->conf.role,
                   .process = slice_of((const char *)line->conf.process, LINK_RANDOM),
                   .session = slice_of((const char *)session->id, session->begun ? LINK_RANDOM : 0),
                   .taken = session->numbered.n_taken,
                   .beside = line->conf.beside,
                   .name = line->conf.name },
    };

    if (!link_line_write(line, &hello))
        link_line_end(line, LINK_SILENT, "HELLO could not be written: out of memory, or our name is too long");
}

void link_line_ask(struct link_line *line)
{
    const struct link_frame ping = { .type = LINK_PING, .ping.proxy_ms = loop_now(line->conf.loop) };

    link_lease_ask(&line->session->lease, ping.ping.proxy_ms);
    (void)link_line_write(line, &ping); /* if not, there will be no answer */
}

/* Until the connection holds so much that it will say when it has drained. */
static void pump(struct link_line *line)
{
    struct link_numbered *n = &line->session->numbered;
    struct slice piece;

    while (line->goes && link_line_has_room(line) && (piece = slice_first(link_numbered_unwritten(n), PIECE_MAX)).n) {
        if (!conn_write(line->conn, piece.p, piece.n))
            return;
        link_numbered_wrote(n, piece.n);
    }
}

void link_line_on_turn(struct deferred *d)
{
    struct link_line *line = container_of(d, struct link_line, turn);
    struct link_frame ack;

    if (line->state != LINE_UP)
        return;
    if (link_numbered_owes(&line->session->numbered, &ack))
        (void)link_line_write(line, &ack);
    pump(line);
}

/* ---- hearing ---- */

/* NULL, or what is wrong. */
static const char *object_to(const struct link_line *line, const struct link_hello_frame *h, enum link_reason *reason)
{
    *reason = LINK_BAD_FRAME;
    if (!slice_is(h->magic, MAGIC))
        return "what answers there is no stoxd";
    if (h->role == line->conf.role)
        return h->role == LINK_PROXY ? "both ends are proxies" : "both ends are gateways";
    if ((h->session.n && h->session.n != LINK_RANDOM) || (h->role == LINK_PROXY && !h->session.n))
        return "HELLO names no session";
    if (!h->session.n && h->taken)
        return "HELLO counts frames of no session";
    *reason = LINK_NO_VERSION;
    if (h->version_least > LINK_VERSION || h->version_greatest < LINK_VERSION)
        return "gateway and proxy have no version of the link in common: update the older one";
    return NULL;
}

/* HELLO was answered, or was the answer: the session goes on, or begins. */
static void come_up(struct link_line *line, struct link_session *session, const struct link_hello_frame *h)
{
    if (!link_numbered_again(&session->numbered, h->taken)) {
        link_line_end(line, LINK_BAD_FRAME, "HELLO counts frames that were never sent");
        return;
    }
    session->line = line;
    line->session = session;
    line->state = LINE_UP;
    line->conf.ops->up(line->conf.owner, line);
    if (line->state != LINE_UP)
        return;
    if (line->conf.role == LINK_PROXY)
        link_line_ask(line);
    link_line_turn(line);
}

static void on_hello(struct link_line *line, const struct link_hello_frame *h)
{
    enum link_reason reason;
    const char *why = object_to(line, h, &reason);
    struct link_session *session;

    if (why) {
        link_line_end(line, reason, why);
        return;
    }
    snprintf(line->name, sizeof(line->name), "%.*s", SLICE_FMT(h->name));
    session = line->conf.ops->hello(line->conf.owner, line, h, slice_str(line->pin));
    if (!session || line->state != LINE_HELLO)
        return;
    if (line->conf.role == LINK_PROXY)
        link_line_say_hello(line, session);
    if (line->state == LINE_HELLO)
        come_up(line, session, h);
}

static void on_bye(struct link_line *line, const struct link_bye_frame *bye)
{
    char why[LINK_WHY_MAX + 40];

    snprintf(why, sizeof(why), "the other end says %s: %.*s", link_reason_name((enum link_reason)bye->reason),
             SLICE_FMT(bye->why));
    link_line_end(line, (enum link_reason)bye->reason, why);
}

static void on_ping(struct link_line *line, const struct link_ping_frame *ping)
{
    const struct link_frame pong = { .type = LINK_PONG,
                                     .pong = { .proxy_ms = ping->proxy_ms, .gateway_ms = loop_now(line->conf.loop) } };

    if (!link_line_write(line, &pong))
        return;
    line->session->answered_ms = pong.pong.gateway_ms;
    line->session->asked_ms = ping->proxy_ms;
    line->conf.ops->alive(line->conf.owner, line);
}

static void on_pong(struct link_line *line, const struct link_pong_frame *pong)
{
    if (!link_lease_answer(&line->session->lease, pong->proxy_ms, pong->gateway_ms)) {
        link_line_end(line, LINK_BAD_FRAME, "PONG answers a question that was not asked");
        return;
    }
    line->session->trip_ms = (uint32_t)(loop_now(line->conf.loop) - pong->proxy_ms);
    line->conf.ops->alive(line->conf.owner, line);
}

static void on_ack(struct link_line *line, const struct link_ack_frame *ack)
{
    bool was_full = link_numbered_is_full(&line->session->numbered);

    if (!link_numbered_acked(&line->session->numbered, ack->taken)) {
        link_line_end(line, LINK_BAD_FRAME, "ACK counts frames that were never sent");
        return;
    }
    if (was_full && !link_numbered_is_full(&line->session->numbered) && line->conf.ops->room)
        line->conf.ops->room(line->conf.owner, line);
}

static void on_frame(struct link_line *line, const struct link_read *r)
{
    if ((r->frame.type == LINK_HELLO) != (line->state == LINE_HELLO) && r->frame.type != LINK_BYE) {
        link_line_end(line, LINK_BAD_FRAME,
                      r->frame.type == LINK_HELLO ? "a second HELLO" : "another frame before HELLO");
        return;
    }
    switch (r->frame.type) {
    case LINK_HELLO: on_hello(line, &r->frame.hello); return;
    case LINK_BYE: on_bye(line, &r->frame.bye); return;
    case LINK_ACK: on_ack(line, &r->frame.ack); return;
    case LINK_PING: on_ping(line, &r->frame.ping); return;
    case LINK_PONG: on_pong(line, &r->frame.pong); return;
    default: break;
    }
    if (r->numbered) {
        link_numbered_took(&line->session->numbered);
        link_line_turn(line);
    }
    line->conf.ops->frame(line->conf.owner, line, &r->frame);
}

size_t link_line_read(struct link_line *line, struct slice bytes)
{
    enum link_role sender = line->conf.role == LINK_PROXY ? LINK_GATEWAY : LINK_PROXY;
    char why[LINK_FAULT_TEXT];
    enum link_fault fault;
    struct link_read r;
    size_t used = 0;

    if (loop_now(line->conf.loop) - line->heard_ms >= LINK_SILENCE_MS) {
        /* We stood still: the other end has ended it, and may have given what comes here to others. */
        link_line_end(line, LINK_SILENT, "nothing was heard for 10 s");
        return bytes.n;
    }
    while (line->state != LINE_ENDS && (fault = link_frame_read(slice_from(bytes, used), sender, &r)) != LINK_MORE) {
        if (fault != LINK_FINE) {
            link_line_end(line, LINK_BAD_FRAME, link_fault_text(fault, &r, why));
            break;
        }
        used += r.n;
        line->heard_ms = loop_now(line->conf.loop);
        on_frame(line, &r);
    }
    return line->state == LINE_ENDS ? bytes.n : used;
}
