/*
 * The long view, by a simulated clock: thirty days of people who come and go, subscriptions that are refreshed, lost, ended and refused,
 * servers and partners that are away, settings that change. What was allowed stays allowed until somebody takes it back, nobody is
 * stuck afterwards, and nothing is left over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/watch_s2x.h"
#include "bridge/watch_x2s.h"
#include "sides.h"

#define PAIRS 24
#define DAYS 30
#define STEP_MS 60000
#define ALICE "alice@contoso.example"
#define PIDF "application/pidf+xml"

struct pair {
    char xmpp[64], sip[64];
    bool may_x2s; /* he may see her: told so, and not taken back */
    bool asks_x2s;
    bool may_s2x;         /* she may see him */
    struct sip_sub *hers; /* her client's subscription; NULL: none */
    bool online;          /* he is */
};

struct world {
    struct sides *s;
    struct pair pairs[PAIRS];
    uint64_t random, number, at_ms;
    unsigned n_hers; /* subscriptions of her clients */
    bool sip_away, calm;
};

static bool chance(struct world *w, unsigned one_in)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (w->random >> 33) % one_in == 0;
}

static void says(struct world *w, const struct pair *p, const char *type, bool full)
{
    char stanza[512];

    snprintf(stanza, sizeof(stanza), "<presence from='%s%s' to='%s'%s%s%s/>", p->xmpp, full ? "/phone" : "", p->sip,
             type ? " type='" : "", type ? type : "", type ? "'" : "");
    sides_xmpp(w->s, stanza, w->number++);
    sides_advance(w->s, 1);
    sides_advance(w->s, 1);
}

static struct pair *pair_of(struct world *w, const struct sip_sub *sub)
{
    for (size_t i = 0; i < PAIRS; i++)
        if (strstr(sub->from, w->pairs[i].xmpp))
            return &w->pairs[i];
    return NULL;
}

/* ---- what the gateway says to XMPP ---- */

static void hear(struct world *w)
{
    for (size_t i = 0; i < w->s->n_sent; i++) {
        const char *stanza = w->s->sent[i].stanza;

        for (size_t k = 0; k < PAIRS; k++) {
            struct pair *p = &w->pairs[k];

            if (!strstr(stanza, p->xmpp))
                continue;
            if (strstr(stanza, "type='subscribed'")) {
                assert_true(p->asks_x2s);
                p->may_x2s = true;
            } else if (strstr(stanza, "type='unsubscribed'")) {
                assert_false(p->asks_x2s); /* nobody is refused who has not been refused */
                p->may_x2s = false;
            } else if (!strstr(stanza, "type=")) {
                assert_true(p->may_x2s); /* nor sees anything that he may not */
            }
        }
    }
    w->s->n_sent = w->s->n_handled = 0;
}

/* ---- what SIP does about our subscriptions ---- */

static void end(struct world *w, struct sip_sub *sub, enum sip_sub_end_why why, unsigned status,
                enum sip_sub_reason reason)
{
    struct pair *p = pair_of(w, sub);
    struct sip_sub_end e = { .why = why, .status = status, .reason = reason };

    if (p && (reason == SIP_REASON_REJECTED || status == 403))
        p->asks_x2s = false;
    sides_sub_ended(w->s, sub, &e);
}

static void trouble(struct world *w, struct sip_sub *sub)
{
    static const enum sip_sub_reason reasons[] = {
        SIP_REASON_DEACTIVATED, SIP_REASON_PROBATION, SIP_REASON_TIMEOUT,
        SIP_REASON_GIVEUP,      SIP_REASON_NONE,      SIP_REASON_NORESOURCE
    };

    if (chance(w, 3))
        end(w, sub, SIP_SUB_END_LOST, chance(w, 2) ? 481 : 0, SIP_REASON_NONE);
    else
        end(w, sub, SIP_SUB_END_TERMINATED, 0, reasons[w->number++ % 6]);
}

static void notifier(struct world *w, struct sip_sub *sub)
{
    static const char *const says[] = { "open", "closed" };
    char body[512];

    snprintf(
        body, sizeof(body),
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:%s'><tuple id='ID-desk'><status><basic>%s</basic>"
        "</status></tuple></presence>",
        sub->uri + 4, says[w->number % 2]);
    if (sub->unsubscribes) {
        end(w, sub, w->sip_away ? SIP_SUB_END_LOST : SIP_SUB_END_UNSUBSCRIBED, 0, SIP_REASON_NONE);
    } else if (w->sip_away) {
        if (!sub->accepted)
            end(w, sub, SIP_SUB_END_UNREACHABLE, 0, SIP_REASON_NONE);
    } else if (!sub->accepted || chance(w, 30)) {
        sub->accepted = true; /* she says yes at once */
        assert_int_equal(sides_notify(w->s, sub, SIP_SUB_ACTIVE, SIP_REASON_NONE, PIDF, body), 200);
    } else if (!w->calm && chance(w, 2000)) {
        end(w, sub, SIP_SUB_END_TERMINATED, 0, SIP_REASON_REJECTED);
    } else if (!w->calm && chance(w, 700)) {
        trouble(w, sub);
    }
}

/* As the stack does once an hour. */
static void refresh(struct world *w, struct sip_sub *sub)
{
    if (sub->accepted && !presence_ops.refresh(w->s->bridge, sub))
        end(w, sub, SIP_SUB_END_LAPSED, 0, SIP_REASON_NONE);
    else if (w->sip_away && sub->accepted)
        end(w, sub, SIP_SUB_END_LOST, 0, SIP_REASON_NONE);
}

