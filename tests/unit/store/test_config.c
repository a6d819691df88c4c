/* The configuration by steps, and what is judged about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "make.h"

#define PIN "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static void what_is_always_there_is_there(void **state)
{
    struct config *c = config_new();

    assert_int_equal(c->seq, 0);
    assert_int_equal(config_gateway(c)->connection_limit, 1000);
    assert_false(config_org(c)->federation);
    assert_non_null(config_find(c, &policy_kind, SLICE("global")));
    assert_int_equal(config_list(c, &policy_kind)->n, 1);
    assert_int_equal(config_list(c, &partner_kind)->n, 0);
    config_drop(c);
    config_drop(NULL);
}

/* ---- steps against a model: an array of what each name has ---- */

#define N_NAMES 12

struct model {
    const struct setting_kind *kind;
    unsigned value[N_NAMES]; /* 0: not there */
};

static const char *const names[N_NAMES] = {
    "global", "a", "b", "ab", "a.b", "B", "_", "zz", "site:x", "p1", "p10", "p2"
};

static void compare(const struct config *c, const struct model *m)
{
    const struct config_list *list = config_list(c, m->kind);
    size_t n = 0;

    for (size_t i = 0; i < N_NAMES; i++) {
        struct record *r = config_find(c, m->kind, slice_str(names[i]));
        bool always = m->kind->always && strcmp(m->kind->always, names[i]) == 0;

        assert_int_equal(r != NULL, m->value[i] || always);
        n += r != NULL;
        if (r)
            assert_int_equal(r->revision, m->value[i]);
    }
    assert_int_equal(list->n, n);
    for (size_t i = 1; i < list->n; i++)
        assert_true(slice_cmp(list->v[i - 1]->name, list->v[i]->name) < 0);
}

/* Some steps about names of both kinds, each name at most once. */
static size_t random_steps(struct model models[2], struct config_step *steps, unsigned revision, uint64_t *seed)
{
    size_t n = 0;

    for (size_t m = 0; m < 2; m++) {
        for (size_t i = 0; i < N_NAMES; i++) {
            struct record *r = NULL;

            if (make_random(seed) % 4)
                continue;
            if (make_random(seed) % 3) {
                r = make_record(models[m].kind, names[i], models[m].kind == &route_kind ? "next-hop=192.0.2.1" : "");
                r->revision = revision;
            }
            models[m].value[i] = r ? revision : 0;
            steps[n++] = (struct config_step){ models[m].kind, slice_str(names[i]), r };
        }
    }
    for (size_t i = n; i > 1; i--) { /* in no order */
        size_t k = make_random(seed) % i;
        struct config_step step = steps[i - 1];

        steps[i - 1] = steps[k];
        steps[k] = step;
    }
    return n;
}

static void steps_lead_where_a_plain_model_leads(void **state)
{
    struct model models[2] = { { .kind = &policy_kind }, { .kind = &route_kind } };
    struct config *c = config_new();
    uint64_t seed = 3;

    for (unsigned round = 1; round < 2000; round++) {
        struct config_step steps[2 * N_NAMES];
        size_t n = random_steps(models, steps, round, &seed);
        struct config *next = config_next(c, steps, n, round);

        assert_non_null(next);
        for (size_t i = 0; i < n; i++)
            record_drop(steps[i].after);
        assert_int_equal(next->seq, round);
        config_drop(c);
        c = next;
        compare(c, &models[0]);
        compare(c, &models[1]);
    }
    config_drop(c);
}

static void a_configuration_outlives_the_next_one(void **state)
{
    struct config *a = make_config("partner f.example { tls = optional }\n");
    struct config_step step = { &partner_kind, SLICE("f.example"), NULL };
    struct config *kept = config_keep(a), *b = config_next(a, &step, 1, 7);

    config_drop(a);
    assert_null(config_find(b, &partner_kind, SLICE("f.example")));
    assert_non_null(config_find(kept, &partner_kind, SLICE("f.example")));
    config_drop(b);
    config_drop(kept);
}

/* ---- judging ---- */

