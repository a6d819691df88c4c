/* XEP-0114 against a scripted server: what we say, what we take, and from whom. */
#include <stdio.h>
#include <stdlib.h>

#include "component_rig.h"

static struct node a;
static struct fake server;

static void attach(void)
{
    component_begin(&a, &server);
    xmpp_reconsider(a.x);
    component_serve(&server);
    rig_until(xmpp_counters(a.x)->streams_authenticated == 1);
    fake_forget(&server);
}

static void end(void)
{
    component_end(&a, &server);
}

/* The digest is of the id as the server meant it, not as it had to write it. */
static void STOX_S2S_97_handshake_is_the_digest_of_id_and_secret(void **state)
{
    component_begin(&a, &server);
    xmpp_reconsider(a.x);
    fake_expect(&server, "<stream:stream xmlns='jabber:component:accept' "
                         "xmlns:stream='http://etherx.jabber.org/streams' to='" OURS "'>");
    fake_lacks(&server, "<handshake");
    fake_say(&server, "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
                      "xmlns:stream='http://etherx.jabber.org/streams' from='" OURS "' id='a&amp;b'>");
    fake_expect(&server, "<handshake>"
                         "43bca7e731c09bc30327ea0dbaa1bb85f8b0e5c8</handshake>"); /* printf 'a&bsesame' | sha1sum */
    fake_say(&server, "<handshake/>");
    rig_until(xmpp_counters(a.x)->streams_authenticated == 1);
    end();
}

static void STOX_S2S_97_nothing_passes_before_the_handshake(void **state)
{
    component_begin(&a, &server);
    xmpp_reconsider(a.x);
    node_send(&a, 1, "early");
    component_header(&server);
    fake_say(&server, MESSAGE("juliet@" THEIRS, "romeo@" OURS, "too early"));
    fake_lacks(&server, "<message");
    assert_int_equal(a.n_got, 0);
    fake_say(&server, "<handshake/>");
    fake_expect(&server, "<body>early</body></message>");
    assert_int_equal(a.n_got, 0);
    end();
}

/* Ours inherit the stream's namespace, and its own are the stanzas that we know. */
static void STOX_S2S_97_stanzas_are_those_of_servers_in_another_namespace(void **state)
{
    attach();
    node_send(&a, 1, "there");
    fake_expect(&server, "<message from='romeo@" OURS "' to='juliet@" THEIRS "' id='t1'><body>there</body></message>");
    fake_lacks(&server, "jabber:server");
    fake_say(&server, MESSAGE("juliet@" THEIRS, "romeo@" OURS, "and back"));
    rig_until(a.n_got == 1);
    assert_string_equal(a.got.p, "juliet@" THEIRS ">romeo@" OURS ":message:and back\n");
    end();

    attach();
    fake_say(&server, "<c:message xmlns:c='jabber:component:accept' from='juliet@" THEIRS "' to='romeo@" OURS
                      "'><c:body>prefixed</c:body></c:message>");
    fake_expect(&server, "<bad-namespace-prefix");
    fake_expect_closed(&server);
    end();
}

/* Both directions are one stream: so is the answer to our question. */
static void STOX_S2S_97_ping_confirms_on_the_same_stream(void **state)
{
    char pong[300];

    attach();
    node_send(&a, 1, "there");
    fake_expect(&server, "<iq type='get' from='" OURS "' to='" THEIRS "' id='");
    snprintf(pong, sizeof(pong), "<iq type='result' from='" THEIRS "' to='" OURS "' id='%s'/>",
             fake_expect(&server, "'><ping xmlns='urn:xmpp:ping'/></iq>"));
    assert_false(node_has_fate(&a, 1));
    fake_say(&server, pong);
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_int_equal(a.n_got, 0);
    fake_say(&server,
             "<iq type='get' from='juliet@" THEIRS "/x' to='" OURS "' id='q'><ping xmlns='urn:xmpp:ping'/></iq>");
    fake_expect(&server, "<iq type='result' from='" OURS "' to='" THEIRS "' id='q'/>");
    end();
}

