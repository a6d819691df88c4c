/* Sessions between two stacks on real sockets of the loopback, over UDP and TCP: both roles, requests in both directions. */
#include "peer.h"

#include "call.h"

/* The second stack lives on the loop of the first. */
struct pair {
    struct call near, far;
    struct fake *f; /* of near */
    struct fake g;
    struct sip_target to_far, to_near;
    const char *wanted; /* the last event of near to wait for */
};

static void listen_at(struct sip *sip, enum sip_transport transport, struct addr *at)
{
    struct addr any = fake_addr("127.0.0.1:1");
    struct err err;

    addr_set_port(&any, 0);
    assert_int_equal(sip_listen(sip, transport, &any, &err), 0);
    *at = transport == SIP_UDP
              ? *udp_local(container_of(sip->transports.udp.next, struct sip_udp, link)->udp)
              : *listener_local(container_of(sip->transports.listeners.next, struct sip_listener, link)->listener);
}

/* The callee's owner accepts at once, and sends to where it was called from. */
static void on_invite(void *owner, struct sip_dialog *d, const struct sip_request *request)
{
    struct call *c = call_of(owner);
    struct pair *p = container_of(c, struct pair, far);
    struct sip_accept accept = call_accept_of(&p->to_near);

    call_note(c, "invite");
    c->d = d;
    sip_dialog_set_data(d, c);
    assert_true(sip_dialog_accept(d, &accept));
}

static void on_request(void *owner, struct sip_dialog *d, const struct sip_request *request)
{
    call_note(call_of(owner), "request");
    sip_respond(request->txn, 200, NULL, slice_of(NULL, 0));
}

static void begin(struct pair *p, struct sip_ops *ops, struct sip_dialog_ops *dialogs, enum sip_transport transport)
{
    struct sip_conf conf = call_conf();
    struct addr at;
    struct err err;

    *dialogs = call_dialog_ops;
    dialogs->invite = on_invite;
    dialogs->request = on_request;
    *ops = call_ops;
    ops->dialogs = dialogs;
    conf.ops = ops;
    conf.host = SLICE("127.0.0.1");
    p->f = fake_new(&conf);
    p->f->sip->wire = sip_socket_wire;
    p->f->sip->wire.owner = p->f->sip;
    p->near.f = p->f;
    p->f->call = &p->near;
    conf.owner = &p->g;
    p->g.call = &p->far;
    p->far.f = &p->g;
    p->g.sip = sip_new(&p->f->loop, &conf, &err);
    assert_non_null(p->g.sip);
    listen_at(p->f->sip, transport, &at);
    p->to_near = (struct sip_target){ .transport = transport, .addr = at };
    listen_at(p->g.sip, transport, &at);
    p->to_far = (struct sip_target){ .transport = transport, .addr = at };
}

static void end(struct pair *p)
{
    sip_free(p->g.sip);
    fake_free(p->f);
}

static bool near_heard(void *arg)
{
    const struct pair *p = arg;

    return fake_has(p->near.events, p->wanted);
}

static bool far_heard(void *arg)
{
    const struct pair *p = arg;

    return fake_has(p->far.events, p->wanted);
}

static void wait_for(struct pair *p, bool (*heard)(void *arg), const char *event)
{
    p->wanted = event;
    if (!run_until(p->f, heard, p, WAIT_MS))
        fail_msg("\"%s\" did not come: \"%s\", \"%s\"", event, p->near.events, p->far.events);
}

static void send_from(struct call *c)
{
    const struct sip_content content = { SLICE("Content-Type: text/plain\r\n"), SLICE("Hi") };

    c->events[0] = '\0';
    assert_non_null(sip_dialog_send(c->d, SIP_MESSAGE, &content, call_on_done, c));
}

