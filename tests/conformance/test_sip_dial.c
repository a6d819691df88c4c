/* Our INVITE over several servers, and asked otherwise: RFC 3263 4.3; RFC 3261 8.1.3.4, 22.2; sip/dial.h. */
#include "../unit/sip/call.h"
#include "sip/attempt.h"

#define A "192.0.2.1:5060"
#define B "192.0.2.2:5060"
#define C "192.0.2.3:5060"
#define WWW(nonce) "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"" nonce "\", qop=\"auth\", algorithm=SHA-256\r\n"
#define MOVED(contacts) "Contact: " contacts "\r\n"

static bool leads(void *owner, struct slice route, const struct sip_uri *uri)
{
    return slice_is(route, "romeo-route") && slice_is(uri->host, "example.net");
}

static const struct sip_ops ops = { .source = call_source,
                                    .serves = fake_serves,
                                    .message = fake_message,
                                    .account = call_account,
                                    .leads = leads,
                                    .dialogs = &call_dialog_ops };

static struct sip_targets *targets_of(const enum sip_transport *transports, size_t n)
{
    static const char *const at[] = { A, B, C };
    struct sip_targets *t = calloc(1, sizeof(*t) + n * sizeof(t->v[0]));

    assert_non_null(t);
    t->refs = 1;
    t->n = n;
    for (size_t i = 0; i < n; i++) {
        t->transports |= SIP_MAY(transports[i]);
        t->v[i] = (struct sip_place){ .tier = (uint16_t)i, .server = (uint8_t)i };
        t->v[i].target =
            (struct sip_target){ .transport = transports[i], .addr = fake_addr(at[i]), .route = "romeo-route" };
    }
    return t;
}

static struct call *begin(const enum sip_transport *transports, size_t n)
{
    struct sip_targets *targets = targets_of(transports, n);
    const struct sip_invite invite = call_invite_of(NULL);
    struct sip_conf conf = call_conf();
    struct call *c;

    conf.ops = &ops;
    c = call_new(&conf);
    c->d = sip_invite(c->f->sip, targets, &invite, c);
    sip_targets_drop(targets);
    assert_non_null(c->d);
    return c;
}

static const enum sip_transport udp[] = { SIP_UDP, SIP_UDP, SIP_UDP };

static char server_of(const struct fake_packet *p)
{
    char text[ADDR_TEXT];

    addr_text(&p->flow.peer, text);
    return strcmp(text, A) == 0 ? 'A' : strcmp(text, B) == 0 ? 'B' : strcmp(text, C) == 0 ? 'C' : '?';
}

/* Which servers got INVITEs that are no repetitions: "ABB". */
static const char *went_to(const struct call *c)
{
    static char to[64];
    char before[256] = "", via[256];
    size_t n = 0;

    for (size_t i = 0; i < c->f->n_sent && n < sizeof(to) - 1; i++) {
        const struct fake_packet *p = &c->f->sent[i];

        if (strncmp(p->text, "INVITE ", 7))
            continue;
        call_line(p->text, "\r\nVia: ", via, sizeof(via));
        if (strcmp(via, before))
            to[n++] = server_of(p);
        memcpy(before, via, sizeof(before));
    }
    to[n] = '\0';
    return to;
}

static const char *last_invite(const struct call *c)
{
    for (size_t i = c->f->n_sent; i-- > 0;)
        if (strncmp(c->f->sent[i].text, "INVITE ", 7) == 0)
            return c->f->sent[i].text;
    return "";
}

static void check(struct call *c, const char *where, const char *went, const char *events)
{
    if (strcmp(went_to(c), went) || strcmp(c->events, events))
        fail_msg("%s: went to %s, not %s; events \"%s\", not \"%s\"", where, went_to(c), went, c->events, events);
}