/* All 18 rows of lync-gateway.md 2.2: five refused, seven warned; strict refuses the fifth and the eleventh too. */
static void the_matrix_is_the_one_of_lync(void **state)
{
    static const char *const verdicts = "WO"
                                        "WWW"
                                        "I"
                                        "OO"
                                        "WWW"
                                        "I"
                                        "OIOIOI"; /* page order */
    static const char *const needs[] = { "required", "optional", "not-supported" };

    for (unsigned row = 0; row < 18; row++) {
        char values[100];
        struct config_warnings w = { 0 };
        struct record *r;
        struct err err = { "" };
        int plain, strict;

        snprintf(values, sizeof(values), "tls=%s;sasl=%s;dialback=%s", needs[row / 2 % 3], needs[row / 6],
                 row % 2 ? "no" : "yes");
        r = make_record(&partner_kind, "f.example", values);
        buf_init(&w.text, 10000);
        plain = config_judge(r, false, &w, &err);
        assert_int_equal(plain, verdicts[row] == 'I' ? -1 : 0);
        assert_int_equal(w.n, verdicts[row] == 'W');
        assert_true(w.n == 0 || slice_starts(buf_slice(&w.text), SLICE("partner \"f.example\": ")));
        assert_true(plain == 0 || slice_starts(slice_str(err.text), SLICE("partner \"f.example\": ")));
        strict = config_judge(r, true, NULL, &err);
        assert_int_equal(strict, plain || row + 1 == 5 || row + 1 == 11 ? -1 : 0);
        buf_free(&w.text);
        record_drop(r);
    }
}

