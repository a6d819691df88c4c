#include "sides.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "../store/make.h"

/* The bridge keeps no pointer to a test; the two sides it was given are this one object. */
static struct sides *now;

static void copy(char *out, size_t size, struct slice s);

void sides_copy(char *out, size_t size, struct slice s)
{
    copy(out, size, s);
}

struct sides *sides_now(void)
{
    return now;
}

static void copy(char *out, size_t size, struct slice s)
{
    assert_true(s.n < size);
    if (s.n)
        memcpy(out, s.p, s.n);
    out[s.n] = '\0';
}

struct sip *sip_new(struct loop *loop, const struct sip_conf *conf, struct err *err)
{
    return (struct sip *)now;
}

void sip_free(struct sip *sip)
{
}

int sip_listen(struct sip *sip, enum sip_transport transport, const struct addr *local, struct err *err)
{
    return 0;
}

void sip_respond(struct sip_server *txn, unsigned status, const char *reason, struct slice headers)
{
    txn->answers++;
    txn->status = status;
    copy(txn->reason, sizeof(txn->reason), slice_str(reason));
    copy(txn->headers, sizeof(txn->headers), headers);
}

struct sip_attempt *sip_request(struct sip *sip, const struct sip_destination *to, const struct sip_send *request,
                                uint64_t hold_ms, sip_done *done, void *arg)
{
    struct sip_attempt *c = &now->clients[now->n_clients++];

    assert_true(now->n_clients < SIDES_MAX);
    *c = (struct sip_attempt){
        .in_use = true, .done = done, .arg = arg, .transports = to->transports, .method = request->method
    };
    if (to->n_hops)
        c->hop = to->hops[0].addr;
    copy(c->uri, sizeof(c->uri), request->uri);
    copy(c->from, sizeof(c->from), request->from);
    copy(c->call_id, sizeof(c->call_id), request->call_id);
    copy(c->branch, sizeof(c->branch), request->branch);
    copy(c->headers, sizeof(c->headers), request->headers);
    copy(c->body, sizeof(c->body), request->body);
    return c;
}

struct sip_targets *sip_located(struct sip *sip, const struct sip_destination *to)
{
    return now->known ? sip_targets_one(now->known, false) : NULL;
}

struct sip_targets *sip_located_last(struct sip *sip, const struct sip_destination *to)
{
    return NULL;
}

struct sip_lookup *sip_locate(struct sip *sip, const struct sip_destination *to, sip_located_done *done, void *arg)
{
    struct sides_lookup *l = &now->lookups[now->n_lookups];

    if (!now->looks_up)
        return NULL;
    assert_true(now->n_lookups++ < 8);
    *l = (struct sides_lookup){ done, arg };
    return (struct sip_lookup *)l; /* nobody looks inside */
}

void sip_locate_cancel(struct sip_lookup *l)
{
    if (l)
        ((struct sides_lookup *)l)->done = NULL;
}

size_t sides_looks(const struct sides *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_lookups; i++)
        n += s->lookups[i].done != NULL;
    return n;
}

void sides_located(struct sides *s, struct sip_target *known)
{
    struct sip_targets *targets = known ? sip_targets_one(known, false) : NULL;

    assert_true(sides_looks(s) > 0);
    s->known = known;
    for (size_t i = 0, n = s->n_lookups; i < n; i++) {
        sip_located_done *done = s->lookups[i].done;

        s->lookups[i].done = NULL;
        if (done)
            done(s->lookups[i].arg, targets, known ? SIP_FAULT_NONE : SIP_FAULT_DNS_NO_NAME, "no such name");
    }
    sip_targets_drop(targets);
}

struct sip_targets *sip_targets_one(const struct sip_target *target, bool to_proxy)
{
    struct sip_targets *t = calloc(1, sizeof(*t) + sizeof(t->v[0]));

    if (!t) /* memory may be made to run out */
        return NULL;
    t->n = 1;
    t->v[0].target = *target;
    return t;
}