static void STOX_SIP_36_the_next_server(void **state)
{
    static const struct {
        const char *name;
        size_t n;
        unsigned statuses[4];
        const char *went, *events;
        unsigned end_status;
    } cases[] = {
        { "503, then 200", 2, { 503, 200 }, "AB", "answered", 0 },
        { "503 twice", 3, { 503, 503, 200 }, "ABC", "answered", 0 },
        { "503 from all", 2, { 503, 503 }, "AB", "ended=refused", 503 },
        { "one server only", 1, { 503 }, "A", "ended=refused", 503 },
        { "486 is an answer", 2, { 486 }, "A", "ended=refused", 486 },
        { "so is 500", 2, { 500 }, "A", "ended=refused", 500 },
        { "and 603 behind a 503", 3, { 503, 603 }, "AB", "ended=refused", 603 },
        { "ringing is an answer", 2, { 180, 503 }, "A", "progress=180", 0 },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct call *c = begin(udp, cases[i].n);

        for (size_t k = 0; cases[i].statuses[k] && strncmp(c->events, "progress", 8); k++)
            call_answered(c, &(struct call_step){ .status = cases[i].statuses[k] });
        check(c, cases[i].name, cases[i].went, cases[i].events);
        assert_int_equal(c->end_status, cases[i].end_status);
        call_free(c);
    }
}

/* Each copy has a branch of its own; what tells that they are one stays as it was. */
static void STOX_SIP_36_as_sent_to_the_next(void **state)
{
    static const char *const same[] = { "\r\nFrom: ", "\r\nTo: ", "\r\nCall-ID: ", "\r\nCSeq: " };
    static const enum sip_transport mixed[] = { SIP_UDP, SIP_TCP };
    struct call *c = begin(mixed, 2);
    char a[256], b[256];

    call_answered(c, &(struct call_step){ .status = 503 });
    for (size_t i = 0; i < N_OF(same); i++) {
        call_line(c->f->sent[0].text, same[i], a, sizeof(a));
        call_line(last_invite(c), same[i], b, sizeof(b));
        assert_string_equal(a, b);
    }
    call_line(c->f->sent[0].text, ";branch=", a, sizeof(a));
    call_line(last_invite(c), ";branch=", b, sizeof(b));
    assert_string_not_equal(a, b);
    assert_true(fake_has(last_invite(c), "\r\nVia: SIP/2.0/TCP ") && fake_has(last_invite(c), ";transport=tcp>\r\n"));
    call_answered(c, &(struct call_step){ .status = 200, .transport = SIP_TCP });
    check(c, "mixed", "AB", "answered");
    assert_int_equal(server_of(&c->f->sent[c->f->n_sent - 1]), 'B'); /* the ACK */
    c->events[0] = '\0';
    call_acts(c, &(struct call_step){ .act = SEND });
    assert_int_equal(server_of(&c->f->sent[c->f->n_sent - 1]), 'B');
    call_free(c);
}

/* Who asks to be left alone is, by INVITEs too. */
static void STOX_SIP_36_retry_after(void **state)
{
    struct sip_targets *targets = targets_of(udp, 2);
    const struct sip_invite invite = call_invite_of(NULL);
    struct call *c = begin(udp, 2);

    call_answered(c, &(struct call_step){ .status = 503, .more = "Retry-After: 60\r\n" });
    call_answered(c, &(struct call_step){ .status = 486 });
    check(c, "first", "AB", "ended=refused");
    c->d = sip_invite(c->f->sip, targets, &invite, c);
    check(c, "second", "ABB", "ended=refused");
    call_answered(c, &(struct call_step){ .status = 503, .more = "Retry-After: 30\r\n" });
    assert_null(sip_invite(c->f->sip, targets, &invite, c));
    fake_pass(c->f, 30000);
    c->d = sip_invite(c->f->sip, targets, &invite, c);
    check(c, "half a minute later", "ABBB", "ended=refused ended=refused");
    sip_targets_drop(targets);
    call_free(c);
}

static void STOX_SIP_36_refused_datagrams(void **state)
{
    const struct sip_target a = { .transport = SIP_UDP, .addr = fake_addr(A) },
                            b = { .transport = SIP_UDP, .addr = fake_addr(B) };
    struct call *c = begin(udp, 2);

    sip_clients_down(&c->f->sip->clients, &a);
    check(c, "the first", "AB", "");
    sip_clients_down(&c->f->sip->clients, &b);
    check(c, "both", "AB", "ended=unreachable");
    call_free(c);
}