static void sip_side(struct world *w, bool hour)
{
    for (size_t i = 0; i < w->s->n_subs; i++) {
        struct sip_sub *sub = &w->s->subs[i];

        if (!sub->gone && !sub->notifier)
            notifier(w, sub);
        if (!sub->gone && !sub->notifier && hour)
            refresh(w, sub);
    }
}

/* ---- people ---- */

static void he(struct world *w, struct pair *p)
{
    if (!p->asks_x2s && (w->calm || chance(w, 600))) {
        p->asks_x2s = true;
        says(w, p, "subscribe", false);
    } else if (!w->calm && p->asks_x2s && chance(w, 20000)) {
        p->asks_x2s = false;
        says(w, p, "unsubscribe", false);
    }
    if (w->calm ? !p->online : chance(w, 480)) {
        p->online = !p->online;
        if (p->online)
            says(w, p, "probe", true);
        if (p->may_s2x)
            says(w, p, p->online ? NULL : "unavailable", true);
    }
}

static void she(struct world *w, struct pair *p)
{
    char from[80], uri[80];

    snprintf(from, sizeof(from), "sip:%s", p->sip);
    snprintf(uri, sizeof(uri), "sip:%s", p->xmpp);
    if (p->hers && p->hers->gone)
        p->hers = NULL;
    if (!p->hers && (w->calm || chance(w, 300))) {
        p->hers = sides_subscribe(w->s, "192.0.2.10", from, uri, 3600);
        sides_advance(w->s, 1);
        w->n_hers++;
        if (!p->may_s2x) {
            p->may_s2x = true;
            says(w, p, "subscribed", false);
        }
    } else if (p->hers && !w->calm && chance(w, 500)) {
        struct sip_sub *sub = p->hers;

        p->hers = NULL;
        end(w, sub, chance(w, 2) ? SIP_SUB_END_EXPIRED : SIP_SUB_END_UNSUBSCRIBED, 0, SIP_REASON_NONE);
    }
}

static void minute(struct world *w)
{
    bool hour;

    w->at_ms += STEP_MS;
    hour = w->at_ms % 3600000 == 0;
    if (!w->calm && chance(w, 1500))
        w->sip_away = !w->sip_away;
    if (w->calm)
        w->sip_away = false;
    if (!w->calm && chance(w, 5000)) {
        sides_apply(w->s, SIDES_ORG SIDES_DOMAINS); /* the partner is taken away, and comes back */
        sides_advance(w->s, 1000);
        sides_apply(w->s, SIDES_SETTINGS);
        sides_advance(w->s, 1000);
    }
    for (size_t i = 0; i < PAIRS; i++) {
        he(w, &w->pairs[i]);
        she(w, &w->pairs[i]);
    }
    sip_side(w, hour);
    hear(w);
    sides_advance(w->s, STEP_MS);
    hear(w);
}

static struct contact *contact(struct world *w, const struct pair *p)
{
    struct jid local = { .domain = SLICE("contoso.example") }, remote = { .domain = SLICE("fabrikam.example") };

    local.local = slice_of(p->sip, (size_t)(strchr(p->sip, '@') - p->sip));
    remote.local = slice_of(p->xmpp, (size_t)(strchr(p->xmpp, '@') - p->xmpp));
    return contact_find(w->s->bridge, &local, &remote);
}

static void all_is_well(struct world *w)
{
    for (size_t i = 0; i < PAIRS; i++) {
        struct contact *c = contact(w, &w->pairs[i]);
        struct watch_x2s_info info;
        char memory[4096];
        struct arena a;

        arena_init_on(&a, memory, sizeof(memory), 65536);
        assert_non_null(c);
        assert_true(w->pairs[i].may_x2s && c->x2s == CONTACT_X2S_AUTH && c->s2x == CONTACT_S2X_GRANTED);
        watch_x2s_show(c, &a, &info);
        assert_int_equal(info.state, X2S_AUTH);
        assert_non_null(info.sub);
        assert_true(w->pairs[i].hers && !w->pairs[i].hers->gone);
        arena_reset(&a);
    }
    assert_int_equal(w->s->bridge->watches_x2s.n, PAIRS);
    assert_int_equal(w->s->bridge->watches_x2s.n_wishes, 0);
}

static void thirty_days(void **state)
{
    static struct world w;

    w = (struct world){ .random = 20261128, .number = 1, .s = sides_new() };
    sides_apply(w.s, SIDES_SETTINGS);
    for (size_t i = 0; i < PAIRS; i++) {
        snprintf(w.pairs[i].xmpp, sizeof(w.pairs[i].xmpp), "romeo%02zu@fabrikam.example", i);
        snprintf(w.pairs[i].sip, sizeof(w.pairs[i].sip), "alice%02zu@contoso.example", i);
    }
    for (unsigned day = 0; day < DAYS; day++) {
        w.calm = false;
        for (unsigned i = 0; i < 20 * 60; i++)
            minute(&w);
        w.calm = true; /* each night all is quiet for four hours, and all is as it should be */
        for (unsigned i = 0; i < 4 * 60; i++)
            minute(&w);
        all_is_well(&w);
    }
    print_message("%u SUBSCRIBEs of ours, %u NOTIFYs, %u stanzas; hers: %u\n",
                  (unsigned)w.s->bridge->watches_x2s.subscribes, (unsigned)w.s->bridge->watches_x2s.notifies,
                  (unsigned)w.s->bridge->watches_x2s.presence_out, w.n_hers);
    assert_true(w.s->bridge->watches_x2s.subscribes > 1000 && w.n_hers > 1000);
    sides_free(w.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(thirty_days) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
