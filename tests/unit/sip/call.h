/*
 * Sessions without sockets: a table of steps, each of which is a message that arrives, a while that passes or something that
 * the owner does, and says what the owner was told and what was sent. Call-ID, tags and Contact are filled in.
 */
#ifndef STOX_TESTS_SIP_CALL_H
#define STOX_TESTS_SIP_CALL_H

#include "fake.h"
#include "sip/dialog.h"

enum act { NOTHING, RING, ACCEPT, REFUSE, END, CANCEL, SEND, RESPOND, INVITE, INVITE_TCP, SET_TARGET };

struct call_step {
    /* a request arrives: method; other fields NULL or 0: the ordinary */
    const char *method;
    const char *cseq, *branch, *tag; /* "1", one for each method and CSeq, "f1": of From */
    const char *to;                  /* To tag; NULL: ours, but for INVITE; "-": none; "=": ours */
    const char *from;                /* source */
    const char *uri, *more, *body, *via;
    enum sip_transport transport;
    bool stranger; /* from a source that no route has; other_route: from another route's */
    bool other_route;
    /* a response arrives to the last request of ours with method reply_to (NULL: INVITE), with To tag to (NULL: "r1") */
    unsigned status;
    const char *reply_to;
    /* time passes */
    uint64_t pass;
    /* the owner does something */
    enum act act;
    unsigned arg; /* status */
    const char *text;
    /* what comes of it */
    const char *events;        /* "invite confirmed ended=bye"; NULL: none */
    const char *sent;          /* "100 200/BYE ACK"; NULL: none */
    const char *has, *has_not; /* of the last that was sent */
};

struct call {
    struct fake *f;
    struct sip_dialog *d; /* NULL: gone */
    struct sip_server *txn;
    char ours[20]; /* our tag */
    char events[512];
    size_t n_seen;       /* packets */
    unsigned at_once;    /* status to answer an INVITE with inside of the op; 0: later */
    unsigned describes;  /* what describe returns */
    unsigned end_status; /* of the last ended */
    unsigned result;     /* status of the last request in the dialog */
    unsigned n_described;
    bool other_route;
    bool many;         /* sessions: d is but the last */
    bool ends_in_done; /* the owner ends the session when its request has its result */
};

#define CALL_CONTACT "Contact: <sip:romeo@192.0.2.9:5070>\r\n"
#define CALL_SDP "v=0\r\nm=message 5060 sip null\r\n"

static inline struct call *call_of(void *owner)
{
    return ((struct fake *)owner)->call;
}

static inline void call_note(struct call *c, const char *event)
{
    size_t n = strlen(c->events);

    snprintf(c->events + n, sizeof(c->events) - n, "%s%s", n ? " " : "", event);
}

static inline struct sip_accept call_accept_of(const struct sip_target *target)
{
    return (struct sip_accept){ .target = target,
                                .content = { SLICE("Content-Type: application/sdp\r\n"), SLICE(CALL_SDP) } };
}

static inline void call_accept(struct call *c, struct sip_dialog *d)
{
    const struct sip_target target = { .transport = SIP_UDP,
                                       .addr = fake_addr("192.0.2.9:5070"),
                                       .route = "romeo-route" };
    const struct sip_accept accept = call_accept_of(&target);

    if (!sip_dialog_accept(d, &accept)) {
        call_note(c, "not-accepted");
        c->d = NULL;
    }
}

static inline void call_on_invite(void *owner, struct sip_dialog *d, const struct sip_request *request)
{
    struct call *c = call_of(owner);

    assert_null(request->txn);
    assert_true(slice_is(request->route, "romeo-route"));
    call_note(c, "invite");
    c->d = d;
    sip_dialog_set_data(d, c);
    if (c->at_once == 200) {
        call_accept(c, d);
    } else if (c->at_once) {
        sip_dialog_refuse(d, c->at_once, NULL, slice_of(NULL, 0));
        c->d = NULL;
    }
}

static inline void call_on_confirmed(void *owner, struct sip_dialog *d, const struct sip_msg *ack)
{
    assert_int_equal(ack->method_id, SIP_ACK);
    assert_ptr_equal(sip_dialog_data(d), call_of(owner));
    call_note(call_of(owner), "confirmed");
}

static inline void call_on_progress(void *owner, struct sip_dialog *d, const struct sip_msg *msg)
{
    char event[32];

    snprintf(event, sizeof(event), "progress=%u", msg->status);
    call_note(call_of(owner), event);
}

static inline void call_on_answered(void *owner, struct sip_dialog *d, const struct sip_msg *msg)
{
    assert_true(msg->status >= 200 && msg->status < 300);
    call_note(call_of(owner), "answered");
}