static void an_object_alone_can_be_wrong(void **state)
{
    static const struct {
        const struct setting_kind *kind;
        const char *name, *values, *says, *warns;
    } cases[] = {
        { &sip_domain_kind, "c.example", "route=a;certificate=/c.pem", "key is missing", NULL },
        { &sip_domain_kind, "c.example", "route=a;key=/k.pem", "certificate is missing", NULL },
        { &sip_domain_kind, "c.example", "route=a;key=/k.pem;certificate=/c.pem", NULL, NULL },
        { &sip_domain_kind, "c.example", "route=a", NULL, "without a certificate" },
        { &partner_kind, "f.example", "type=public-verified;dialback=no", NULL, "not recommended" },
        { &partner_kind, "f.example", "dialback=no", NULL, NULL },
        { &partner_kind, "f.example", "dialback=no;pins=sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", NULL,
          NULL },
        { &partner_kind, "f.example", "pins=sha256/47DEQpj8HBSa", "is not sha256/ and the base64 of 32 bytes", NULL },
        { &partner_kind, "f.example",
          "tls=not-supported;sasl=not-supported;pins=sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
          "pins need TLS", NULL },
        { &partner_kind, "f.example", "component=127.0.0.1;component-secret=s", NULL, NULL },
        { &partner_kind, "f.example", "component=[::1]:5275;component-secret=s;tls=not-supported;dialback=no", NULL,
          NULL },
        { &partner_kind, "f.example", "component=127.0.0.1", NULL, "component-secret is missing" },
        { &partner_kind, "f.example", "component=192.0.2.1;component-secret=s", NULL, "is not encrypted" },
        { &partner_kind, "f.example", "component=0.0.0.0;component-secret=s", "not an address and port", NULL },
        { &partner_kind, "f.example", "component=127.0.0.1:0;component-secret=s", "not an address and port", NULL },
        { &partner_kind, "f.example", "component=127.0.0.1;component-secret=s;proxy=x.example", "remove one", NULL },
        { &partner_kind, "f.example",
          "component=127.0.0.1;component-secret=s;pins=sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
          "no certificate that pins", NULL },
        { &route_kind, "a", "next-hop=224.0.0.1", "not an address of one machine", NULL },
        { &route_kind, "a", "next-hop=0.0.0.0", "not an address of one machine", NULL },
        { &route_kind, "a", "next-hop=192.0.2.1", NULL, NULL },
        { &route_kind, "a", "next-hop=192.0.2.1,224.0.0.1", "not an address of one machine", NULL },
        { &route_kind, "a", "next-hop=sip.contoso.example,192.0.2.1", NULL, NULL },
        { &route_kind, "a", "transport=udp;next-hop=sip.contoso.example", "sources must say which addresses may speak",
          NULL },
        { &route_kind, "a", "transport=any", "sources must say which addresses may speak", NULL },
        { &route_kind, "a", "transport=tcp;sources=192.0.2.0/24", NULL, NULL },
        { &route_kind, "a", "", NULL, NULL }, /* tls, where certificates say it */
        { &route_kind, "a", "next-hop=sip.contoso.example", NULL, NULL },
        { &route_kind, "a", "identify-by=both", "sources must say which addresses may speak", NULL },
        { &policy_kind, "a", "xmpp=yes", NULL, NULL },
        { &gateway_kind, "", "contact-addresses=abuse=mailto:a@c.example,status=https://c.example/?a=b", NULL, NULL },
        { &gateway_kind, "", "contact-addresses=owner=mailto:a@c.example", "\"owner=mailto:a@c.example\" is not",
          NULL },
        { &gateway_kind, "", "contact-addresses=abuse=mailto:a@c.example,abuse=a@c.example", "\"abuse=a@c", NULL },
        { &gateway_kind, "", "contact-addresses=abuse", "KIND=URI", NULL },
        { &gateway_kind, "", "contact-addresses=abuse=mailto:", "KIND=URI", NULL },
        { &gateway_kind, "", "contact-addresses=abuse=m to:a", "KIND=URI", NULL },
        { &gateway_kind, "", "contact-addresses=abuse=1a:a", "KIND=URI", NULL },
        { &gateway_kind, "", "contact-addresses=abuse=mailto:a<b", "KIND=URI", NULL },
        { &gateway_kind, "", "contact-addresses=abuse=mailto:\xc3\xbc", "KIND=URI", NULL },
        { &gateway_kind, "", "public-name=gw.contoso.example;public-addresses=192.0.2.1,2001:db8::1", NULL, NULL },
        { &proxy_kind, "a", "address=192.0.2.1;pin=" PIN, NULL, NULL },
        { &proxy_kind, "a", "address=192.0.2.1", NULL, "the gateway does not link with it" },
        { &proxy_kind, "a", "address=192.0.2.1;enabled=no", NULL, NULL },
        { &proxy_kind, "a", "address=0.0.0.0;pin=" PIN, "not an address and port of one machine", NULL },
        { &proxy_kind, "a", "address=192.0.2.1:0;pin=" PIN, "not an address and port of one machine", NULL },
        { &proxy_kind, "a", "address=192.0.2.1;pin=sha256/47DEQpj8HBSa", "is not sha256/ and the base64", NULL },
        { &gateway_kind, "", "public-name=192.0.2.1", "public-name: \"192.0.2.1\" is no name", NULL },
        { &gateway_kind, "", "public-name=gw.contoso.example:5269", "is no name of a host", NULL },
        { &gateway_kind, "", "public-name=two words", "is no name of a host", NULL },
        { &gateway_kind, "", "public-addresses=192.0.2.1:5269", "\"192.0.2.1:5269\" is no IP address", NULL },
        { &gateway_kind, "", "public-addresses=gw.contoso.example", "is no IP address", NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct record *r = make_record(cases[i].kind, cases[i].name, cases[i].values);
        struct config_warnings w = { 0 };
        struct err err = { "" };

        buf_init(&w.text, 10000);
        assert_int_equal(config_judge(r, false, &w, &err), cases[i].says ? -1 : 0);
        if (cases[i].says && !strstr(err.text, cases[i].says))
            fail_msg("expected \"%s\", got \"%s\"", cases[i].says, err.text);
        buf_char(&w.text, '\0');
        assert_int_equal(w.n, cases[i].warns ? 1 : 0);
        assert_true(!cases[i].warns || strstr(w.text.p, cases[i].warns));
        buf_free(&w.text);
        record_drop(r);
    }
}

struct thing {
    const struct setting_kind *kind;
    const char *name, *values;
};

#define ROUTE                                                                                                          \
    {                                                                                                                  \
        &route_kind, "office", "next-hop=192.0.2.10"                                                                   \
    }

static void objects_must_fit_together(void **state)
{
    static const struct {
        struct thing things[4];
        const char *says; /* NULL: they do */
    } cases[] = {
        { { ROUTE, { &sip_domain_kind, "c.example", "route=office" }, { &partner_kind, "f.example", "" } }, NULL },
        { { { &sip_domain_kind, "c.example", "route=office" } },
          "sip-domain \"c.example\": there is no route \"office\"" },
        { { { &block_kind, "a@c.example", "partners=f.example" } },
          "block \"a@c.example\": there is no partner \"f.example\"" },
        { { { &partner_kind, "f.example", "" }, { &block_kind, "a@c.example", "partners=f.example" } }, NULL },
        { { ROUTE, { &sip_domain_kind, "c.example", "route=office" }, { &partner_kind, "c.example", "" } },
          "the domain c.example is declared twice: in " },
        { { ROUTE,
            { &sip_domain_kind, "c.example", "route=office" },
            { &partner_kind, "f.example", "additional-domains=c.example" } },
          "the domain c.example is declared twice: in " },
        { { { &partner_kind, "a.example", "additional-domains=b.example" }, { &partner_kind, "b.example", "" } },
          "the domain b.example is declared twice" },
        { { { &partner_kind, "a.example", "additional-domains=b.example,b.example" } },
          "the domain b.example is declared twice: in partner \"a.example\" and in partner \"a.example\"" },
        { { { &policy_kind, "site:b", "" } }, "policy \"site:b\": there is no site \"b\"" },
        { { { &policy_kind, "site:b", "" }, { &site_kind, "b", "" } }, NULL },
        { { { &sip_user_kind, "a@c.example", "policy=p" } }, "sip-user \"a@c.example\": there is no policy \"p\"" },
        { { { &sip_user_kind, "a@c.example", "policy=p" }, { &policy_kind, "p", "" } }, NULL },
        { { { &sip_user_kind, "a@c.example", "policy=global" } }, "cannot be granted: it applies by itself" },
        { { { &sip_user_kind, "a@c.example", "policy=site:b" },
            { &policy_kind, "site:b", "" },
            { &site_kind, "b", "" } },
          "cannot be granted: it applies by itself" },
        { { { &sip_user_kind, "a@c.example", "site=s" } }, "sip-user \"a@c.example\": there is no site \"s\"" },
        { { { &site_kind, "a", "users=*@c.example" }, { &site_kind, "b", "users=x@c.example,*@c.example" } },
          "the users *@c.example are declared twice: in site \"" },
        { { { &proxy_kind, "a", "address=192.0.2.1" }, { &proxy_kind, "b", "address=192.0.2.2" } }, NULL },
        { { { &proxy_kind, "a", "address=192.0.2.1" }, { &proxy_kind, "b", "address=192.0.2.1:23456" } },
          "the proxies \"a\" and \"b\" have the same address" },
        { { { &proxy_kind, "a", "address=192.0.2.1;pin=" PIN }, { &proxy_kind, "b", "address=192.0.2.2;pin=" PIN } },
          "the proxies \"a\" and \"b\" have the same pin" },
        { { { &site_kind, "a", "users=x*@c.example" }, { &site_kind, "b", "users=x@c.example,*@c.example" } }, NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *c = config_new();
        struct err err = { "" };
        int rc;

        for (size_t k = 0; k < 4 && cases[i].things[k].kind; k++) {
            const struct thing *t = &cases[i].things[k];
            struct record *r = make_record(t->kind, t->name, t->values);

            c = make_next(c, &r, 1);
        }
        rc = config_check(c, &err);
        if (cases[i].says ? !rc || !strstr(err.text, cases[i].says) : rc)
            fail_msg("case %zu: expected \"%s\", got \"%s\"", i, cases[i].says, rc ? err.text : "accepted");
        config_drop(c);
    }
}

static void there_are_bounds_on_how_many(void **state)
{
    enum { N = 1001 };
    struct record **v = calloc(N, sizeof(*v));
    struct config *c;
    struct err err;

    assert_non_null(v);
    for (unsigned i = 0; i < N; i++) {
        char name[16];

        snprintf(name, sizeof(name), "r%u", i);
        v[i] = make_record(&route_kind, name, "next-hop=192.0.2.1");
    }
    c = make_next(config_new(), v, N);
    assert_int_equal(config_check(c, &err), -1);
    assert_string_equal(err.text, "1001 routes are more than the 1000 allowed");
    config_drop(c);
    free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_always_there_is_there),         cmocka_unit_test(steps_lead_where_a_plain_model_leads),
        cmocka_unit_test(a_configuration_outlives_the_next_one), cmocka_unit_test(the_matrix_is_the_one_of_lync),
        cmocka_unit_test(an_object_alone_can_be_wrong),          cmocka_unit_test(objects_must_fit_together),
        cmocka_unit_test(there_are_bounds_on_how_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