/* Nothing came back: the first is taken back, should it have arrived after all. */
static void STOX_SIP_36_silence(void **state)
{
    struct call *c = begin(udp, 2);
    char branch[256];
    size_t n;

    call_line(c->f->sent[0].text, ";branch=", branch, sizeof(branch));
    branch[strcspn(branch, ";")] = '\0';
    fake_pass(c->f, SIP_ATTEMPT_SILENCE_MS - 1);
    check(c, "before", "A", "");
    fake_pass(c->f, 1);
    check(c, "after", "AB", "");
    n = c->f->n_sent;
    call_answered(c, &(struct call_step){ .status = 180, .branch = branch + 6 });
    assert_true(c->f->n_sent == n + 1 && fake_has(fake_last(c->f), "CANCEL ") && server_of(&c->f->sent[n]) == 'A');
    call_answered(c, &(struct call_step){ .status = 200, .branch = branch + 6, .to = "late" });
    check(c, "a late 200", "AB", ""); /* ACK and BYE */
    assert_true(c->f->n_sent == n + 3 && fake_has(fake_last(c->f), "BYE "));
    call_answered(c, &(struct call_step){ .status = 200 });
    check(c, "the second answers", "AB", "answered");
    call_free(c);
}

/* Timer B of the last one; of the first nothing is repeated any more. */
static void STOX_SIP_36_silence_of_all(void **state)
{
    struct call *c = begin(udp, 2);
    size_t to_a = 0;

    fake_pass(c->f, SIP_ATTEMPT_SILENCE_MS + 32000);
    check(c, "all are silent", "AB", "ended=timed-out");
    for (size_t i = 0; i < c->f->n_sent; i++)
        to_a += server_of(&c->f->sent[i]) == 'A';
    assert_int_equal(to_a, 5);
    call_free(c);
}

/* Whoever has got both says so by 482, and the first has nobody who waits for it. */
static void STOX_SIP_36_both_arrived(void **state)
{
    struct call *c = begin(udp, 2);

    fake_pass(c->f, SIP_ATTEMPT_SILENCE_MS);
    call_answered(c, &(struct call_step){ .status = 482 });
    check(c, "merged", "AB", "ended=timed-out");
    call_free(c);
}

/* A connection that does not come up; ringing holds it at its server. */
static void STOX_SIP_36_connections(void **state)
{
    static const enum sip_transport tcp[] = { SIP_TCP, SIP_TCP };
    struct sip_targets *targets = targets_of(tcp, 2);
    const struct sip_invite invite = call_invite_of(NULL);
    struct sip_conf conf = call_conf();
    struct call *c;

    conf.ops = &ops;
    c = call_new(&conf);
    c->f->reach = SIP_REACH_COMING;
    c->d = sip_invite(c->f->sip, targets, &invite, c);
    c->f->reach = SIP_REACH_UP;
    fake_pass(c->f, SIP_ATTEMPT_SILENCE_MS);
    check(c, "the first never came up", "B", "");
    call_answered(c, &(struct call_step){ .status = 100, .transport = SIP_TCP });
    fake_pass(c->f, 60000);
    check(c, "100 is an answer", "B", "");
    call_acts(c, &(struct call_step){ .act = CANCEL });
    call_answered(c, &(struct call_step){ .status = 487, .transport = SIP_TCP });
    check(c, "taken back", "B", "ended=refused");
    sip_targets_drop(targets);
    call_free(c);
}

/* What the owner has taken back goes nowhere else. */
static void a_cancelled_one_is_not_tried_again(void **state)
{
    static const struct {
        unsigned status;
        const char *more;
    } cases[] = { { 503, "" }, { 401, WWW("n1") }, { 302, MOVED("<sip:bob@example.net>") } };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct call *c = begin(udp, 2);

        call_acts(c, &(struct call_step){ .act = CANCEL });
        call_answered(c, &(struct call_step){ .status = cases[i].status, .more = cases[i].more });
        check(c, cases[i].more, "A", "ended=refused");
        call_free(c);
    }
}

