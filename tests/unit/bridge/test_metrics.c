/* What is counted, as text for a collector. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "sides.h"

static const char *metrics(struct sides *s)
{
    static struct buf out;

    buf_free(&out);
    buf_init(&out, 4u << 20);
    bridge_put_metrics(s->bridge, &out);
    buf_char(&out, '\0');
    assert_true(buf_ok(&out));
    return out.p;
}

static void has(struct sides *s, const char *line)
{
    const char *text = metrics(s);

    if (!strstr(text, line))
        fail_msg("there is no %s in\n%s", line, text);
}

static void lacks(struct sides *s, const char *part)
{
    const char *text = metrics(s);

    if (strstr(text, part))
        fail_msg("there is %s in\n%s", part, text);
}

static struct sip_server *out(struct sides *s, const char *branch, const char *to)
{
    return sides_sip(s, "192.0.2.10", "<sip:alice@contoso.example>", to, branch, "Content-Type: text/plain\r\n", "x");
}

static void in(struct sides *s, uint64_t number)
{
    sides_xmpp(s, "<message from='romeo@fabrikam.example/g' to='alice@contoso.example' id='m'><body>x</body></message>",
               number);
}

#define MESSAGES(way, outcome, partner, n)                                                                             \
    "\nstox_messages_total{direction=\"" way "\",outcome=\"" outcome "\",partner=\"" partner "\"} " n "\n"

static void each_outcome_is_counted_for_its_partner(void **state)
{
    static const struct {
        enum xmpp_fate fate;
        const char *line;
    } fates[] = {
        { XMPP_FATE_CONFIRMED, MESSAGES("sip-to-xmpp", "delivered", "fabrikam.example", "1") },
        { XMPP_FATE_UNCONFIRMED, MESSAGES("sip-to-xmpp", "unconfirmed", "fabrikam.example", "1") },
        { XMPP_FATE_UNREACHABLE, MESSAGES("sip-to-xmpp", "refused", "fabrikam.example", "1") },
        { XMPP_FATE_LOST, MESSAGES("sip-to-xmpp", "unknown", "fabrikam.example", "1") },
    };
    struct sides *s = sides_new();

    for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
        char branch[8];

        snprintf(branch, sizeof(branch), "a%zu", i);
        out(s, branch, "sip:romeo@fabrikam.example");
        s2x_settled(s->bridge, s->sent[i].token, fates[i].fate, "");
        has(s, fates[i].line);
    }
    out(s, "b", "sip:romeo@fabrikam.example");
    sides_advance(s, 20001);
    has(s, MESSAGES("sip-to-xmpp", "timed-out", "fabrikam.example", "1"));
    out(s, "c", "sip:romeo@unlisted.example");
    has(s, MESSAGES("sip-to-xmpp", "refused", "(none)", "1"));
    in(s, 1);
    sides_answer(s, 0, 200);
    in(s, 2);
    sides_answer(s, 1, 404);
    has(s, MESSAGES("xmpp-to-sip", "delivered", "fabrikam.example", "1"));
    has(s, MESSAGES("xmpp-to-sip", "refused", "fabrikam.example", "1"));
    has(s, "\nstox_messages_received_total{direction=\"sip-to-xmpp\"} 6\n");
    has(s, "\nstox_held_requests 0\n");
    sides_free(s);
}

static void a_partner_takes_its_counts_along(void **state)
{
    struct sides *s = sides_new();

    in(s, 1);
    sides_answer(s, 0, 200);
    has(s, "partner=\"fabrikam.example\"");
    sides_apply(s, SIDES_ORG SIDES_DOMAINS "partner other.test { additional-domains = {\"fabrikam.example\"} }\n");
    lacks(s, "partner=\"fabrikam.example\"");
    assert_int_equal(s->bridge->scores.partners.n, 0);
    sides_apply(s, SIDES_SETTINGS);
    lacks(s, "partner=\"fabrikam.example\"");
    sides_free(s);
}

static void delays_fall_into_buckets(void **state)
{
    static const unsigned waits[] = { 5, 6, 100, 999, 19000 };
    struct sides *s = sides_new();

    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        char branch[8];

        snprintf(branch, sizeof(branch), "a%zu", i);
        out(s, branch, "sip:romeo@fabrikam.example");
        sides_advance(s, waits[i]);
        s2x_settled(s->bridge, s->sent[i].token, XMPP_FATE_CONFIRMED, "");
    }
    has(s, "\nstox_answer_delay_seconds_bucket{le=\"0.005\"} 1\n");
    has(s, "\nstox_answer_delay_seconds_bucket{le=\"0.01\"} 2\n");
    has(s, "\nstox_answer_delay_seconds_bucket{le=\"0.1\"} 3\n");
    has(s, "\nstox_answer_delay_seconds_bucket{le=\"1.0\"} 4\n");
    has(s, "\nstox_answer_delay_seconds_bucket{le=\"+Inf\"} 5\n");
    has(s, "\nstox_answer_delay_seconds_count 5\n");
    has(s, "\nstox_answer_delay_seconds_sum 20.110\n");
    sides_free(s);
}

static void more_partners_than_fit_are_summed(void **state)
{
    struct sides *s = sides_new();
    struct buf text;
    size_t lines = 0;

    buf_init(&text, 1u << 20);
    buf_str(&text, SIDES_ORG SIDES_DOMAINS);
    for (int i = 0; i < SCORE_PARTNERS_MAX + 50; i++)
        buf_printf(&text, "partner p%04d.example { type = federated }\n", i);
    buf_char(&text, '\0');
    sides_apply(s, text.p);
    for (int i = 0; i < SCORE_PARTNERS_MAX + 50; i++) {
        char domain[32];

        snprintf(domain, sizeof(domain), "p%04d.example", i);
        bridge_count(s->bridge, SCORE_X2S, SCORE_DELIVERED, slice_str(domain));
    }
    has(s, MESSAGES("xmpp-to-sip", "delivered", "p0999.example", "1"));
    has(s, MESSAGES("xmpp-to-sip", "delivered", "(other)", "50"));
    lacks(s, "p1000.example");
    for (const char *p = metrics(s); (p = strstr(p, "\nstox_messages_total")); p++)
        lines++;
    assert_int_equal(lines, SCORE_PARTNERS_MAX + 1);
    buf_free(&text);
    sides_free(s);
}

/* Each line is a comment or a sample of the family that was declared last, and no family comes twice. */
static void the_text_is_of_the_format(void **state)
{
    struct sides *s = sides_new();
    struct slice rest, line, family = { NULL, 0 };
    char seen[8192] = " ";

    out(s, "a", "sip:romeo@fabrikam.example");
    rest = slice_str(metrics(s));
    assert_true(slice_ends(rest, SLICE("\n")));
    while (rest.n) {
        slice_cut(rest, '\n', &line, &rest);
        if (slice_starts(line, SLICE("# TYPE "))) {
            char name[100];

            slice_cut(slice_from(line, 7), ' ', &family, &line);
            snprintf(name, sizeof(name), " %.*s ", SLICE_FMT(family));
            if (strstr(seen, name))
                fail_msg("twice: %s", name);
            strcat(seen, name + 1);
            continue;
        }
        if (slice_starts(line, SLICE("# ")))
            continue;
        if (!slice_starts(line, family) || !slice_starts(family, SLICE("stox_")))
            fail_msg("%.*s is not of %.*s", SLICE_FMT(line), SLICE_FMT(family));
    }
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_outcome_is_counted_for_its_partner),
        cmocka_unit_test(a_partner_takes_its_counts_along),
        cmocka_unit_test(delays_fall_into_buckets),
        cmocka_unit_test(more_partners_than_fit_are_summed),
        cmocka_unit_test(the_text_is_of_the_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
