/* Servers that ask who we are: RFC 3261 22, 8.1.3.5; RFC 8760. The hashes themselves: test_auth.c. */
#include "../unit/sip/call.h"

#define ASK(header, nonce, more)                                                                                       \
    header ": Digest realm=\"pbx\", nonce=\"" nonce "\", qop=\"auth\", algorithm=SHA-256" more "\r\n"
#define WWW(nonce) ASK("WWW-Authenticate", nonce, "")
#define STALE(nonce) ASK("WWW-Authenticate", nonce, ", stale=true")
#define PROXY(nonce) ASK("Proxy-Authenticate", nonce, "")
#define SIGNED(nonce)                                                                                                  \
    "\r\nAuthorization: Digest username=\"stox\",realm=\"pbx\",nonce=\"" nonce "\",uri=\"sip:romeo@example.net\","

/* A MESSAGE out of dialogs, what it is answered, and what that leads to. */
struct round {
    unsigned status;
    const char *more;       /* of the answer */
    const char *has, *not ; /* of the request that follows; NULL: none does, and the answer is the result */
};

struct sending {
    struct fake *f;
    struct sip_target target;
    struct sip_send request;
    struct sip_client *c;
};

static void begin(struct sending *s, struct call *c, enum sip_transport transport, const char *branch)
{
    *s = (struct sending){
        .f = c->f,
        .target = { .transport = transport, .addr = fake_addr("192.0.2.9:5060"), .route = "romeo-route" },
        .request = { .method = SIP_MESSAGE,
                     .uri = SLICE("sip:romeo@example.net"),
                     .from = SLICE("<sip:juliet@example.com>;tag=j1"),
                     .to = SLICE("<sip:romeo@example.net>"),
                     .call_id = SLICE("out1"),
                     .cseq = 1,
                     .branch = slice_str(branch),
                     .max_forwards = 69,
                     .headers = SLICE("Content-Type: text/plain\r\nX-Kept: 1\r\n"),
                     .body = SLICE("Hi") }
    };
    c->f->n_done = 0;
    s->c = sip_send(c->f->sip, &s->target, &s->request, fake_done, c->f);
    assert_non_null(s->c);
}

static void line_of(const char *text, const char *name, char out[256])
{
    call_line(text, name, out, 256);
}

static bool same_line(const char *a, const char *b, const char *name)
{
    char x[256], y[256];

    line_of(a, name, x);
    line_of(b, name, y);
    return strcmp(x, y) == 0;
}

/* The request that follows is another one of the same call (8.1.3.5). */
static void check_again(struct fake *f, const struct round *r, size_t n, const char *where, size_t i)
{
    const char *before = f->sent[n - 1].text, *now = fake_last(f);

    if (f->n_sent != n + 1 || f->n_done)
        fail_msg("%s, round %zu: %zu packets, %u results", where, i, f->n_sent - n, f->n_done);
    if (!fake_has(now, r->has) || (r->not &&fake_has(now, r->not )))
        fail_msg("%s, round %zu:\n%s", where, i, now);
    assert_true(same_line(before, now, "\r\nCall-ID: ") && same_line(before, now, "\r\nFrom: ") &&
                same_line(before, now, "\r\nTo: "));
    assert_false(same_line(before, now, "\r\nVia: ") || same_line(before, now, "\r\nCSeq: "));
    assert_true(fake_has(now, "\r\nX-Kept: 1\r\n") && fake_has(now, "\r\nMax-Forwards: 69\r\n") &&
                fake_has(now, "\r\nContent-Length: 2\r\n\r\nHi"));
}

static void run_rounds(struct call *c, const struct round *rounds, const char *where)
{
    for (size_t i = 0; rounds[i].status; i++) {
        size_t n = c->f->n_sent;

        fake_answer(c->f, n - 1, rounds[i].status, rounds[i].more);
        if (rounds[i].has)
            check_again(c->f, &rounds[i], n, where, i);
        else if (c->f->n_sent != n || c->f->n_done != 1 || c->f->status != rounds[i].status)
            fail_msg("%s, round %zu: %zu packets, %u results, status %u", where, i, c->f->n_sent - n, c->f->n_done,
                     c->f->status);
    }
}