void sip_targets_drop(struct sip_targets *t)
{
    free(t); /* nobody keeps one */
}

size_t sip_targets_order(struct sip *sip, const struct sip_targets *t, uint8_t order[SIP_TARGETS_MAX])
{
    order[0] = 0;
    return t->n;
}

uint64_t sip_probe_start(struct sip *sip, const struct sip_destination *to, struct slice domain, const char **why)
{
    return 0;
}

bool sip_probe_show(const struct sip *sip, uint64_t id, void (*fn)(void *arg, const struct sip_probe_info *info),
                    void *arg)
{
    return false;
}

void sip_health_check(struct sip *sip, const struct sip_targets *targets)
{
}

void sip_health_show(const struct sip *sip, const struct sip_target *target, struct sip_health_info *out)
{
}

void sip_revocations_changed(struct sip *sip)
{
}

void sip_reconsider(struct sip *sip)
{
}

void sip_client_forget(struct sip_client *client)
{
    ((struct sip_attempt *)client)->forgotten = true; /* as sip_dialog_send has given it out */
}

void sip_request_forget(struct sip_attempt *attempt)
{
    attempt->forgotten = true;
}

void sip_set_limits(struct sip *sip, size_t txns_max, size_t body_max)
{
    now->txns_max = txns_max;
    now->body_max = body_max;
}

const struct sip_counters *sip_counters(const struct sip *sip)
{
    static const struct sip_counters none;

    return &none;
}

void sip_leave(struct sip *sip, sip_pass *pass, void *arg)
{
}

bool sip_is_busy(const struct sip *sip)
{
    return false;
}

/* The partner's server takes every error at once; messages wait for the test. */
void sides_settle_errors(struct sides *s)
{
    for (size_t i = 0; i < s->n_sent; i++) {
        if (s->sent[i].settled || !s->sent[i].token || !strstr(s->sent[i].stanza, "type='error'"))
            continue;
        s->sent[i].settled = true;
        bridge_settled(s->bridge, s->sent[i].token, XMPP_FATE_CONFIRMED, "");
    }
}

static void write_log(struct log *log, const char *line, size_t n)
{
    struct sides *s = container_of(log, struct sides, log);

    buf_add(&s->logged, line, n);
}

bool sides_logged(const struct sides *s, const char *text)
{
    return s->logged.n && memmem(s->logged.p, s->logged.n, text, strlen(text));
}

struct directory *sides_directory(const char *settings)
{
    struct directory_conf conf = { .config = make_config(settings) };
    struct err err = { "" };
    struct directory *d = directory_new(&conf, &err);

    if (!d)
        fail_msg("%s", err.text);
    config_drop(conf.config);
    return d;
}

/* The stack goes on by itself: what xmpp would do at the end of the turn is the test's to say. */
void sides_apply(struct sides *s, const char *settings)
{
    struct directory *next = sides_directory(settings), *before = bridge_apply(s->bridge, next);

    assert_ptr_equal(before, s->directory);
    directory_drop(before); /* the bridge's count */
    directory_drop(s->directory);
    s->directory = next;
    sides_settle_errors(s);
}

struct sides *sides_new(void)
{
    struct sides *s = calloc(1, sizeof(*s));
    struct bridge_conf conf = { .secret = { 1, 2, 3 }, .ledger = (struct ledger *)s };
    struct err err;

    assert_non_null(s);
    now = s;
    log_init(&s->log);
    s->log.write = write_log;
    s->log.level = LOG_LEVEL_DEBUG;
    timers_init(&s->loop.timers, 1000);
    s->loop.log = &s->log;
    list_init(&s->loop.deferred);
    buf_init(&s->logged, 16u << 20);
    s->boot.host_name = SLICE("gw.contoso.example");
    s->directory = sides_directory(SIDES_SETTINGS);
    arena_init(&s->arena, 64u << 20);
    conf.loop = &s->loop;
    conf.boot = &s->boot;
    conf.directory = s->directory;
    conf.federation = &sides_federation;
    s->bridge = bridge_new(&conf, &err);
    return s;
}

