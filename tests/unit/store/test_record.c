/* Records: the edits on a base, what was given and what is default, and the kinds' own rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "make.h"

static struct slice texts[64];

static struct edit edit(const struct setting_kind *kind, const char *setting, enum edit_op op, size_t n, ...)
{
    static size_t used;
    struct edit e = { .setting = setting_find(kind, slice_str(setting)), .op = op, .n = n };
    va_list args;

    assert_non_null(e.setting);
    used = used + n > 64 ? 0 : used;
    e.texts = texts + used;
    va_start(args, n);
    for (size_t i = 0; i < n; i++)
        texts[used++] = slice_str(va_arg(args, const char *));
    va_end(args);
    return e;
}

static struct record *edited(const struct record *base, const struct edit *edits, size_t n)
{
    struct err err;
    struct record *r = record_make(base->kind, base->name, base, edits, n, NULL, &err);

    if (!r)
        fail_msg("%s", err.text);
    return r;
}

/* The value as text, entries with commas between. */
static void assert_value(const struct record *r, const char *setting, const char *wanted)
{
    const struct setting *s = setting_find(r->kind, slice_str(setting));
    struct buf b;

    buf_init(&b, 10000);
    for (size_t i = 0; i < setting_count(s, r->object); i++) {
        if (i)
            buf_char(&b, ',');
        setting_print(&b, s, r->object, i);
    }
    if (!slice_is(buf_slice(&b), wanted))
        fail_msg("%s is \"%.*s\", not \"%s\"", setting, SLICE_FMT(buf_slice(&b)), wanted);
    buf_free(&b);
}

static bool gives(const struct record *r, const char *setting)
{
    return record_gives(r, (size_t)(setting_find(r->kind, slice_str(setting)) - r->kind->settings));
}

static void a_new_partner_has_the_defaults_of_lync(void **state)
{
    struct record *r = make_record(&partner_kind, "Fabrikam.example", "");
    const struct partner *p = r->object;

    assert_true(slice_is(r->name, "fabrikam.example"));
    assert_true(slice_is(p->name, "fabrikam.example"));
    assert_int_equal(r->given, 0);
    assert_int_equal(r->revision, 0);
    assert_int_equal(p->type, PARTNER_PUBLIC_UNVERIFIED);
    assert_int_equal(p->tls, XMPP_REQUIRED);
    assert_int_equal(p->sasl, XMPP_REQUIRED);
    assert_true(p->dialback && p->keep_alive);
    assert_int_equal(p->connection_limit, 0);
    assert_int_equal(p->additional_domains.n, 0);
    assert_int_equal(p->proxy.n, 0);
    record_drop(r);
}

static void the_gateway_has_the_defaults_of_lync(void **state)
{
    struct record *r = make_record(&gateway_kind, "", "");
    const struct gateway *g = r->object;

    assert_int_equal(g->connection_limit, 1000);
    assert_int_equal(g->partner_connection_limit, 20);
    assert_int_equal(g->keepalive_s, 300);
    assert_int_equal(g->establish_s, 60);
    assert_int_equal(g->inactivity_s, 600);
    assert_int_equal(g->subscription_refresh_s, 28800);
    assert_int_equal(g->hold_s, 20);
    assert_false(g->log_bodies);
    record_drop(r);
}

static void every_setting_can_be_given(void **state)
{
    struct record *r = make_record(
        &route_kind, "a",
        "next-hop=192.0.2.10:5080,SIP.contoso.example:5070;transport=TCP;sources=192.0.2.0/24,2001:db8::5;im=pager;"
        "identify-by=both;health-interval=30;tls-names=Pool.contoso.example");
    const struct route *route = r->object;

    assert_int_equal(route->next_hops.n, 2);
    assert_int_equal(addr_port(&((const struct addr_host *)route->next_hops.v)[0].addr), 5080);
    assert_int_equal(((const struct addr_host *)route->next_hops.v)[1].port, 5070);
    assert_true(slice_is(((const struct addr_host *)route->next_hops.v)[1].name, "sip.contoso.example"));
    assert_int_equal(route->transport, ROUTE_TCP);
    assert_int_equal(route->sources.n, 2);
    assert_int_equal(route_identifies_by(route), ROUTE_BY_BOTH);
    assert_true(slice_is(*(const struct slice *)route->tls_names.v, "pool.contoso.example"));
    assert_int_equal(__builtin_popcountll(r->given), 7);
    record_drop(r);
    r = make_record(&partner_kind, "fabrikam.example",
                    "additional-domains=xn--bcher-kva.test,more.example;type=federated;presence=no;names=no;photos=yes;"
                    "tls=optional;sasl=not-supported;"
                    "dialback=yes;keep-alive=no;bidi=yes;connection-limit=7;proxy=xmpp.fabrikam.example:5270;"
                    "description=Fabrikam Ltd;"
                    "stanza-rate=20;byte-rate=30000");
    assert_int_equal(r->given, 32767);
    assert_value(r, "additional-domains",
                 "b\xc3\xbc"
                 "cher.test,more.example");
    assert_value(r, "description", "Fabrikam Ltd");
    assert_value(r, "proxy", "xmpp.fabrikam.example:5270");
    assert_value(r, "keep-alive", "no");
    assert_value(r, "bidi", "yes");
    record_drop(r);
}