static inline void call_on_request(void *owner, struct sip_dialog *d, const struct sip_request *request)
{
    struct call *c = call_of(owner);
    char event[32];

    assert_non_null(request->txn);
    c->txn = request->txn;
    snprintf(event, sizeof(event), "request=%s", sip_method_name(request->msg->method_id));
    call_note(c, event);
}

static inline unsigned call_on_describe(void *owner, struct sip_dialog *d, const struct sip_msg *msg,
                                        struct sip_content *out)
{
    struct call *c = call_of(owner);

    c->n_described++;
    *out = (struct sip_content){ SLICE("Content-Type: application/sdp\r\n"), SLICE(CALL_SDP) };
    return c->describes;
}

static inline void call_on_moved(void *owner, struct sip_dialog *d)
{
    call_note(call_of(owner), "moved");
}

static inline void call_on_ended(void *owner, struct sip_dialog *d, const struct sip_end *end)
{
    struct call *c = call_of(owner);
    char event[64];

    assert_true(c->many || c->d == d);
    snprintf(event, sizeof(event), "ended=%s", sip_end_name(end->why));
    call_note(c, event);
    c->end_status = end->status;
    c->d = NULL;
}

static inline void call_on_done(void *arg, const struct sip_result *result)
{
    struct call *c = arg;
    char event[64];

    snprintf(event, sizeof(event), "result=%u", result->status);
    call_note(c, event);
    c->result = result->status;
    if (c->ends_in_done && c->d) {
        sip_dialog_end(c->d, slice_of(NULL, 0));
        c->d = NULL;
    }
}

static inline bool call_source(void *owner, const struct sip_peer *from, struct slice *route)
{
    *route = call_of(owner)->other_route ? SLICE("other-route") : SLICE("romeo-route");
    return !((struct fake *)owner)->stranger;
}

static const struct sip_dialog_ops call_dialog_ops = {
    .invite = call_on_invite,
    .confirmed = call_on_confirmed,
    .progress = call_on_progress,
    .answered = call_on_answered,
    .request = call_on_request,
    .describe = call_on_describe,
    .moved = call_on_moved,
    .ended = call_on_ended,
};

static inline bool call_account(void *owner, struct slice route, struct sip_account *out)
{
    *out = (struct sip_account){ .user = SLICE("stox"), .password = SLICE("battery staple") };
    return slice_is(route, "romeo-route");
}

static const struct sip_ops call_ops = { .source = call_source,
                                         .serves = fake_serves,
                                         .message = fake_message,
                                         .account = call_account,
                                         .dialogs = &call_dialog_ops };

static inline struct sip_conf call_conf(void)
{
    struct sip_conf conf = fake_conf(NULL);

    conf.ops = &call_ops;
    conf.dialogs_max = 100;
    conf.session_min_s = 90;
    return conf;
}

static inline struct call *call_new(const struct sip_conf *conf)
{
    const struct sip_conf standard = call_conf();
    struct call *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    c->f = fake_new(conf ? conf : &standard);
    c->f->call = c;
    c->describes = 200;
    return c;
}

static inline void call_free(struct call *c)
{
    fake_free(c->f);
    free(c);
}

static inline void call_tag_in(struct call *c, const char *line)
{
    const char *tag = line ? strstr(line, ";tag=") : NULL, *end = line ? strstr(line, "\r\n") : NULL;

    if (!tag || tag > end || end - tag != 5 + 16)
        return;
    memcpy(c->ours, tag + 5, 16);
    c->ours[16] = '\0';
}

/* "100", "200/BYE", "ACK": what was sent since the last look. */
static inline const char *call_sent(struct call *c)
{
    static char all[1024];

    all[0] = '\0';
    for (; c->n_seen < c->f->n_sent; c->n_seen++) {
        const char *text = c->f->sent[c->n_seen].text, *cseq = strstr(text, "\r\nCSeq: ");
        char word[32], method[16];
        unsigned status, number;

        assert_int_equal(sscanf(cseq, "\r\nCSeq: %u %15s", &number, method), 2);
        if (sscanf(text, "SIP/2.0 %u ", &status) == 1)
            snprintf(word, sizeof(word), strcmp(method, "INVITE") ? "%u/%s" : "%u", status, method);
        else
            snprintf(word, sizeof(word), "%s", method);
        if (!c->ours[0] || fake_has(text, "SIP/2.0 100 ")) /* a stateless answer has one of its own */
            call_tag_in(c, strstr(text, text[0] == 'S' ? "\r\nTo: " : "\r\nFrom: ") + 2);
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", all[0] ? " " : "", word);
    }
    return all;
}

