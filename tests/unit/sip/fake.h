/*
 * A stack without sockets: messages are handed in as text, what is sent is kept, and time passes when the test says so.
 */
#ifndef STOX_TESTS_SIP_FAKE_H
#define STOX_TESTS_SIP_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sip/stack.h"

#define FAKE_PACKETS 256

struct fake_packet {
    struct sip_flow flow;
    uint64_t at_ms;
    size_t n;
    char text[8192];
};

struct fake {
    struct log log;
    struct loop loop;
    struct sip *sip;
    struct fake_packet sent[FAKE_PACKETS];
    size_t n_sent;
    enum sip_reach reach;
    bool no_tcp; /* nobody listens there */
    bool send_fails;
    bool stranger;
    /* what the owner of the stack saw */
    struct sip_server *txns[64];
    size_t n_messages;
    unsigned answer_at_once; /* status, or 0 */
    unsigned status;         /* of the last result */
    enum sip_no_answer no_answer;
    unsigned n_done;
    bool inside; /* sip_send is running: done must not be called now */
    void *call;  /* call.h */
};

static inline void fake_log(struct log *log, const char *line, size_t n)
{
}

static inline bool fake_source(void *owner, const struct sip_peer *from, struct slice *route)
{
    *route = SLICE("romeo-route");
    return !((struct fake *)owner)->stranger;
}

static inline bool fake_serves(void *owner, struct slice host)
{
    return slice_is(host, "example.com");
}

static inline void fake_message(void *owner, const struct sip_request *request)
{
    struct fake *f = owner;

    assert_true(slice_is(request->route, "romeo-route"));
    f->txns[f->n_messages++ % 64] = request->txn;
    if (f->answer_at_once)
        sip_respond(request->txn, f->answer_at_once, NULL, slice_of(NULL, 0));
}

static const struct sip_ops fake_ops = { .source = fake_source, .serves = fake_serves, .message = fake_message };

static inline bool fake_send(void *owner, const struct sip_flow *flow, const char *p, size_t n)
{
    struct fake *f = owner;
    struct fake_packet *packet = &f->sent[f->n_sent];

    if (f->send_fails)
        return false;
    assert_true(f->n_sent < FAKE_PACKETS && n < sizeof(packet->text));
    packet->flow = *flow;
    packet->at_ms = loop_now(&f->loop);
    packet->n = n;
    memcpy(packet->text, p, n);
    packet->text[n] = '\0';
    f->n_sent++;
    return true;
}

static inline enum sip_reach fake_reach(void *owner, const struct sip_target *target, struct sip_flow *flow)
{
    *flow = (struct sip_flow){ .transport = target->transport, .peer = target->addr, .link = 7 };
    return ((struct fake *)owner)->no_tcp && target->transport == SIP_TCP ? SIP_REACH_NONE
                                                                          : ((struct fake *)owner)->reach;
}

static inline uint16_t fake_via_port(void *owner, const struct sip_target *target)
{
    return 5060;
}

static inline struct addr fake_addr(const char *text)
{
    struct addr a;

    assert_true(addr_parse(slice_str(text), 5060, &a));
    return a;
}

static inline struct sip_conf fake_conf(struct fake *f)
{
    return (struct sip_conf){
        .host = SLICE("gw.example.net"),
        .ops = &fake_ops,
        .owner = f,
        .t1_ms = 500,
        .t2_ms = 4000,
        .t4_ms = 5000,
        .provisional_ms = 3500,
        .kept_max = 100000,
        .txns_max = 1000,
        .conns_max = 16,
        .conns_per_ip_max = 4,
        .conn_idle_ms = 600000,
        .body_max = 65536,
        .accept = SLICE("text/plain, text/html"),
    };
}

static inline struct fake *fake_new(const struct sip_conf *conf)
{
    struct fake *f = calloc(1, sizeof(*f));
    struct sip_conf standard;
    struct err err;

    assert_non_null(f);
    log_init(&f->log);
    f->log.write = fake_log;
    assert_int_equal(loop_init(&f->loop, &f->log, &err), 0);
    standard = fake_conf(f);
    if (conf) {
        standard = *conf;
        standard.owner = f;
    }
    f->sip = sip_new(&f->loop, &standard, &err);
    assert_non_null(f->sip);
    f->sip->wire = (struct sip_wire){ .owner = f, .send = fake_send, .reach = fake_reach, .via_port = fake_via_port };
    f->reach = SIP_REACH_UP;
    return f;
}

static inline void fake_free(struct fake *f)
{
    sip_free(f->sip);
    loop_fini(&f->loop);
    free(f);
}

/* Time passes, one millisecond after the other. */
static inline void fake_pass(struct fake *f, uint64_t ms)
{
    for (uint64_t end = loop_now(&f->loop) + ms; loop_now(&f->loop) < end;)
        timers_advance(&f->loop.timers, loop_now(&f->loop) + 1);
}