static void edits_change_what_they_name_and_no_more(void **state)
{
    struct record *base = make_record(&partner_kind, "f.example", "tls=optional;connection-limit=7;description=x");
    struct edit edits[] = { edit(&partner_kind, "tls", EDIT_RESET, 0),
                            edit(&partner_kind, "sasl", EDIT_SET, 1, "optional"),
                            edit(&partner_kind, "connection-limit", EDIT_SET, 1, "8"),
                            edit(&partner_kind, "connection-limit", EDIT_SET, 1, "9") };
    struct record *r = edited(base, edits, 4);

    assert_value(r, "tls", "required");
    assert_false(gives(r, "tls"));
    assert_value(r, "sasl", "optional");
    assert_value(r, "connection-limit", "9"); /* the last word counts */
    assert_value(r, "description", "x");
    assert_value(base, "tls", "optional"); /* the base never changes */
    assert_value(base, "connection-limit", "7");
    record_drop(r);
    record_drop(base);
}

static void a_default_that_was_given_stays_given(void **state)
{
    struct record *a = make_record(&partner_kind, "f.example", "tls=required");
    struct record *b = make_record(&partner_kind, "f.example", "");

    assert_true(gives(a, "tls"));
    assert_false(record_same(a, b));
    record_drop(a);
    record_drop(b);
}

static void lists_are_added_to_and_taken_from(void **state)
{
    struct record *base = make_record(&partner_kind, "f.example", "additional-domains=a.example,b.example");
    struct edit steps[] = {
        edit(&partner_kind, "additional-domains", EDIT_ADD, 3, "C.example.", "a.example", "c.example"),
        edit(&partner_kind, "additional-domains", EDIT_REMOVE, 1, "B.Example"),
        edit(&partner_kind, "additional-domains", EDIT_REMOVE, 2, "a.example", "c.example"),
    };
    struct record *r = edited(base, steps, 1), *next;

    assert_value(r, "additional-domains", "a.example,b.example,c.example");
    next = edited(r, steps + 1, 1);
    record_drop(r);
    assert_value(next, "additional-domains", "a.example,c.example");
    r = edited(next, steps + 2, 1);
    record_drop(next);
    assert_value(r, "additional-domains", "");
    assert_int_equal(r->given, 0); /* an empty list is its default */
    record_drop(r);
    r = edited(base, steps, 3);
    assert_value(r, "additional-domains", "");
    record_drop(r);
    record_drop(base);
}