static inline const char *call_to(const struct call *c, const struct call_step *s)
{
    static char to[128];
    bool starts = strcmp(s->method, "INVITE") == 0 || strcmp(s->method, "CANCEL") == 0;
    const char *tag = s->to ? s->to : starts ? "-" : "=";

    if (strcmp(tag, "-") == 0)
        return "<sip:juliet@example.com>";
    snprintf(to, sizeof(to), "<sip:juliet@example.com>;tag=%s", strcmp(tag, "=") == 0 ? c->ours : tag);
    return to;
}

static inline bool call_is_ours(const struct call *c)
{
    return c->f->n_sent && c->f->sent[0].text[0] == 'I';
}

static inline void call_takes(struct call *c, const struct call_step *s)
{
    bool with_contact = (strcmp(s->method, "INVITE") == 0 || strcmp(s->method, "UPDATE") == 0) &&
                        !(s->more && strstr(s->more, "Contact"));
    const char *method = strcmp(s->method, "CANCEL") == 0 ? "INVITE" : s->method, *cseq = s->cseq ? s->cseq : "1";
    char via[160], from[80], more[16384], branch[64];

    snprintf(branch, sizeof(branch), "z9hG4bK%s%s", s->branch ? s->branch : method, s->branch ? "" : cseq);
    snprintf(via, sizeof(via), "Via: SIP/2.0/%s 192.0.2.9:5070;branch=%s", s->transport == SIP_TCP ? "TCP" : "UDP",
             branch);
    snprintf(from, sizeof(from), "<sip:romeo@example.net>;tag=%s", s->tag ? s->tag : call_is_ours(c) ? "r1" : "f1");
    snprintf(more, sizeof(more), "%s%s", with_contact ? CALL_CONTACT : "", s->more ? s->more : "");
    c->f->stranger = s->stranger;
    c->other_route = s->other_route;
    fake_take(c->f, s->transport, s->from ? s->from : "192.0.2.9:5070",
              FAKE(.method = s->method, .uri = s->uri, .via = s->via ? s->via : via, .from = from, .to = call_to(c, s),
                   .call_id = call_is_ours(c) ? "out1" : "call1@192.0.2.9", .cseq = cseq, .more = more,
                   .body = s->body ? s->body : ""));
}

static inline void call_line(const char *text, const char *name, char *out, size_t n)
{
    const char *at = strstr(text, name), *end = at ? strstr(at + 2, "\r\n") : NULL;

    assert_non_null(end);
    snprintf(out, n, "%.*s", (int)(end - at - 2), at + 2);
}

static inline void call_answered(struct call *c, const struct call_step *s)
{
    const char *method = s->reply_to ? s->reply_to : "INVITE", *request = NULL;
    char via[256], from[256], to[256], call_id[128], cseq[64], text[16384];
    bool with_contact = s->status > 100 && s->status < 300 && !(s->more && strstr(s->more, "Contact"));

    for (size_t i = 0; i < c->f->n_sent; i++)
        if (strncmp(c->f->sent[i].text, method, strlen(method)) == 0)
            request = c->f->sent[i].text;
    assert_non_null(request);
    call_line(request, "\r\nVia: ", via, sizeof(via));
    call_line(request, "\r\nFrom: ", from, sizeof(from));
    call_line(request, "\r\nTo: ", to, sizeof(to));
    call_line(request, "\r\nCall-ID: ", call_id, sizeof(call_id));
    call_line(request, "\r\nCSeq: ", cseq, sizeof(cseq));
    if (s->branch)
        snprintf(via, sizeof(via), "Via: SIP/2.0/UDP gw.example.net:5060;branch=%s", s->branch);
    if (!strstr(to, ";tag=") && s->status > 100)
        snprintf(to + strlen(to), sizeof(to) - strlen(to), ";tag=%s", s->to ? s->to : "r1");
    snprintf(text, sizeof(text), "SIP/2.0 %u Whatever\r\n%s\r\n%s\r\n%s\r\n%s\r\n%s\r\n%s%sContent-Length: 0\r\n\r\n",
             s->status, via, from, to, call_id, cseq, with_contact ? CALL_CONTACT : "", s->more ? s->more : "");
    fake_take(c->f, s->transport, s->from ? s->from : "192.0.2.9:5060", text);
}

static inline struct sip_invite call_invite_of(const char *uri)
{
    return (struct sip_invite){ .uri = slice_str(uri ? uri : "sip:romeo@example.net"),
                                .from = SLICE("<sip:juliet@example.com>"),
                                .to = SLICE("<sip:romeo@example.net>"),
                                .call_id = SLICE("out1"),
                                .user = SLICE("juliet"),
                                .route = SLICE("romeo-route"),
                                .max_forwards = 70,
                                .headers = SLICE("Content-Type: application/sdp\r\n"),
                                .body = SLICE(CALL_SDP) };
}

