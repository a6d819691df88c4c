/*
 * Two gateways at one proxy, both scripted, with real streams to a whole server as the partner: a pair of domains is one gateway's at a
 * time, and what that one leaves is the other's.
 */
#include <stdio.h>

#include "link/line_parts.h"
#include "link/proxy_parts.h"
#include "proxy_rig.h"
#include "xmpp/xmpp.h"

#define SECRET "0123456789abcdef-contoso"
#define OTHER_SECRET "0123456789abcdef-northwind"

/* A gateway, and what it was told. */
static struct side {
    struct end *end;
    uint64_t version;
    bool used;
    uint64_t receipts[64];
    size_t n_stanzas, n_fates;
    struct buf stanzas;
    uint8_t fate; /* the last one */
    char why[LINK_WHY_MAX + 1];
} one, two;
static struct end second;
static struct slice pins[2];

static void hear(struct side *s, const struct link_frame *f)
{
    if (f->type == LINK_SETTINGS_USED) {
        s->version = f->settings_used.version;
        s->used = f->settings_used.used;
    } else if (f->type == LINK_FATE) {
        s->n_fates++;
        s->fate = (uint8_t)f->fate.fate;
        snprintf(s->why, sizeof(s->why), "%.*s", SLICE_FMT(f->fate.why));
    } else if (f->type == LINK_STANZA) {
        assert_true(s->n_stanzas < 64);
        s->receipts[s->n_stanzas++] = f->stanza.receipt;
        buf_put(&s->stanzas, f->stanza.stanza);
    }
}

static void one_hears(const struct link_frame *f)
{
    hear(&one, f);
}

static void two_hears(const struct link_frame *f)
{
    hear(&two, f);
}

static void side_begin(struct side *s, struct end *end, void (*hears)(const struct link_frame *f))
{
    *s = (struct side){ .end = end };
    end->pins[0] = slice_str(proxy.pin);
    end->on_frame = hears;
    buf_init(&s->stanzas, 1 << 20);
}

static int begin(void **state)
{
    if (line_rig_setup(state))
        return -1;
    line_rig_end_begin(&second, LINK_GATEWAY, "other.contoso.example");
    side_begin(&one, &gateway, one_hears);
    side_begin(&two, &second, two_hears);
    pins[0] = slice_str(gateway.pin);
    pins[1] = slice_str(second.pin);
    proxy_rig_begin(pins, 2);
    return 0;
}

static int end(void **state)
{
    proxy_rig_end();
    buf_free(&one.stanzas);
    buf_free(&two.stanzas);
    rig_turns(3);
    line_rig_end_end(&second);
    return line_rig_teardown(state);
}

/* ---- what they say ---- */

static void say(struct side *s, const struct link_frame *f)
{
    end_say(s->end, f);
}

static void dial(struct side *s)
{
    unsigned up = s->end->n_up;

    s->end->line = link_line_connect(&s->end->conf, link_proxy_local(p, 0));
    assert_non_null(s->end->line);
    rig_until(s->end->n_up > up);
}

static void tell(struct side *s, const char *secret, const char *served, const char *partner)
{
    char where[ADDR_TEXT];
    const struct link_frame frames[] = {
        { .type = LINK_SETTINGS, .settings.version = s->version + 1 },
        { .type = LINK_LIMITS,
          .limits = { .connection_limit = 1000,
                      .partner_connection_limit = 20,
                      .establish_s = 60,
                      .inactivity_s = 600,
                      .keepalive_s = 300 } },
        { .type = LINK_SECRET, .secret.secret = slice_str(secret) },
        { .type = LINK_SERVED, .served.domain = slice_str(served) },
        { .type = LINK_PARTNER,
          .partner = { .name = slice_str(partner),
                       .keep_alive = true,
                       .proxy = slice_str(addr_text(node_addr(&b), where)) } },
        { .type = LINK_SETTINGS_END, .settings_end.frames = 5 },
    };
    uint64_t version = s->version + 1;

    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        if (frames[i].type == LINK_SETTINGS_END)
            end_say_identity(s->end);
        say(s, &frames[i]);
    }
    rig_until(s->version == version && s->used && s->end->session.answered_ms);
}

/* Both, the first one first, with the same settings: two nodes of a cluster. */
static void cluster(void)
{
    dial(&one);
    tell(&one, SECRET, OURS, THEIRS);
    dial(&two);
    tell(&two, SECRET, OURS, THEIRS);
}

static void send_by(struct side *s, uint64_t id)
{
    char text[200];
    struct link_frame f = { .type = LINK_SEND,
                            .send = { .id = id,
                                      .awaited = true,
                                      .until_ms = loop_now(&rig_loop) + 20000,
                                      .local = SLICE(OURS),
                                      .remote = SLICE(THEIRS) } };

    f.send.stanza = slice_of(text, (size_t)snprintf(text, sizeof(text),
                                                    "<message from='romeo@" OURS "' to='juliet@" THEIRS
                                                    "' id='m%u'><body>out %u</body></message>",
                                                    (unsigned)id, (unsigned)id));
    say(s, &f);
    rig_until(s->n_fates == id);
}

