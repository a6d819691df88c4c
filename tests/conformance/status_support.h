/* Two people who write to each other through the bridge; both sides are the test's, and so is the clock. */
#ifndef STOX_TESTS_STATUS_SUPPORT_H
#define STOX_TESTS_STATUS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../unit/bridge/sides.h"
#include "bridge/lane.h"

#define ALICE "alice@contoso.example"
#define ROMEO "romeo@fabrikam.example"
#define OFFICE "192.0.2.10"

#define CHATSTATES "http://jabber.org/protocol/chatstates"

/* A MESSAGE of alice to romeo with this content; what it was answered, 0: nothing yet. */
static inline unsigned from_sip(struct sides *s, const char *content_type, const char *body)
{
    char branch[32], type[128];
    struct sip_server *txn;

    snprintf(branch, sizeof(branch), "b%zu", s->n_servers);
    snprintf(type, sizeof(type), "Content-Type: %s\r\n", content_type);
    txn = sides_sip(s, OFFICE, "<sip:" ALICE ">", "sip:" ROMEO, branch, type, body);
    return txn->answers ? txn->status : 0;
}

/* A text of alice, which romeo's server takes. */
static inline void alice_writes(struct sides *s, const char *text)
{
    size_t at = s->n_sent;

    assert_int_equal(from_sip(s, "text/plain", text), 0);
    assert_int_equal(s->n_sent, at + 1);
    s2x_settled(s->bridge, s->sent[at].token, XMPP_FATE_CONFIRMED, "");
    assert_int_equal(s->servers[s->n_servers - 1].status, 200);
}

/* A message stanza of romeo to alice. */
static inline void from_xmpp(struct sides *s, const char *attrs, const char *inside)
{
    char stanza[2048];

    snprintf(stanza, sizeof(stanza), "<message from='" ROMEO "/garden' to='" ALICE "' %s>%s</message>", attrs, inside);
    sides_xmpp(s, stanza, s->n_handled + 1000);
}

/* A text of romeo, which alice takes. */
static inline void romeo_writes(struct sides *s, const char *inside)
{
    size_t at = s->n_clients;

    from_xmpp(s, "type='chat'", inside);
    assert_int_equal(s->n_clients, at + 1);
    sides_answer(s, at, 200);
}

/* The stanza that was sent last, of n in all. */
static inline const char *last_stanza(const struct sides *s, size_t n)
{
    if (s->n_sent != n)
        fail_msg("%zu stanzas, not %zu; the last: %s", s->n_sent, n, s->n_sent ? s->sent[s->n_sent - 1].stanza : "");
    return s->sent[n - 1].stanza;
}

/* The request that was sent last, of n in all. */
static inline const struct sip_attempt *last_request(const struct sides *s, size_t n)
{
    if (s->n_clients != n)
        fail_msg("%zu requests, not %zu; the last: %s", s->n_clients, n,
                 s->n_clients ? s->clients[s->n_clients - 1].body : "");
    return &s->clients[n - 1];
}

#endif