static void STOX_SIP_34_a_request_goes_again(void **state)
{
    static const struct {
        const char *name;
        struct round rounds[6];
    } cases[] = {
        { "answered", { { 401, WWW("n1"), SIGNED("n1"), NULL }, { 200, NULL, NULL, NULL } } },
        { "a proxy asks",
          { { 407, PROXY("n1"), "\r\nProxy-Authorization: Digest ", NULL }, { 200, NULL, NULL, NULL } } },
        { "both ask",
          { { 407, PROXY("n1"), "\r\nProxy-Authorization: Digest ", "\r\nAuthorization:" },
            { 401, WWW("n2"), SIGNED("n2"), NULL },
            { 200, NULL, NULL, NULL } } },
        { "once for each nonce", { { 401, WWW("n1"), SIGNED("n1"), NULL }, { 401, WWW("n1"), NULL, NULL } } },
        { "another nonce is a refusal too",
          { { 401, WWW("n1"), SIGNED("n1"), NULL }, { 401, WWW("n2"), NULL, NULL } } },
        { "a stale one is not",
          { { 401, WWW("n1"), SIGNED("n1"), NULL },
            { 401, STALE("n2"), SIGNED("n2"), "n1" },
            { 200, NULL, NULL, NULL } } },
        { "but not for ever",
          { { 401, WWW("n1"), SIGNED("n1"), NULL },
            { 401, STALE("n2"), SIGNED("n2"), NULL },
            { 401, STALE("n3"), SIGNED("n3"), NULL },
            { 401, STALE("n4"), NULL, NULL } } },
        { "the strongest",
          { { 401, "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"m\", algorithm=MD5\r\n" WWW("n1"),
              ",algorithm=SHA-256", "MD5" },
            { 200, NULL, NULL, NULL } } },
        { "MD5 is not good enough",
          { { 401, "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"m\", algorithm=MD5\r\n", NULL, NULL } } },
        { "nothing is asked", { { 401, NULL, NULL, NULL } } },
        { "nothing that can be read", { { 401, "WWW-Authenticate: Digest realm=\"pbx\r\n", NULL, NULL } } },
        { "the wrong header", { { 407, WWW("n1"), NULL, NULL } } },
    };
    static const enum sip_transport transports[] = { SIP_UDP, SIP_TCP };
    static const char *const branches[] = { "", "z9hG4bKgiven" };

    for (size_t i = 0; i < N_OF(cases); i++) {
        for (size_t k = 0; k < 4; k++) {
            struct call *c = call_new(NULL);
            struct sending s;

            begin(&s, c, transports[k % 2], branches[k / 2]);
            run_rounds(c, cases[i].rounds, cases[i].name);
            call_free(c);
        }
    }
}

/* Later ones carry the answer at once, counted; a given branch tells the signed one from the other. */
static void STOX_SIP_34_what_was_asked_is_remembered(void **state)
{
    struct call *c = call_new(NULL);
    struct sending s;

    begin(&s, c, SIP_UDP, "z9hG4bKfirst");
    run_rounds(c, (const struct round[]){ { 401, WWW("n1"), ",nc=00000001,", NULL }, { 200, NULL, NULL, NULL }, { 0 } },
               __func__);
    assert_true(fake_has(fake_last(c->f), ";branch=z9hG4bKfirst.1;") && fake_has(fake_last(c->f), "\r\nCSeq: 2 "));
    begin(&s, c, SIP_UDP, "z9hG4bKsecond");
    assert_true(fake_has(fake_last(c->f), ",nc=00000002,") && fake_has(fake_last(c->f), ";branch=z9hG4bKsecond.1;") &&
                fake_has(fake_last(c->f), "\r\nCSeq: 2 "));
    fake_answer(c->f, c->f->n_sent - 1, 200, NULL);
    begin(&s, c, SIP_UDP, "");
    assert_true(fake_has(fake_last(c->f), ",nc=00000003,") && fake_has(fake_last(c->f), "\r\nCSeq: 1 "));
    fake_answer(c->f, c->f->n_sent - 1, 200, NULL);
    sip_reconsider(c->f->sip); /* the settings change */
    begin(&s, c, SIP_UDP, "");
    assert_false(fake_has(fake_last(c->f), "Authorization"));
    call_free(c);
}

/* Accounts get locked by what is refused. */
static void a_refused_password_is_kept_back(void **state)
{
    struct call *c = call_new(NULL);
    struct sending s;

    begin(&s, c, SIP_UDP, "");
    run_rounds(c,
               (const struct round[]){ { 401, WWW("n1"), SIGNED("n1"), NULL }, { 401, WWW("n2"), NULL, NULL }, { 0 } },
               __func__);
    begin(&s, c, SIP_UDP, "");
    assert_false(fake_has(fake_last(c->f), "Authorization"));
    run_rounds(c, (const struct round[]){ { 401, WWW("n3"), NULL, NULL }, { 0 } }, __func__);
    fake_pass(c->f, SIP_LOGIN_PAUSE_MS);
    begin(&s, c, SIP_UDP, "");
    run_rounds(c, (const struct round[]){ { 401, WWW("n4"), SIGNED("n4"), NULL }, { 200, NULL, NULL, NULL }, { 0 } },
               __func__);
    call_free(c);
}

