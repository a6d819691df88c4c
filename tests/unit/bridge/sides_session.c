/* The stack's INVITE sessions, played by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "sides.h"

static struct sip_dialog *dialog_new(struct sides *s, struct slice call_id)
{
    struct sip_dialog *d = &s->dialogs[s->n_dialogs++];

    assert_true(s->n_dialogs < SIDES_MAX);
    *d = (struct sip_dialog){ 0 };
    sides_copy(d->call_id, sizeof(d->call_id), call_id);
    return d;
}

struct sip_dialog *sip_invite(struct sip *sip, struct sip_targets *targets, const struct sip_invite *invite, void *data)
{
    struct sip_dialog *d;

    if (sides_now()->n_dialogs == sides_now()->dialogs_max)
        return NULL;
    d = dialog_new(sides_now(), invite->call_id);
    d->called = true;
    d->data = data;
    d->target = targets->v[0].target;
    sides_copy(d->uri, sizeof(d->uri), invite->uri);
    sides_copy(d->from, sizeof(d->from), invite->from);
    sides_copy(d->to, sizeof(d->to), invite->to);
    sides_copy(d->user, sizeof(d->user), invite->user);
    sides_copy(d->params, sizeof(d->params), invite->params);
    sides_copy(d->headers, sizeof(d->headers), invite->headers);
    sides_copy(d->body, sizeof(d->body), invite->body);
    return d;
}

bool sip_invite_fits(struct sip *sip, const struct sip_targets *targets, const struct sip_invite *invite)
{
    return targets->v[0].target.transport != SIP_UDP || 600 + invite->body.n + sides_now()->extra_size <= 1300;
}

void sip_dialog_cancel(struct sip_dialog *d)
{
    assert_false(d->ended);
    d->cancelled = true;
}

bool sip_dialog_accept(struct sip_dialog *d, const struct sip_accept *accept)
{
    assert_false(d->called || d->accepted || d->ended || d->refused);
    d->accepted = true;
    d->target = *accept->target;
    sides_copy(d->headers, sizeof(d->headers), accept->headers);
    sides_copy(d->body, sizeof(d->body), accept->content.body);
    return true;
}

void sip_dialog_refuse(struct sip_dialog *d, unsigned status, const char *reason, struct slice headers)
{
    assert_false(d->called || d->accepted || d->ended || d->refused);
    d->refused = status;
    sides_copy(d->headers, sizeof(d->headers), headers);
}

struct sip_client *sip_dialog_send(struct sip_dialog *d, enum sip_method method, const struct sip_content *content,
                                   sip_done *done, void *arg)
{
    struct sides *s = sides_now();
    struct sip_attempt *c = &s->clients[s->n_clients++];

    assert_true(s->n_clients < SIDES_MAX && !d->ended && (d->accepted || d->called));
    *c = (struct sip_attempt){ .in_use = true, .done = done, .arg = arg, .method = method, .dialog = d };
    sides_copy(c->call_id, sizeof(c->call_id), slice_str(d->call_id));
    sides_copy(c->body, sizeof(c->body), content->body);
    sides_copy(c->headers, sizeof(c->headers), content->headers);
    return (struct sip_client *)c; /* in a session; nobody looks inside */
}

bool sip_dialog_fits(struct sip_dialog *d, enum sip_method method, const struct sip_content *content)
{
    return d->target.transport != SIP_UDP || 400 + content->body.n + sides_now()->extra_size <= 1300;
}

void sip_dialog_end(struct sip_dialog *d, struct slice headers)
{
    assert_false(d->ended);
    d->ended = true;
}

void sip_dialog_set_data(struct sip_dialog *d, void *data)
{
    d->data = data;
}

void *sip_dialog_data(const struct sip_dialog *d)
{
    return d->data;
}

struct slice sip_dialog_call_id(const struct sip_dialog *d)
{
    return slice_str(d->call_id);
}

struct slice sip_dialog_remote_target(const struct sip_dialog *d)
{
    return slice_str(d->remote);
}

bool sip_dialog_set_target(struct sip_dialog *d, const struct sip_target *target)
{
    d->target = *target;
    return true;
}

void sip_set_dialog_limits(struct sip *sip, size_t max, size_t per_route_max)
{
    sides_now()->dialogs_max = max;
}

const char *sip_end_name(enum sip_end_why why)
{
    return "end";
}

/* ---- what comes from outside ---- */

