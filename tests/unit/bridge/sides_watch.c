/* The stack's subscriptions, played by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "sides.h"

/* In a long test those that are gone make room. */
static struct sip_sub *sub_new(struct sides *s)
{
    size_t i = 0;

    if (s->n_subs < SIDES_MAX)
        i = s->n_subs++;
    while (i < s->n_subs - 1 && !s->subs[i].gone)
        i++;
    assert_true(i < SIDES_MAX);
    s->subs[i] = (struct sip_sub){ 0 };
    return &s->subs[i];
}

/* ---- subscriber ---- */

struct sip_sub *sip_subscribe(struct sip *sip, const struct sip_subscribe *subscribe, void *data)
{
    struct sip_sub *sub;

    if (sides_now()->no_subs)
        return NULL;
    sub = sub_new(sides_now());
    sub->data = data;
    sub->expires_s = subscribe->expires_s;
    sides_copy(sub->uri, sizeof(sub->uri), subscribe->uri);
    sides_copy(sub->from, sizeof(sub->from), subscribe->from);
    sides_copy(sub->to, sizeof(sub->to), subscribe->to);
    sides_copy(sub->user, sizeof(sub->user), subscribe->user);
    sides_copy(sub->route, sizeof(sub->route), subscribe->route);
    sides_copy(sub->accept, sizeof(sub->accept), subscribe->accept);
    return sub;
}

void sip_sub_refresh(struct sip_sub *sub)
{
    assert_false(sub->gone || sub->notifier);
    sub->refreshes++;
}

void sip_sub_unsubscribe(struct sip_sub *sub)
{
    assert_false(sub->gone || sub->notifier);
    sub->unsubscribes++;
}

void sides_accept(struct sides *s, struct sip_sub *sub, unsigned expires_s)
{
    sides_begin();
    presence_ops.accepted(s->bridge, sub, expires_s);
    sides_done();
}

unsigned sides_notify(struct sides *s, struct sip_sub *sub, enum sip_sub_state state, enum sip_sub_reason reason,
                      const char *type, const char *body)
{
    struct sip_sub_notified n = { .state = state, .reason = reason };
    struct sides_arrival a;
    char *text = NULL;
    unsigned status;
    int size = asprintf(&text,
                        "NOTIFY sip:gw.contoso.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKn\r\n"
                        "From: <sip:alice@contoso.example>;tag=1\r\nTo: <sip:romeo@fabrikam.example>;tag=2\r\n"
                        "Call-ID: 1\r\nCSeq: 1 NOTIFY\r\nMax-Forwards: 70\r\nEvent: presence\r\n%s%s%s"
                        "Content-Length: %zu\r\n\r\n%s",
                        type ? "Content-Type: " : "", type ? type : "", type ? "\r\n" : "", strlen(body), body);

    assert_false(sub->gone || sub->notifier);
    sides_arrive(&a, "192.0.2.10", text, size);
    n.msg = &a.msg;
    sides_begin();
    status = presence_ops.notified(s->bridge, sub, &n);
    sides_done();
    sides_left(&a);
    sides_settle_errors(s);
    return status;
}

/* ---- notifier ---- */

bool sip_sub_accept(struct sip_sub *sub, struct slice user, struct slice params)
{
    assert_true(sub->notifier && !sub->accepted && !sub->gone);
    sub->accepted = true;
    sides_copy(sub->user, sizeof(sub->user), user);
    return true;
}

void sip_sub_refuse(struct sip_sub *sub, unsigned status, const char *reason, struct slice headers)
{
    assert_true(sub->notifier && !sub->accepted && !sub->gone);
    sub->refused = status;
    sub->gone = true;
    sides_copy(sub->reason, sizeof(sub->reason), slice_str(reason ? reason : ""));
}

void sip_sub_changed(struct sip_sub *sub, bool urgent)
{
    assert_true(sub->notifier && sub->accepted && !sub->gone);
    sub->changes++;
    sub->urgent += urgent;
}

static void keep_notice(struct sip_sub *sub, const struct sip_sub_notice *notice)
{
    sub->state = notice->state;
    sub->why = notice->reason;
    sub->retry_after_s = notice->retry_after_s;
    sides_copy(sub->body, sizeof(sub->body), notice->content.body);
    sides_copy(sub->headers, sizeof(sub->headers), notice->content.headers);
}

bool sip_sub_is_winfo(const struct sip_sub *sub)
{
    return sub->winfo;
}