static void faults_name_the_setting(void **state)
{
    struct record *base = make_record(&partner_kind, "f.example", "additional-domains=a.example");
    const struct {
        struct edit edit;
        const char *says;
    } cases[] = {
        { edit(&partner_kind, "additional-domains", EDIT_REMOVE, 1, "b.example"),
          "additional-domains: \"b.example\" is not in the list" },
        { edit(&partner_kind, "additional-domains", EDIT_REMOVE, 1, "b b"),
          "additional-domains: \"b b\" is not a domain" },
        { edit(&partner_kind, "additional-domains", EDIT_ADD, 1, ""), "additional-domains: \"\" is not a domain" },
        { edit(&partner_kind, "tls", EDIT_ADD, 1, "optional"), "tls: only a list can be added to" },
        { edit(&partner_kind, "tls", EDIT_SET, 1, "maybe"), "tls: \"maybe\" is not one of" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct setting *fault = NULL;
        struct err err = { "" };

        assert_null(record_make(&partner_kind, base->name, base, &cases[i].edit, 1, &fault, &err));
        assert_ptr_equal(fault, cases[i].edit.setting);
        if (!slice_starts(slice_str(err.text), slice_str(cases[i].says)))
            fail_msg("expected \"%s\", got \"%s\"", cases[i].says, err.text);
    }
    record_drop(base);
}

static void what_has_no_default_must_be_given(void **state)
{
    const struct setting *fault = NULL;
    struct err err;
    struct edit reset = edit(&sip_domain_kind, "route", EDIT_RESET, 0);
    struct record *r = make_record(&sip_domain_kind, "a.example", "route=r");

    assert_null(record_make(&sip_domain_kind, SLICE("a.example"), NULL, NULL, 0, &fault, &err));
    assert_non_null(strstr(err.text, "route is missing"));
    assert_string_equal(fault->name, "route");
    assert_null(record_make(&sip_domain_kind, SLICE("a.example"), r, &reset, 1, &fault, &err));
    assert_non_null(strstr(err.text, "route is missing"));
    assert_null(record_make(&partner_kind, SLICE("no domain"), NULL, NULL, 0, &fault, &err));
    assert_null(fault);
    record_drop(r);
}

static void a_hidden_secret_leaves_the_secret_as_it_is(void **state)
{
    struct record *base = make_record(&gateway_kind, "", "dialback-passphrase=sesame");
    struct edit e[] = { edit(&gateway_kind, "dialback-passphrase", EDIT_SET, 1, "***"),
                        edit(&gateway_kind, "hold-time", EDIT_SET, 1, "9") };
    struct record *r = edited(base, e, 2);
    struct edit other = edit(&partner_kind, "description", EDIT_SET, 1, "***");
    struct record *partner = record_make(&partner_kind, SLICE("f.example"), NULL, &other, 1, NULL, NULL);

    assert_value(r, "dialback-passphrase", "sesame");
    assert_value(r, "hold-time", "9");
    assert_value(partner, "description", "***"); /* not a secret: a text as any other */
    record_drop(r);
    record_drop(base);
    record_drop(partner);
}

static void the_largest_lists_fit(void **state)
{
    enum { N = 1000 };
    static char text[N][140];
    static struct slice v[N];
    struct edit e = { .setting = setting_find(&site_kind, SLICE("users")), .op = EDIT_SET, .texts = v, .n = N };
    struct err err;
    struct record *r, *again;

    for (unsigned i = 0; i < N; i++) {
        snprintf(text[i], sizeof(text[i]), "%0120u*@c.example", i);
        v[i] = slice_first(slice_str(text[i]), 131);
    }
    r = record_make(&site_kind, SLICE("s"), NULL, &e, 1, NULL, &err);
    if (!r)
        fail_msg("%s", err.text);
    assert_int_equal(((const struct site *)r->object)->users.n, N);
    again = edited(r, NULL, 0);
    assert_true(record_same(r, again));
    e.op = EDIT_REMOVE;
    record_drop(again);
    again = edited(r, &e, 1);
    assert_int_equal(again->given, 0);
    record_drop(r);
    record_drop(again);
}

static void records_are_shared_by_count(void **state)
{
    struct record *r = make_record(&policy_kind, "p", "xmpp=yes");

    assert_ptr_equal(record_keep(r), r);
    record_drop(r);
    assert_value(r, "xmpp", "yes");
    record_drop(r);
    record_drop(NULL);
    assert_null(record_keep(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_partner_has_the_defaults_of_lync),
        cmocka_unit_test(the_gateway_has_the_defaults_of_lync),
        cmocka_unit_test(every_setting_can_be_given),
        cmocka_unit_test(edits_change_what_they_name_and_no_more),
        cmocka_unit_test(a_default_that_was_given_stays_given),
        cmocka_unit_test(lists_are_added_to_and_taken_from),
        cmocka_unit_test(faults_name_the_setting),
        cmocka_unit_test(what_has_no_default_must_be_given),
        cmocka_unit_test(a_hidden_secret_leaves_the_secret_as_it_is),
        cmocka_unit_test(the_largest_lists_fit),
        cmocka_unit_test(records_are_shared_by_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