void sides_free(struct sides *s)
{
    bridge_free(s->bridge);
    directory_drop(s->directory);
    buf_free(&s->logged);
    arena_reset(&s->arena);
    free(s);
}

struct sip_server *sides_sip(struct sides *s, const char *ip, const char *from, const char *uri, const char *branch,
                             const char *headers, const char *body)
{
    char *text = NULL;
    int n = asprintf(
        &text,
        "MESSAGE %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK%s\r\nFrom: %s;tag=1\r\nTo: <%s>\r\n"
        "Call-ID: %s%s\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\n%sContent-Length: %zu\r\n\r\n%s",
        uri, branch, from, uri, s->call_id ? s->call_id : "c-", s->call_id ? "" : branch, headers, strlen(body), body);
    struct sip_server *txn = &s->servers[s->n_servers++];
    struct sip_request request = { .txn = txn };
    struct sip_msg msg;
    struct arena arena;
    struct addr source;
    const char *fault;
    size_t used;

    assert_true(n > 0);
    arena_init(&arena, 1u << 20);
    assert_int_equal(sip_msg_parse(&msg, &arena, text, (size_t)n, false, &used, &fault), SIP_PARSE_OK);
    assert_true(addr_parse(slice_str(ip), 5060, &source));
    request.msg = &msg;
    request.from = &(struct sip_peer){ .addr = &source, .transport = SIP_UDP };
    s2x_message(s->bridge, &request);
    arena_reset(&arena);
    free(text);
    return txn;
}

struct arriving {
    struct sides *s;
    uint64_t receipt;
};

static void on_element(void *owner, struct xml *el)
{
    struct arriving *in = owner;
    struct jid from, to;
    struct xmpp_stanza stanza = { .el = el, .arena = &in->s->arena, .receipt = in->receipt };

    assert_true(jid_parse(&in->s->arena, xml_attr(el, "from"), &from));
    assert_true(jid_parse(&in->s->arena, xml_attr(el, "to"), &to));
    stanza.from = &from;
    stanza.to = &to;
    bridge_stanza(in->s->bridge, &stanza);
}

static void on_open(void *owner, const struct xml *root)
{
}

static void on_close(void *owner)
{
}

void sides_xmpp(struct sides *s, const char *stanza, uint64_t receipt)
{
    static const struct xml_reader_ops ops = { on_open, on_element, on_close };
    static const struct xml_limits limits = { 262144, 16384, 64, 128 };
    static const char head[] = "<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:server'>";
    struct arriving in = { s, receipt };
    struct xml_reader *r = xml_reader_new(&ops, &in, &limits, 4u << 20);

    assert_non_null(r);
    assert_int_equal(xml_reader_feed(r, head, strlen(head)), XML_OK);
    assert_int_equal(xml_reader_feed(r, stanza, strlen(stanza)), XML_OK);
    xml_reader_free(r);
    sides_settle_errors(s);
}

void sides_answer(struct sides *s, size_t i, unsigned status)
{
    struct sip_result result = { .status = status,
                                 .no_answer = status        ? SIP_ANSWERED
                                              : s->too_long ? SIP_TOO_LONG
                                                            : SIP_TIMED_OUT };
    struct sip_attempt *c = &s->clients[i];

    assert_true(i < s->n_clients && c->in_use && !c->forgotten);
    c->in_use = false;
    c->done(c->arg, &result);
    sides_settle_errors(s);
}

void sides_advance(struct sides *s, uint64_t ms)
{
    timers_advance(&s->loop.timers, s->loop.timers.now_ms + ms);
    if (!s->ledger_holds)
        sides_settle_contacts(s, true);
    sides_turn(s);
    sides_settle_errors(s);
}