/* A message arrives. */
static inline enum sip_next fake_take(struct fake *f, enum sip_transport transport, const char *from, const char *text)
{
    struct sip_source source = { .addr = fake_addr(from), .transport = transport, .link = 3 };
    struct arena arena;
    struct sip_msg m;
    const char *fault;
    size_t n = strlen(text), used;
    char *copy = malloc(n + 1);
    enum sip_parse parse;
    enum sip_next next;

    assert_non_null(copy);
    memcpy(copy, text, n + 1);
    arena_init(&arena, SIP_ARENA_MAX);
    parse = sip_msg_parse(&m, &arena, copy, n, transport != SIP_UDP, &used, &fault);
    assert_int_not_equal(parse, SIP_PARSE_MORE);
    next = sip_take(f->sip, parse, &m, fault, &source);
    arena_reset(&arena);
    memset(copy, 'X', n); /* nobody may have kept a pointer into it */
    free(copy);
    return next;
}

/* A request in parts; NULL means the ordinary. */
struct fake_request {
    const char *method, *uri, *via, *from, *to, *call_id, *cseq, *more, *body;
};

static inline const char *fake_request(const struct fake_request *r)
{
    static char text[200000];
    const char *method = r->method ? r->method : "MESSAGE", *body = r->body ? r->body : "Hello";

    snprintf(text, sizeof(text),
             "%s %s SIP/2.0\r\n%s\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s %s\r\n"
             "Content-Type: text/plain\r\n%sContent-Length: %zu\r\n\r\n%s",
             method, r->uri ? r->uri : "sip:juliet@example.com",
             r->via ? r->via : "Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKa1",
             r->from ? r->from : "<sip:romeo@example.net>;tag=f1", r->to ? r->to : "<sip:juliet@example.com>",
             r->call_id ? r->call_id : "call1@192.0.2.9", r->cseq ? r->cseq : "1", method, r->more ? r->more : "",
             strlen(body), body);
    return text;
}

static inline void fake_copy(char *to, size_t size, const char *text)
{
    assert_true(strlen(text) < size);
    memcpy(to, text, strlen(text) + 1);
}

#define FAKE(...) fake_request(&(struct fake_request){ __VA_ARGS__ })

static inline unsigned fake_status(const struct fake *f, size_t i)
{
    unsigned status = 0;

    assert_true(i < f->n_sent);
    assert_int_equal(sscanf(f->sent[i].text, "SIP/2.0 %u ", &status), 1);
    return status;
}

static inline const char *fake_last(const struct fake *f)
{
    assert_true(f->n_sent > 0);
    return f->sent[f->n_sent - 1].text;
}

static inline bool fake_has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static inline void fake_done(void *arg, const struct sip_result *result)
{
    struct fake *f = arg;

    assert_false(f->inside);
    f->n_done++;
    f->status = result->status;
    f->no_answer = result->no_answer;
    assert_int_equal(result->status != 0, result->msg != NULL);
}

static inline struct sip_send fake_message_out(const char *branch, const char *body)
{
    return (struct sip_send){
        .method = SIP_MESSAGE,
        .uri = SLICE("sip:romeo@example.net"),
        .from = SLICE("<sip:juliet@example.com>;tag=j1"),
        .to = SLICE("<sip:romeo@example.net>"),
        .call_id = SLICE("out1"),
        .cseq = 1,
        .branch = slice_str(branch),
        .max_forwards = 70,
        .headers = SLICE("Content-Type: text/plain\r\n"),
        .body = slice_str(body),
    };
}

static inline struct sip_client *fake_request_out(struct fake *f, enum sip_transport transport, const char *to,
                                                  const char *branch, const char *body)
{
    struct sip_target target = { .transport = transport, .addr = fake_addr(to) };
    struct sip_send request = fake_message_out(branch, body);
    struct sip_client *c;

    f->inside = true;
    c = sip_send(f->sip, &target, &request, fake_done, f);
    f->inside = false;
    return c;
}

/* The response to packet i, with the Via of the packet and more lines on top. */
static inline void fake_answer(struct fake *f, size_t i, unsigned status, const char *more)
{
    char via[512] = "", text[2048];
    const char *at = strstr(f->sent[i].text, "Via: "), *end = strstr(at, "\r\n");

    assert_true((size_t)(end - at) < sizeof(via));
    memcpy(via, at, (size_t)(end - at));
    snprintf(
        text, sizeof(text),
        "SIP/2.0 %u Whatever\r\n%s%s\r\nFrom: <sip:juliet@example.com>;tag=j1\r\nTo: <sip:romeo@example.net>;tag=r1\r\n"
        "Call-ID: out1\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n",
        status, more ? more : "", via);
    fake_take(f, f->sent[i].flow.transport, "192.0.2.9:5060", text);
}

#endif