static inline struct sip_dialog *call_to_one(struct sip *sip, const struct sip_target *target,
                                             const struct sip_invite *invite, void *data)
{
    struct sip_targets *targets = sip_targets_one(target, false);
    struct sip_dialog *d;

    if (!targets) /* memory may be made to run out */
        return NULL;
    d = sip_invite(sip, targets, invite, data);
    sip_targets_drop(targets);
    return d;
}

static inline void call_acts(struct call *c, const struct call_step *s)
{
    const struct slice none = { 0 };
    struct sip_target target = { .transport = s->act == INVITE_TCP ? SIP_TCP : SIP_UDP,
                                 .addr = fake_addr(s->act == SET_TARGET ? s->text : "192.0.2.9:5060"),
                                 .route = "romeo-route" };
    const struct sip_content content = { SLICE("Content-Type: text/plain\r\n"), slice_str(s->text ? s->text : "Hi") };
    const struct sip_invite invite = call_invite_of(s->uri);
    struct sip_dialog *d = c->d;

    switch (s->act) {
    case NOTHING: break;
    case RING:
        if (!sip_dialog_ring(d, s->arg ? s->arg : 180, none))
            call_note(c, "not-rung");
        break;
    case ACCEPT: call_accept(c, d); break;
    case REFUSE:
        c->d = NULL;
        sip_dialog_refuse(d, s->arg, NULL, none);
        break;
    case END:
        c->d = NULL;
        sip_dialog_end(d, slice_str(s->more));
        break;
    case CANCEL: sip_dialog_cancel(d); break;
    case SEND:
        if (!sip_dialog_send(d, s->arg ? (enum sip_method)s->arg : SIP_MESSAGE, &content, call_on_done, c))
            call_note(c, "not-sent");
        break;
    case RESPOND: sip_respond(c->txn, s->arg ? s->arg : 200, NULL, none); break;
    case INVITE:
    case INVITE_TCP:
        c->d = call_to_one(c->f->sip, &target, &invite, c);
        if (!c->d)
            call_note(c, "not-invited");
        break;
    case SET_TARGET: assert_true(sip_dialog_set_target(d, &target)); break;
    }
}

static inline void call_check(struct call *c, const struct call_step *s, const char *where, size_t i)
{
    const char *sent = call_sent(c), *last = c->f->n_sent ? fake_last(c->f) : "";

    if (strcmp(c->events, s->events ? s->events : ""))
        fail_msg("%s, step %zu: events \"%s\", not \"%s\"", where, i, c->events, s->events ? s->events : "");
    if (strcmp(sent, s->sent ? s->sent : ""))
        fail_msg("%s, step %zu: sent \"%s\", not \"%s\"", where, i, sent, s->sent ? s->sent : "");
    if (s->has && !fake_has(last, s->has))
        fail_msg("%s, step %zu: no \"%s\" in\n%s", where, i, s->has, last);
    if (s->has_not && fake_has(last, s->has_not))
        fail_msg("%s, step %zu: \"%s\" in\n%s", where, i, s->has_not, last);
    c->events[0] = '\0';
}

static inline void call_steps(struct call *c, const struct call_step *steps, size_t n, const char *where)
{
    for (size_t i = 0; i < n; i++) {
        const struct call_step *s = &steps[i];

        if (s->act)
            call_acts(c, s);
        else if (s->status)
            call_answered(c, s);
        else if (s->method)
            call_takes(c, s);
        else
            fake_pass(c->f, s->pass);
        call_check(c, s, where, i);
    }
}

/* All steps, with a fresh stack. */
static inline void call_run_with(const struct sip_conf *conf, const struct call_step *steps, size_t n,
                                 const char *where)
{
    struct call *c = call_new(conf);

    call_steps(c, steps, n, where);
    call_free(c);
}

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CALL_STEPS(c, steps) call_steps(c, steps, N_OF(steps), __func__)
#define CALL_RUN(steps) call_run_with(NULL, steps, N_OF(steps), __func__)

/* A session is up, the peer has called. */
static inline struct call *call_in(const struct sip_conf *conf, const char *more)
{
    const struct call_step steps[] = {
        { .method = "INVITE", .more = more, .events = "invite", .sent = "100" },
        { .act = ACCEPT, .sent = "200" },
        { .method = "ACK", .events = "confirmed" },
    };
    struct call *c = call_new(conf);

    call_steps(c, steps, N_OF(steps), "call_in");
    return c;
}

/* A session is up, we have called. */
static inline struct call *call_out(const struct sip_conf *conf, const char *more)
{
    const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 200, .more = more, .events = "answered", .sent = "ACK" },
    };
    struct call *c = call_new(conf);

    call_steps(c, steps, N_OF(steps), "call_out");
    return c;
}

#endif