static void handle(struct side *s, size_t i)
{
    say(s, &(struct link_frame){ .type = LINK_HANDLED, .handled.receipt = s->receipts[i] });
}

static void say_phase(struct side *s, enum link_phase phase)
{
    say(s, &(struct link_frame){ .type = LINK_PHASE, .phase.phase = phase });
}

static bool heard(const struct side *s, const char *text)
{
    return s->stanzas.n && memmem(s->stanzas.p, s->stanzas.n, text, strlen(text));
}

static void cut_off(struct side *s)
{
    link_line_free(s->end->line);
    s->end->line = NULL;
}

/* So long that he who does not answer has no lease any more, while the other one answers. */
static void pass(const struct side *alive, unsigned s)
{
    while (s-- > 0) {
        unsigned before = alive->end->n_alive;

        rig_advance(LINK_PING_MS);
        rig_until(alive->end->n_alive > before);
        rig_turns(5);
    }
}

/* ---- a cluster ---- */

static void the_first_node_is_given_what_comes_and_both_may_send(void **state)
{
    cluster();
    assert_true(node_send(&b, 1, "in 1."));
    rig_until(one.n_stanzas == 1);
    handle(&one, 0);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    assert_int_equal(two.n_stanzas, 0);
    send_by(&one, 1);
    assert_int_equal(one.fate, XMPP_FATE_CONFIRMED);
    send_by(&two, 1);
    assert_int_equal(two.fate, XMPP_FATE_CONFIRMED);
}

static void when_the_first_node_dies_the_other_one_has_all_that_it_had_not_handled(void **state)
{
    cluster();
    assert_true(node_send(&b, 1, "in 1."));
    rig_until(one.n_stanzas == 1);
    cut_off(&one);
    rig_turns(10);
    assert_true(node_send(&b, 2, "in 2.")); /* it may come back */
    rig_turns(20);
    assert_int_equal(two.n_stanzas, 0);
    pass(&two, 3);
    rig_until(two.n_stanzas == 2);
    assert_true(heard(&two, "in 1.") && heard(&two, "in 2."));
    assert_true(node_send(&b, 3, "in 3."));
    rig_until(two.n_stanzas == 3);
    for (size_t i = 0; i < 3; i++)
        handle(&two, i);
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(node_fate(&b, i), XMPP_FATE_CONFIRMED);
    assert_int_equal(xmpp_counters(b.x)->streams_opened, 1);
}

static void the_pair_stays_where_it_went_and_late_answers_are_no_fault(void **state)
{
    cluster();
    assert_true(node_send(&b, 1, "in 1."));
    rig_until(one.n_stanzas == 1);
    cut_off(&one);
    pass(&two, 3);
    rig_until(two.n_stanzas == 1);
    dial(&one); /* the same process */
    handle(&one, 0);
    rig_until(one.end->n_alive > 1);
    assert_true(node_send(&b, 2, "in 2."));
    rig_until(two.n_stanzas == 2);
    assert_int_equal(one.n_stanzas, 1);
    handle(&two, 0);
    handle(&two, 1);
    assert_int_equal(node_fate(&b, 2), XMPP_FATE_CONFIRMED);
    assert_int_equal(one.end->n_closed, 0);
    assert_int_equal(one.end->n_new, 1); /* the same session: what became of what it sent it is told */
}

static void a_node_that_rests_is_given_nothing_new_and_ends_what_it_has(void **state)
{
    cluster();
    assert_true(node_send(&b, 1, "in 1."));
    rig_until(one.n_stanzas == 1);
    say_phase(&one, LINK_REST);
    rig_turns(20);
    assert_true(node_send(&b, 2, "in 2."));
    rig_until(two.n_stanzas == 1);
    handle(&one, 0);
    handle(&two, 0);
    assert_int_equal(node_fate(&b, 2), XMPP_FATE_CONFIRMED);
    link_line_end(one.end->line, LINK_IN_ORDER, "the gateway is stopped");
    rig_until(one.end->n_closed == 1);
    rig_turns(20);
    assert_int_equal(xmpp_counters(b.x)->streams, 1); /* no stream was closed for it */
    send_by(&two, 1);
    assert_int_equal(two.fate, XMPP_FATE_CONFIRMED);
}

static void a_node_that_was_started_anew_in_time_keeps_its_pairs(void **state)
{
    cluster();
    assert_true(node_send(&b, 1, "in 1."));
    rig_until(one.n_stanzas == 1);
    cut_off(&one);
    end_begin_process(&gateway, 'n');
    dial(&one);
    tell(&one, SECRET, OURS, THEIRS);
    rig_until(one.n_stanzas == 2);
    handle(&one, 1);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    assert_int_equal(two.n_stanzas, 0);
}

/* ---- gateways of different installations ---- */