static struct sip_sub *subscribes(struct sides *s, const char *ip, const char *from, const char *uri,
                                  unsigned expires_s, bool winfo)
{
    struct sip_sub *sub = sub_new(s);
    struct sip_request request = { 0 };
    struct sides_arrival a;
    char *text = NULL;
    int size = asprintf(&text,
                        "SUBSCRIBE %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKs%zu\r\nFrom: <%s>;tag=1\r\n"
                        "To: <%s>\r\nCall-ID: s%zu\r\nCSeq: 1 SUBSCRIBE\r\nMax-Forwards: 70\r\nEvent: presence%s\r\n"
                        "Contact: <sip:alice@192.0.2.10>\r\nContent-Length: 0\r\n\r\n",
                        uri, s->n_subs, from, uri, s->n_subs, winfo ? ".winfo" : "");

    sub->notifier = true;
    sub->winfo = winfo;
    sub->expires_s = expires_s;
    sides_arrive(&a, ip, text, size);
    request.msg = &a.msg;
    request.from = &a.peer;
    sides_begin();
    presence_ops.subscribe(s->bridge, sub, &request, expires_s);
    sides_done();
    sides_left(&a);
    sides_settle_errors(s);
    return sub;
}

struct sip_sub *sides_subscribe(struct sides *s, const char *ip, const char *from, const char *uri, unsigned expires_s)
{
    return subscribes(s, ip, from, uri, expires_s, false);
}

struct sip_sub *sides_subscribe_winfo(struct sides *s, const char *ip, const char *from, const char *uri,
                                      unsigned expires_s)
{
    return subscribes(s, ip, from, uri, expires_s, true);
}

void sides_describe_sub(struct sides *s, struct sip_sub *sub, bool last)
{
    struct sip_sub_notice notice = { .body_max = sub->body_max ? sub->body_max : 65535 };

    assert_true(sub->notifier && sub->accepted && !sub->gone);
    sides_begin();
    presence_ops.describe(s->bridge, sub, last, &notice);
    sides_done();
    keep_notice(sub, &notice);
}

void sides_refreshed(struct sides *s, struct sip_sub *sub)
{
    sides_begin();
    presence_ops.refreshed(s->bridge, sub, NULL);
    sides_done();
}

void sip_sub_end(struct sip_sub *sub, const struct sip_sub_notice *notice)
{
    assert_true(sub->notifier && sub->accepted && !sub->gone);
    keep_notice(sub, notice);
    sub->gone = true;
}

/* ---- both ---- */

void sip_sub_drop(struct sip_sub *sub)
{
    assert_false(sub->gone);
    sub->gone = true;
}

void sip_sub_set_data(struct sip_sub *sub, void *data)
{
    sub->data = data;
}

void *sip_sub_data(const struct sip_sub *sub)
{
    return sub->data;
}

void sip_sub_show(const struct sip_sub *sub, struct sip_sub_info *out)
{
    *out = (struct sip_sub_info){ .notifier = sub->notifier, .state = sub->state, .route = slice_str(sub->route) };
}

void sip_set_sub_limits(struct sip *sip, const struct sip_sub_limits *limits)
{
}

const char *sip_sub_end_name(enum sip_sub_end_why why)
{
    return "end";
}

void sides_sub_ended(struct sides *s, struct sip_sub *sub, const struct sip_sub_end *end)
{
    assert_false(sub->gone);
    sub->gone = true;
    sides_begin();
    presence_ops.ended(s->bridge, sub, end);
    sides_done();
    sides_settle_errors(s);
}

/* ---- PUBLISH ---- */

struct sip_server *sides_publish(struct sides *s, const char *ip, const char *from, const char *uri,
                                 const char *headers, const char *body)
{
    struct sip_server *txn = &s->servers[s->n_servers++];
    struct sip_request request = { .txn = txn };
    struct sides_arrival a;
    char *text = NULL;
    int n =
        asprintf(&text,
                 "PUBLISH sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKp%zu\r\nFrom: <sip:%s>;tag=1\r\n"
                 "To: <sip:%s>\r\nCall-ID: p%zu\r\nCSeq: 1 PUBLISH\r\nMax-Forwards: 70\r\nEvent: presence\r\n%s"
                 "Content-Length: %zu\r\n\r\n%s",
                 uri, s->n_servers, from, uri, s->n_servers, headers, strlen(body), body);

    assert_true(s->n_servers < SIDES_MAX);
    sides_arrive(&a, ip, text, n);
    request.msg = &a.msg;
    request.from = &a.peer;
    sides_begin();
    presence_ops.publish(s->bridge, &request);
    sides_done();
    sides_left(&a);
    sides_settle_errors(s);
    assert_int_equal(txn->answers, 1);
    return txn;
}