static void a_session_over(enum sip_transport transport)
{
    struct pair p = { .near.describes = 200, .far.describes = 200 };
    struct sip_dialog_ops dialogs;
    struct sip_ops ops;
    struct sip_invite invite = call_invite_of("sip:romeo@example.com");

    begin(&p, &ops, &dialogs, transport);
    p.near.d = call_to_one(p.f->sip, &p.to_far, &invite, &p.near);
    assert_non_null(p.near.d);
    wait_for(&p, near_heard, "answered");
    wait_for(&p, far_heard, "invite confirmed");
    assert_true(slice_starts(sip_dialog_remote_target(p.near.d), SLICE("sip:romeo@127.0.0.1:")));
    for (unsigned i = 0; i < 3; i++) {
        send_from(&p.near);
        wait_for(&p, near_heard, "result=200");
        send_from(&p.far);
        wait_for(&p, far_heard, "result=200");
    }
    sip_dialog_end(p.far.d, slice_of(NULL, 0));
    p.far.d = NULL;
    wait_for(&p, near_heard, "ended=bye");
    assert_int_equal(sip_counters(p.f->sip)->dialogs + sip_counters(p.g.sip)->dialogs, 0);
    end(&p);
}

static void over_udp(void **state)
{
    a_session_over(SIP_UDP);
}

static void over_tcp(void **state)
{
    a_session_over(SIP_TCP);
}

static void cancelled_over(enum sip_transport transport)
{
    struct pair p = { .near.describes = 200, .far.describes = 200 };
    struct sip_dialog_ops dialogs;
    struct sip_ops ops;
    struct sip_invite invite = call_invite_of("sip:romeo@example.com");

    begin(&p, &ops, &dialogs, transport);
    dialogs.invite = call_on_invite; /* does not answer */
    p.near.d = call_to_one(p.f->sip, &p.to_far, &invite, &p.near);
    wait_for(&p, far_heard, "invite");
    sip_dialog_cancel(p.near.d);
    wait_for(&p, far_heard, "ended=cancelled");
    wait_for(&p, near_heard, "ended=refused");
    assert_int_equal(p.near.end_status, 487);
    end(&p);
}

static void cancel_over_udp_and_tcp(void **state)
{
    cancelled_over(SIP_UDP);
    cancelled_over(SIP_TCP);
}

static bool no_streams(void *arg)
{
    return sip_counters(((struct pair *)arg)->f->sip)->conns == 0;
}

/*
 * The next hop dies in the middle: the message is told undelivered and the session waits for a better target; one that does
 * not know it ends it.
 */
static void the_next_hop_dies(void **state)
{
    struct pair p = { .near.describes = 200, .far.describes = 200 };
    struct sip_dialog_ops dialogs;
    struct sip_ops ops;
    struct sip_invite invite = call_invite_of("sip:romeo@example.com");
    struct addr at;
    struct err err;
    struct sip_conf conf;

    begin(&p, &ops, &dialogs, SIP_TCP);
    p.near.d = call_to_one(p.f->sip, &p.to_far, &invite, &p.near);
    wait_for(&p, near_heard, "answered");
    wait_for(&p, far_heard, "confirmed");
    conf = p.g.sip->conf;
    sip_free(p.g.sip);
    p.g.sip = NULL;
    assert_true(run_until(p.f, no_streams, &p, WAIT_MS));
    send_from(&p.near);
    wait_for(&p, near_heard, "result=0");
    assert_string_equal(p.near.events, "result=0");
    conf.host = SLICE("127.0.0.1");
    p.g.sip = sip_new(&p.f->loop, &conf, &err);
    assert_non_null(p.g.sip);
    listen_at(p.g.sip, SIP_TCP, &at);
    p.to_far.addr = at;
    assert_true(sip_dialog_set_target(p.near.d, &p.to_far));
    send_from(&p.near);
    wait_for(&p, near_heard, "result=481 ended=lost");
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_udp),
        cmocka_unit_test(over_tcp),
        cmocka_unit_test(cancel_over_udp_and_tcp),
        cmocka_unit_test(the_next_hop_dies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