struct sip_dialog *sides_invite(struct sides *s, const char *ip, const char *from, const char *uri, const char *call_id,
                                const char *type, const char *offer)
{
    struct sip_dialog *d = dialog_new(s, slice_str(call_id));
    struct sides_arrival a;
    char *text = NULL;
    int n =
        asprintf(&text,
                 "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK%s\r\nFrom: %s;tag=1\r\nTo: <%s>\r\n"
                 "Call-ID: %s\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:alice@192.0.2.10>\r\n%s"
                 "Content-Length: %zu\r\n\r\n%s",
                 uri, call_id, from, uri, call_id, type, strlen(offer), offer);
    struct sip_request request;

    sides_arrive(&a, ip, text, n);
    request = (struct sip_request){ .msg = &a.msg, .from = &a.peer };
    sides_begin();
    im_session_ops.invite(s->bridge, d, &request);
    sides_done();
    sides_left(&a);
    sides_settle_errors(s);
    return d;
}

void sides_acked(struct sides *s, struct sip_dialog *d, const char *answer)
{
    struct sides_arrival a;
    char *text = NULL;
    int n = asprintf(&text,
                     "ACK sip:gw.contoso.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKack\r\n"
                     "From: <sip:alice@contoso.example>;tag=1\r\nTo: <sip:romeo@fabrikam.example>;tag=2\r\n"
                     "Call-ID: %s\r\nCSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: %zu\r\n\r\n%s",
                     d->call_id, strlen(answer), answer);

    sides_arrive(&a, "192.0.2.10", text, n);
    sides_begin();
    im_session_ops.confirmed(s->bridge, d, &a.msg);
    sides_done();
    sides_left(&a);
    sides_settle_errors(s);
}

struct sip_server *sides_inside(struct sides *s, struct sip_dialog *d, const char *method, const char *headers,
                                const char *body)
{
    struct sip_server *txn = &s->servers[s->n_servers++];
    struct sides_arrival a;
    char *text = NULL;
    int n = asprintf(&text,
                     "%s sip:gw.contoso.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKi%zu\r\n"
                     "From: <sip:alice@contoso.example>;tag=1\r\nTo: <sip:romeo@fabrikam.example>;tag=2\r\n"
                     "Call-ID: %s\r\nCSeq: %zu %s\r\nMax-Forwards: 70\r\n%sContent-Length: %zu\r\n\r\n%s",
                     method, s->n_servers, d->call_id, s->n_servers + 1, method, headers, strlen(body), body);
    struct sip_request request;

    sides_arrive(&a, "192.0.2.10", text, n);
    request = (struct sip_request){ .txn = txn, .msg = &a.msg, .from = &a.peer };
    sides_begin();
    im_session_ops.request(s->bridge, d, &request);
    sides_done();
    sides_left(&a);
    sides_settle_errors(s);
    return txn;
}

static void response(struct sides_arrival *a, const struct sip_dialog *d, unsigned status, const char *body)
{
    char *text = NULL;
    int n = asprintf(&text,
                     "SIP/2.0 %u Scripted\r\nVia: SIP/2.0/UDP gw.contoso.example;branch=z9hG4bKr\r\n"
                     "From: <sip:romeo@fabrikam.example>;tag=2\r\nTo: <sip:alice@contoso.example>;tag=1\r\n"
                     "Call-ID: %s\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
                     status, d->call_id, strlen(body), body);

    sides_arrive(a, "192.0.2.10", text, n);
}

void sides_answered(struct sides *s, struct sip_dialog *d, const char *body)
{
    struct sides_arrival a;

    response(&a, d, 200, body);
    sides_begin();
    im_session_ops.answered(s->bridge, d, &a.msg);
    sides_done();
    sides_left(&a);
    sides_settle_errors(s);
}

void sides_ended(struct sides *s, struct sip_dialog *d, enum sip_end_why why, unsigned status)
{
    struct sip_end end = { .why = why, .status = status };
    struct sides_arrival a;

    assert_false(d->ended);
    d->ended = true;
    response(&a, d, status ? status : 200, "");
    end.msg = status ? &a.msg : NULL;
    sides_begin();
    im_session_ops.ended(s->bridge, d, &end);
    sides_done();
    sides_left(&a);
    sides_settle_errors(s);
}

unsigned sides_describe(struct sides *s, struct sip_dialog *d, const char *offer)
{
    struct sip_content content;
    struct sides_arrival a;
    unsigned status;

    response(&a, d, 200, offer);
    sides_begin();
    status = im_session_ops.describe(s->bridge, d, &a.msg, &content);
    sides_done();
    if (status == 200)
        sides_copy(d->body, sizeof(d->body), content.body);
    sides_left(&a);
    return status;
}

bool sip_dialog_move(struct sip_dialog *d, const struct sip_targets *targets)
{
    for (size_t i = 0; i < targets->n; i++) {
        if (addr_eq(&targets->v[i].target.addr, &d->target.addr))
            continue;
        d->target = targets->v[i].target;
        return true;
    }
    return false;
}