static void STOX_SIP_34_an_invite_is_signed(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE", .has_not = "Authorization" },
        { .status = 401, .more = WWW("n1"), .sent = "ACK INVITE", .has = "\r\nCSeq: 2 INVITE\r\n" },
        { .status = 180, .events = "progress=180" },
        { .status = 200,
          .events = "answered",
          .sent = "ACK",
          .has = "\r\nAuthorization: Digest username=\"stox\",realm=\"pbx\",nonce=\"n1\"" },
        { .act = SEND, .sent = "MESSAGE", .has = "nc=00000002," },
        { .status = 200, .reply_to = "MESSAGE", .events = "result=200" },
        { .act = END, .sent = "BYE", .has = "nc=00000003," },
    };
    struct call *c = call_new(NULL);

    CALL_STEPS(c, steps);
    call_free(c);
}

static void STOX_SIP_34_loop_guard(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 401, .more = WWW("n1"), .sent = "ACK INVITE" },
        { .status = 401, .more = WWW("n2"), .events = "ended=refused", .sent = "ACK" },
    };
    struct call *c = call_new(NULL);

    CALL_STEPS(c, steps);
    assert_int_equal(c->end_status, 401);
    call_free(c);
}

/* A refresh of ours, where the peer takes no UPDATE. */
static void STOX_SIP_34_a_reinvite_is_signed(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 200,
          .more = "Session-Expires: 90;refresher=uac\r\nRequire: timer\r\n",
          .events = "answered",
          .sent = "ACK" },
        { .pass = 45000, .sent = "INVITE", .has = "\r\nCSeq: 2 INVITE\r\n" },
        { .status = 401, .more = WWW("n1"), .sent = "ACK" },
        { .pass = 1, .sent = "INVITE", .has = "nonce=\"n1\"" },
        { .status = 200, .more = "Session-Expires: 90;refresher=uac\r\n", .sent = "ACK", .has = "nonce=\"n1\"" },
        { .pass = 45000, .sent = "INVITE", .has = "nc=00000002," },
    };
    struct call *c = call_new(NULL);

    CALL_STEPS(c, steps);
    call_free(c);
}

/* Only what is outside of dialogs; what answers an INVITE hop by hop takes it over (9.1, 17.1.1.3). */
static void STOX_SIP_38_a_route_header_names_the_proxy(void **state)
{
    static const struct {
        enum sip_transport transport;
        const char *host, *line;
    } cases[] = {
        { SIP_UDP, "", "\r\nRoute: <sip:192.0.2.1:5060;lr>\r\n" },
        { SIP_TCP, "", "\r\nRoute: <sip:192.0.2.1:5060;transport=tcp;lr>\r\n" },
        { SIP_TLS, "edge.example.net", "\r\nRoute: <sip:edge.example.net:5060;transport=tls;lr>\r\n" },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct sip_target target = { .transport = cases[i].transport, .addr = fake_addr(A), .route = "romeo-route" };
        struct sip_targets *targets = sip_targets_one(&target, true);
        const struct sip_invite invite = call_invite_of(NULL);
        struct call *c = call_new(NULL);

        memcpy(targets->v[0].target.host, cases[i].host, strlen(cases[i].host));
        c->d = sip_invite(c->f->sip, targets, &invite, c);
        assert_true(fake_has(fake_last(c->f), cases[i].line) &&
                    fake_has(fake_last(c->f), "INVITE sip:romeo@example.net "));
        call_answered(c, &(struct call_step){ .status = 401, .more = WWW("n1"), .transport = cases[i].transport });
        assert_true(fake_has(c->f->sent[1].text, "ACK sip:romeo@example.net ") &&
                    fake_has(c->f->sent[1].text, cases[i].line));
        assert_true(fake_has(fake_last(c->f), cases[i].line) && fake_has(fake_last(c->f), "Authorization: "));
        call_answered(c, &(struct call_step){ .status = 200, .transport = cases[i].transport });
        assert_false(fake_has(fake_last(c->f), "\r\nRoute: "));
        call_acts(c, &(struct call_step){ .act = SEND });
        assert_false(fake_has(fake_last(c->f), "\r\nRoute: "));
        sip_targets_drop(targets);
        call_free(c);
    }
}

