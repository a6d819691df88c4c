/* What a gateway takes of what a proxy says: nothing but one stanza, of a partner, to us, of the pair that is proven. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "link/ear.h"

#define OURS "contoso.example"
#define THEIRS "fabrikam.example"

static char got[400];
static unsigned n_got;
static uint64_t receipt;

static const struct xmpp_partner *on_partner(void *owner, struct slice domain)
{
    static const struct xmpp_partner partner = { .name = { THEIRS, sizeof(THEIRS) - 1 } };

    return slice_is(domain, THEIRS) || slice_is(domain, "both.example") ? &partner : NULL;
}

static bool on_serves(void *owner, struct slice domain)
{
    return slice_is(domain, OURS) || slice_is(domain, "second.example") || slice_is(domain, "both.example");
}

static void on_stanza(void *owner, const struct xmpp_stanza *s)
{
    struct slice body = s->el->first ? xml_text(s->arena, s->el->first) : slice_of(NULL, 0);

    n_got++;
    receipt = s->receipt;
    snprintf(got, sizeof(got), "%.*s %.*s@%.*s>%.*s@%.*s %.*s %.*s", SLICE_FMT(s->el->name), SLICE_FMT(s->from->local),
             SLICE_FMT(s->from->domain), SLICE_FMT(s->to->local), SLICE_FMT(s->to->domain), SLICE_FMT(s->stream_lang),
             SLICE_FMT(slice_first(body, 40)));
}

static const struct xmpp_ops ops = { .partner = on_partner, .serves = on_serves, .stanza = on_stanza };

static enum link_heard hear(struct link_ear *ear, const char *local, const char *remote, const char *text,
                            const char **why)
{
    const struct link_stanza_frame f = { .receipt = 7,
                                         .local = slice_str(local),
                                         .remote = slice_str(remote),
                                         .lang = SLICE("de"),
                                         .stanza = slice_str(text) };

    return link_ear_hear(ear, &f, why);
}

#define GOOD "<message from='a@" THEIRS "/x' to='b@" OURS "'><body>x</body></message>"

static void stanzas_are_taken_one_after_the_other(void **state)
{
    static const struct {
        const char *text, *got;
    } cases[] = {
        { GOOD, "message a@" THEIRS ">b@" OURS " de x" },
        { "<presence from='a@" THEIRS "' to='b@" OURS "'/>", "presence a@" THEIRS ">b@" OURS " de " },
        { "<iq from='" THEIRS "' to='" OURS "' type='get' id='1'/>", "iq @" THEIRS ">@" OURS " de " },
        { "<message from='A@FABRIKAM.example' to='B@Contoso.Example'><body>&lt;&#13;</body></message>",
          "message a@" THEIRS ">b@" OURS " de <\r" },
        { "<m:message xmlns:m='jabber:server' from='a@" THEIRS "' to='b@" OURS "'/>",
          "message a@" THEIRS ">b@" OURS " de " },
    };
    struct link_ear *ear = link_ear_new(&ops, NULL);
    const char *why;

    n_got = 0;
    for (unsigned round = 0; round < 100; round++)
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            if (hear(ear, OURS, THEIRS, cases[i].text, &why) != LINK_TAKEN)
                fail_msg("case %zu: %s", i, why);
            assert_string_equal(got, cases[i].got);
            assert_int_equal(receipt, 7);
        }
    assert_int_equal(n_got, 500);
    link_ear_free(ear);
}

/* Each with an ear of its own, and after a good one: what is left open must not be the next one's beginning. */
static void what_no_proxy_says_is_a_lie_and_nobody_hears_it(void **state)
{
    static const struct {
        const char *local, *remote, *text, *why;
        unsigned taken; /* before the lie is seen: it is good by itself */
    } cases[] = {
        { OURS, THEIRS, "<message from='eve@" OURS "' to='b@" OURS "'/>", "another domain", 0 },
        { OURS, OURS, "<message from='eve@" OURS "' to='b@" OURS "'/>", "a domain of ours", 0 },
        { OURS, "both.example", "<message from='eve@both.example' to='b@" OURS "'/>", "a domain of ours", 0 },
        { OURS, THEIRS, "<message from='a@other.example' to='b@" OURS "'/>", "another domain", 0 },
        { OURS, THEIRS, "<message from='a@x." THEIRS "' to='b@" OURS "'/>", "another domain", 0 },
        { OURS, THEIRS, "<message from='a@" THEIRS "' to='b@second.example'/>", "another domain", 0 },
        { OURS, THEIRS, "<message to='b@" OURS "'/>", "malformed", 0 },
        { OURS, THEIRS, "<message from='a@" THEIRS "'/>", "malformed", 0 },
        { OURS, THEIRS, "<message from='@" THEIRS "' to='b@" OURS "'/>", "malformed", 0 },
        { OURS, THEIRS, "<message from='a@" THEIRS "' to='b@" OURS "/'/>", "malformed", 0 },
        { OURS, THEIRS, "<message xmlns='jabber:client' from='a@" THEIRS "' to='b@" OURS "'/>", "no stanza", 0 },
        { OURS, THEIRS, "<result xmlns='jabber:server:dialback' from='a' to='b'/>", "no stanza", 0 },
        { OURS, THEIRS, "<mark xmlns='stox:link'/>", "no stanza", 0 },
        { OURS, THEIRS, GOOD GOOD, "more than one", 1 },
        { OURS, THEIRS, GOOD "<mark xmlns='stox:link'/>", "more than one", 1 },
        { OURS, THEIRS, GOOD "<mark xmlns='stox:link'/><x", "more than one", 1 },
        { OURS, THEIRS, GOOD "<x", "cannot be read", 1 },
        { OURS, THEIRS, GOOD "<message from='a@" THEIRS "' to='b@" OURS "'>", "left open", 1 },
        { OURS, THEIRS, GOOD "<![CDATA[", "cannot be read", 1 },
        { OURS, THEIRS, GOOD "<!--", "cannot be read", 1 },
        { OURS, THEIRS, GOOD "</s:stream>", "ends the stream", 1 },
        { OURS, THEIRS, "<message from='a@" THEIRS "' to='b@" OURS "'>", "no whole element", 0 },
        { OURS, THEIRS, " ", "no whole element", 0 },
        { OURS, THEIRS, "<?xml version='1.0'?>" GOOD, "cannot be read", 0 },
        { OURS, THEIRS, "<!DOCTYPE x>" GOOD, "cannot be read", 0 },
        { OURS, THEIRS, "<message from='a@" THEIRS "' to='b@" OURS "'><body>\xff</body></message>", "cannot be read",
          0 },
        { OURS, THEIRS, "</s:stream>" GOOD, "ends the stream", 0 },
    };
    const char *why;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct link_ear *ear = link_ear_new(&ops, NULL);
        enum link_heard heard;

        assert_int_equal(hear(ear, OURS, THEIRS, GOOD, &why), LINK_TAKEN);
        n_got = 0;
        heard = hear(ear, cases[i].local, cases[i].remote, cases[i].text, &why);
        if (heard != LINK_A_LIE || !strstr(why, cases[i].why) || n_got > cases[i].taken)
            fail_msg("case %zu: %d %s, %u taken", i, heard, why, n_got);
        link_ear_free(ear);
    }
}