static void a_gateway_of_another_installation_may_not_send_for_a_pair_that_is_taken(void **state)
{
    dial(&one);
    tell(&one, SECRET, OURS, THEIRS);
    dial(&two);
    tell(&two, OTHER_SECRET, OURS, THEIRS);
    send_by(&two, 1);
    assert_int_equal(two.fate, XMPP_FATE_REFUSED);
    assert_non_null(strstr(two.why, "another installation"));
    say(&one, &(struct link_frame){ .type = LINK_PHASE, .phase.phase = LINK_REST });
    link_line_end(one.end->line, LINK_IN_ORDER, "the gateway is stopped");
    rig_until(one.end->n_closed == 1);
    rig_turns(20);
    send_by(&two, 2);
    assert_int_equal(two.fate, XMPP_FATE_CONFIRMED);
}

static void each_domain_has_its_own_installations_dialback_secret(void **state)
{
    dial(&one);
    tell(&one, SECRET, OURS, THEIRS);
    dial(&two);
    tell(&two, OTHER_SECRET, "northwind.example", THEIRS);
    assert_true(slice_eq(proxy_ops.secret(p, SLICE(OURS)), SLICE(SECRET)));
    assert_true(slice_eq(proxy_ops.secret(p, SLICE("northwind.example")), SLICE(OTHER_SECRET)));
    assert_int_equal(proxy_ops.secret(p, SLICE("tailspin.example")).n, 0);
    assert_true(node_send(&b, 1, "in 1."));
    rig_until(one.n_stanzas == 1);
    assert_int_equal(two.n_stanzas, 0);
    handle(&one, 0);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
}

static void a_partner_of_another_gateway_alone_has_it_back(void **state)
{
    dial(&one);
    tell(&one, SECRET, "northwind.example", THEIRS);
    dial(&two);
    tell(&two, OTHER_SECRET, OURS, "tailspin.example");
    assert_true(node_send(&b, 1, "in 1."));
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED); /* counted, and refused: */
    rig_until(b.got.n && memmem(b.got.p, b.got.n, "romeo@" THEIRS ":message:", strlen("romeo@" THEIRS ":message:")));
    assert_int_equal(one.n_stanzas + two.n_stanzas, 0);
}

static void is_refused(struct end *e)
{
    unsigned closed = e->n_closed;

    e->line = link_line_connect(&e->conf, link_proxy_local(p, 0));
    assert_non_null(e->line);
    rig_until(e->n_closed > closed);
    assert_int_equal(e->reason, LINK_TOO_MANY);
    assert_non_null(strstr(e->why, "contoso.example at 127.0.0.1:"));
    assert_non_null(strstr(e->why, "is linked with the same key: each needs its own"));
}

static void of_two_gateways_with_one_key_the_one_that_answers_stays_and_the_log_says_it_once(void **state)
{
    second.conf.tls = gateway.conf.tls; /* as if link.key had been copied */
    dial(&one);
    tell(&one, SECRET, OURS, THEIRS);
    rig_until(link_lease_holds(&container_of(p->sessions.next, struct proxy_session, link)->session.lease,
                               loop_now(&rig_loop)));
    for (int i = 0; i < 3; i++)
        is_refused(&second);
    assert_int_equal(n_logged("error link-key-used-twice"), 1);
    assert_true(rig_logged("gateway=gw.contoso.example") && rig_logged("other=other.contoso.example"));
    assert_true(gateway.session.line && gateway.n_up == 1);
    assert_int_equal(p->n_sessions, 1);
    link_line_free(gateway.line);
    gateway.line = NULL;
    rig_turns(5);
    dial(&two); /* as any gateway that was started anew */
    tell(&two, SECRET, OURS, THEIRS);
    rig_until(link_lease_holds(&container_of(p->sessions.next, struct proxy_session, link)->session.lease,
                               loop_now(&rig_loop)));
    is_refused(&gateway);
    assert_int_equal(n_logged("error link-key-used-twice"), 2);
    assert_true(second.session.line && second.n_up == 1);
}

static void one_key_is_for_the_other_process_when_the_first_is_silent(void **state)
{
    second.conf.tls = gateway.conf.tls;
    dial(&one);
    tell(&one, SECRET, OURS, THEIRS);
    timer_stop(&rig_loop.timers,
               &container_of(p->lines.next, struct proxy_line, link)->line->timer); /* nor is it asked */
    timers_set_now(&rig_loop.timers, loop_now(&rig_loop) + LINK_LEASE_MS);
    dial(&two);
    rig_until(gateway.n_closed == 1);
    assert_int_equal(gateway.reason, LINK_REPLACED);
    assert_int_equal(n_logged("error link-key-used-twice"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_first_node_is_given_what_comes_and_both_may_send),
        TEST(when_the_first_node_dies_the_other_one_has_all_that_it_had_not_handled),
        TEST(the_pair_stays_where_it_went_and_late_answers_are_no_fault),
        TEST(a_node_that_rests_is_given_nothing_new_and_ends_what_it_has),
        TEST(a_node_that_was_started_anew_in_time_keeps_its_pairs),
        TEST(a_gateway_of_another_installation_may_not_send_for_a_pair_that_is_taken),
        TEST(each_domain_has_its_own_installations_dialback_secret),
        TEST(a_partner_of_another_gateway_alone_has_it_back),
        TEST(of_two_gateways_with_one_key_the_one_that_answers_stays_and_the_log_says_it_once),
        TEST(one_key_is_for_the_other_process_when_the_first_is_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