static void STOX_SIP_35_contacts_are_tried(void **state)
{
    static const struct {
        const char *name;
        struct {
            unsigned status;
            const char *more, *uri; /* where it goes then; NULL: nowhere */
        } steps[8];
        const char *events;
    } cases[] = {
        { "one contact",
          { { 302, MOVED("<sip:bob@example.net>"), "sip:bob@example.net" }, { 200, "", NULL } },
          "answered" },
        { "the best first, then the others",
          { { 300, MOVED("<sip:b@example.net>;q=0.5, <sip:c@example.net>;q=0.9"), "sip:c@example.net" },
            { 480, "", "sip:b@example.net" },
            { 200, "", NULL } },
          "answered" },
        { "a loop",
          { { 301, MOVED("<sip:bob@example.net>"), "sip:bob@example.net" },
            { 301, MOVED("<sip:romeo@EXAMPLE.net>, <sip:bob@example.net>"), NULL } },
          "ended=refused" },
        { "five in all",
          { { 302, MOVED("<sip:1@example.net>"), "sip:1@example.net" },
            { 302, MOVED("<sip:2@example.net>"), "sip:2@example.net" },
            { 302, MOVED("<sip:3@example.net>"), "sip:3@example.net" },
            { 302, MOVED("<sip:4@example.net>"), "sip:4@example.net" },
            { 302, MOVED("<sip:5@example.net>"), "sip:5@example.net" },
            { 302, MOVED("<sip:6@example.net>"), NULL } },
          "ended=refused" },
        { "not where the route does not lead",
          { { 302, MOVED("<sip:romeo@elsewhere.example>"), NULL } },
          "ended=refused" },
        { "nor with lines of its own", { { 302, MOVED("<sip:bob@example.net?Subject=x>"), NULL } }, "ended=refused" },
        { "nor by another scheme",
          { { 302, MOVED("<sips:bob@example.net>, <tel:+15551234>"), NULL } },
          "ended=refused" },
        { "305 and 380 are not followed", { { 305, MOVED("<sip:bob@example.net>"), NULL } }, "ended=refused" },
        { "no contact", { { 302, "", NULL } }, "ended=refused" },
        { "nobody will, wherever he is",
          { { 300, MOVED("<sip:b@example.net>, <sip:c@example.net>"), "sip:b@example.net" }, { 603, "", NULL } },
          "ended=refused" },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct call *c = begin(udp, 1);
        char line[128];

        for (size_t k = 0; cases[i].steps[k].status; k++) {
            size_t n = strlen(went_to(c));

            call_answered(c, &(struct call_step){ .status = cases[i].steps[k].status, .more = cases[i].steps[k].more });
            snprintf(line, sizeof(line), "INVITE %s SIP/2.0\r\n", cases[i].steps[k].uri ? cases[i].steps[k].uri : "");
            if (cases[i].steps[k].uri ? !fake_has(last_invite(c), line) : strlen(went_to(c)) != n)
                fail_msg("%s, step %zu:\n%s", cases[i].name, k, last_invite(c));
            assert_true(fake_has(last_invite(c), "\r\nTo: <sip:romeo@example.net>\r\n"));
        }
        assert_string_equal(c->events, cases[i].events);
        call_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_SIP_36_the_next_server),
        cmocka_unit_test(STOX_SIP_36_as_sent_to_the_next),
        cmocka_unit_test(STOX_SIP_36_retry_after),
        cmocka_unit_test(STOX_SIP_36_refused_datagrams),
        cmocka_unit_test(STOX_SIP_36_silence),
        cmocka_unit_test(STOX_SIP_36_silence_of_all),
        cmocka_unit_test(STOX_SIP_36_both_arrived),
        cmocka_unit_test(STOX_SIP_36_connections),
        cmocka_unit_test(a_cancelled_one_is_not_tried_again),
        cmocka_unit_test(STOX_SIP_34_an_invite_is_signed),
        cmocka_unit_test(STOX_SIP_34_loop_guard),
        cmocka_unit_test(STOX_SIP_34_a_reinvite_is_signed),
        cmocka_unit_test(STOX_SIP_35_contacts_are_tried),
        cmocka_unit_test(STOX_SIP_38_a_route_header_names_the_proxy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