/* The server carries stanzas for the whole world: one that is not the partner's costs its sender, and nobody else. */
static void STOX_S2S_97_foreign_senders_are_refused_one_by_one(void **state)
{
    attach();
    a.partner_domain = THEIRS;
    fake_say(&server, "<message from='tybalt@mallory.example/&lt;' to='romeo@" OURS "' id='m&amp;1'>"
                      "<body>x</body></message>");
    fake_expect(&server, "<message type='error' from='romeo@" OURS "' to='tybalt@mallory.example/&lt;' id='m&amp;1'>"
                         "<error type='auth' by='" OURS "'><forbidden");
    fake_say(&server, "<iq type='get' from='" OURS "' to='" OURS "' id='i'><ping xmlns='urn:xmpp:ping'/></iq>");
    fake_expect(&server, "<iq type='error' from='" OURS "' to='" OURS "' id='i'>");
    fake_forget(&server);
    fake_say(&server, "<message type='error' from='tybalt@mallory.example' to='romeo@" OURS "'/>");
    fake_say(&server, "<iq type='result' from='mallory.example' to='" OURS "' id='i'/>");
    fake_say(&server, "<presence from='tybalt@mallory.example' to='romeo@" OURS "'/>");
    fake_say(&server, "<message from='@@' to='romeo@" OURS "'/>");
    fake_say(&server, MESSAGE("juliet@" THEIRS, "romeo@" OURS, "all is well"));
    rig_until(a.n_got == 1);
    fake_lacks(&server, "error");
    assert_string_equal(a.got.p, "juliet@" THEIRS ">romeo@" OURS ":message:all is well\n");
    end();
}

/* Only the server itself can be at fault for these. */
static void STOX_S2S_97_stanzas_for_others_end_the_stream(void **state)
{
    static const struct {
        const char *says, *error;
    } cases[] = {
        { "<message from='juliet@" THEIRS "' to='romeo@second.example'/>", "<host-unknown" },
        { "<message from='juliet@" THEIRS "'/>", "<improper-addressing" },
        { "<message to='romeo@" OURS "'/>", "<improper-addressing" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        attach();
        fake_say(&server, cases[i].says);
        fake_expect(&server, cases[i].error);
        fake_expect_closed(&server);
        assert_int_equal(a.n_got, 0);
        end();
    }
}

/* A server that knows several names of ours may choose any of our connections for them. */
static void STOX_S2S_97_all_our_names_are_taken_on_each_connection(void **state)
{
    attach();
    a.also = "second.example";
    fake_say(&server, MESSAGE("juliet@" THEIRS, "benvolio@second.example", "x"));
    rig_until(a.n_got == 1);
    assert_string_equal(a.got.p, "juliet@" THEIRS ">benvolio@second.example:message:x\n");
    end();
}

/* A malformed address behind a good domain is one user's fault. */
static void STOX_S2S_97_malformed_addresses_are_answered(void **state)
{
    attach();
    fake_say(&server, "<message from='juliet@" THEIRS "' to='ro meo@" OURS "' id='m'><body>x</body></message>");
    fake_expect(&server, "<jid-malformed");
    fake_say(&server, MESSAGE("juliet@" THEIRS, "romeo@" OURS, "y"));
    rig_until(a.n_got == 1);
    end();
}

static void STOX_S2S_97_limits_hold(void **state)
{
    char *big = malloc(300000);

    attach();
    memset(big, 'x', 299999);
    big[299999] = 0;
    fake_say(&server, "<message from='juliet@" THEIRS "' to='romeo@" OURS "'><body>");
    fake_say(&server, big);
    fake_expect(&server, "<policy-violation");
    fake_expect_closed(&server);
    free(big);
    end();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(STOX_S2S_97_handshake_is_the_digest_of_id_and_secret),
        TEST(STOX_S2S_97_nothing_passes_before_the_handshake),
        TEST(STOX_S2S_97_stanzas_are_those_of_servers_in_another_namespace),
        TEST(STOX_S2S_97_ping_confirms_on_the_same_stream),
        TEST(STOX_S2S_97_foreign_senders_are_refused_one_by_one),
        TEST(STOX_S2S_97_stanzas_for_others_end_the_stream),
        TEST(STOX_S2S_97_all_our_names_are_taken_on_each_connection),
        TEST(STOX_S2S_97_malformed_addresses_are_answered),
        TEST(STOX_S2S_97_limits_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