/* Invariant 3: what its owner has given up is never sent again; and what another route's servers ask is not answered. */
static void what_does_not_go_again(void **state)
{
    struct call *c = call_new(NULL);
    struct sending s;

    begin(&s, c, SIP_UDP, "");
    sip_client_forget(s.c);
    fake_answer(c->f, c->f->n_sent - 1, 401, WWW("n1"));
    assert_int_equal(c->f->n_sent, 1);
    begin(&s, c, SIP_UDP, "");
    sip_client_quiet(s.c);
    fake_answer(c->f, c->f->n_sent - 1, 401, WWW("n1"));
    assert_int_equal(c->f->n_done, 1);
    assert_int_equal(c->f->n_sent, 2);
    memcpy(s.target.route, "another", 8);
    c->f->n_done = 0;
    assert_non_null(sip_send(c->f->sip, &s.target, &s.request, fake_done, c->f));
    fake_answer(c->f, c->f->n_sent - 1, 401, WWW("n1"));
    assert_int_equal(c->f->n_done, 1);
    assert_int_equal(c->f->n_sent, 3);
    call_free(c);
}

/* With credentials it would be longer than a datagram may be: whoever has sent it may know another way. */
static void too_long_for_udp(void **state)
{
    struct call *c = call_new(NULL);
    static char body[1100];
    struct sending s;

    memset(body, 'x', sizeof(body));
    begin(&s, c, SIP_UDP, "");
    s.request.body = slice_of(body, 900);
    while (sip_send_fits(c->f->sip, &s.target, &s.request, 1300))
        s.request.body.n++;
    s.request.body.n--;
    assert_non_null(sip_send(c->f->sip, &s.target, &s.request, fake_done, c->f));
    fake_answer(c->f, c->f->n_sent - 1, 401, WWW("n1"));
    assert_int_equal(c->f->n_done, 1);
    assert_int_equal(c->f->status, 401);
    assert_int_equal(c->f->n_sent, 2);
    assert_false(sip_send_fits(c->f->sip, &s.target, &s.request, 1300));
    s.request.body.n -= 350;
    assert_true(sip_send_fits(c->f->sip, &s.target, &s.request, 1300));
    assert_non_null(sip_send(c->f->sip, &s.target, &s.request, fake_done, c->f));
    assert_true(fake_has(fake_last(c->f), SIGNED("n1")) && c->f->sent[2].n <= 1300);
    call_free(c);
}

/* In a session the dialog numbers them: what goes again takes the next number, whatever was sent meanwhile. */
static void STOX_SIP_34_inside_of_a_session(void **state)
{
    static const struct call_step steps[] = {
        { .act = SEND, .sent = "MESSAGE", .has = "\r\nCSeq: 2 MESSAGE\r\n" },
        { .act = SEND, .arg = SIP_INFO, .sent = "INFO", .has = "\r\nCSeq: 3 INFO\r\n" },
        { .status = 401,
          .reply_to = "MESSAGE",
          .more = WWW("n1"),
          .sent = "MESSAGE",
          .has = "\r\nCSeq: 4 MESSAGE\r\n" },
        { .status = 200, .reply_to = "INFO", .events = "result=200" },
        { .status = 200, .reply_to = "MESSAGE", .events = "result=200" },
        { .act = SEND, .sent = "MESSAGE", .has = "\r\nCSeq: 5 MESSAGE\r\n" },
        { .status = 401,
          .reply_to = "MESSAGE",
          .more = STALE("n2"),
          .sent = "MESSAGE",
          .has = "\r\nCSeq: 6 MESSAGE\r\n" },
        { .status = 401, .reply_to = "MESSAGE", .more = WWW("n3"), .events = "result=401" },
        { .pass = SIP_LOGIN_PAUSE_MS },
        { .act = END, .sent = "BYE", .has = "\r\nCSeq: 7 BYE\r\n" },
        { .status = 401, .reply_to = "BYE", .more = WWW("n4"), .sent = "BYE", .has = "\r\nCSeq: 8 BYE\r\n" },
        { .status = 200, .reply_to = "BYE" },
    };
    struct call *c = call_out(NULL, "");

    CALL_STEPS(c, steps);
    call_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_SIP_34_a_request_goes_again),
        cmocka_unit_test(STOX_SIP_34_what_was_asked_is_remembered),
        cmocka_unit_test(a_refused_password_is_kept_back),
        cmocka_unit_test(what_does_not_go_again),
        cmocka_unit_test(too_long_for_udp),
        cmocka_unit_test(STOX_SIP_34_inside_of_a_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