static void what_settings_have_no_more_is_not_taken_but_no_lie(void **state)
{
    struct link_ear *ear = link_ear_new(&ops, NULL);
    const char *why;

    n_got = 0;
    assert_int_equal(hear(ear, OURS, "gone.example", "<message from='a@gone.example' to='b@" OURS "'/>", &why),
                     LINK_NOT_OURS);
    assert_int_equal(hear(ear, "gone.example", THEIRS, "<message from='a@" THEIRS "' to='b@gone.example'/>", &why),
                     LINK_NOT_OURS);
    assert_int_equal(n_got, 0);
    assert_int_equal(hear(ear, OURS, THEIRS, GOOD, &why), LINK_TAKEN); /* it goes on */
    link_ear_free(ear);
}

static void the_longest_that_a_frame_holds_is_taken(void **state)
{
    static const char head[] = "<message from='a@" THEIRS "' to='b@" OURS "'><body>", tail[] = "</body></message>";
    struct link_ear *ear = link_ear_new(&ops, NULL);
    char *text = malloc(LINK_HEARD_MAX + 1);
    const char *why;

    memset(text, 'x', LINK_HEARD_MAX);
    memcpy(text, head, sizeof(head) - 1);
    memcpy(text + LINK_HEARD_MAX - sizeof(tail) + 1, tail, sizeof(tail));
    for (int i = 0; i < 3; i++)
        if (hear(ear, OURS, THEIRS, text, &why) != LINK_TAKEN)
            fail_msg("%s", why);
    free(text);
    link_ear_free(ear);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stanzas_are_taken_one_after_the_other),
        cmocka_unit_test(what_no_proxy_says_is_a_lie_and_nobody_hears_it),
        cmocka_unit_test(what_settings_have_no_more_is_not_taken_but_no_lie),
        cmocka_unit_test(the_longest_that_a_frame_holds_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
