/* The configuration with memory running out: each part is made whole, or there is a sentence about memory and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "oom.h"
#include "store/config_text.h"
#include "store/json.h"
#include "store/policy.h"

static const char boot_text[] = "state-dir = \"/tmp/x\"\nhost-name = gw.contoso.example\nlisten-sip-udp = "
                                "{\"192.0.2.1\", \"[2001:db8::1]:5070\"}\n";
static const char text[] =
    "org { federation = on }\n"
    "gateway { connection-limit = 1200\n hold-time = 15 }\n"
    "route a { next-hop = \"192.0.2.10:5080\" transport = tcp sources = {\"192.0.2.0/24\", \"2001:db8::5\"} }\n"
    "sip-domain \"xn--bcher-kva.example\" { route = a certificate = \"/c.pem\" key = \"/k.pem\" }\n"
    "partner fabrikam.example { additional-domains = {\"xn--bcher-kva.test\", \"more.example\"}\n"
    " type = federated tls = optional sasl = not-supported dialback = yes description = \"Fabrikam Ltd\" }\n"
    "partner wingtip.example { proxy = \"xmpp.wingtip.example:5270\" }\n"
    "policy \"site:berlin\" { federation = yes xmpp = yes }\npolicy p { xmpp = yes }\n"
    "site berlin { users = {\"*@contoso.example\", \"ann*@contoso.example\", \"bob@contoso.example\"} }\n"
    "sip-user \"alice@contoso.example\" { policy = p }\n";
static char path[] = "/tmp/stox-boot-XXXXXX";

static int write_file(void **state)
{
    int fd = mkstemp(path);

    return fd >= 0 && write(fd, boot_text, sizeof(boot_text) - 1) == (ssize_t)sizeof(boot_text) - 1 ? close(fd) : -1;
}

static int remove_file(void **state)
{
    return unlink(path);
}

/* Either it is there and no allocation failed, or the sentence is about memory. */
static void check(bool is_there, const struct err *err)
{
    if (is_there == oom_failed())
        fail_msg("%s", is_there ? "made without memory" : err->text);
    if (is_there)
        return;
    if (!err->memory)
        fail_msg("not about memory: \"%s\"", err->text);
}

static void booting(const void *arg)
{
    struct err err = { "" };
    struct arena arena;
    struct boot boot;
    int rc;

    arena_init(&arena, 1 << 20);
    OOM(rc = boot_read(path, &boot, &arena, &err));
    check(rc == 0, &err);
    arena_reset(&arena);
}

static void the_bootstrap_file_is_read_whole_or_not_at_all(void **state)
{
    oom_each("boot_read", booting, NULL);
}

static void reading(const void *arg)
{
    struct err err = { "" };
    struct config_text *t;

    OOM(t = config_text_read(NULL, text, &err));
    check(t != NULL, &err);
    assert_true(!t || t->n == 10);
    config_text_free(t);
}

static void text_is_read_whole_or_not_at_all(void **state)
{
    oom_each("config_text_read", reading, NULL);
}

static struct config_text *blocks(void)
{
    struct err err = { "" };
    struct config_text *t = config_text_read(NULL, text, &err);

    if (!t)
        fail_msg("%s", err.text);
    return t;
}

static void making(const void *arg)
{
    const struct config_block *b = arg;
    struct err err = { "" };
    struct record *r, *again = NULL;

    OOM(r = record_make(b->kind, b->name, NULL, b->edits, b->n, NULL, &err));
    check(r != NULL, &err);
    if (r)
        OOM(again = record_make(b->kind, b->name, r, b->edits, b->n, NULL, &err));
    if (r)
        check(again != NULL, &err);
    record_drop(r);
    record_drop(again);
}

static void records_are_made_whole_or_not_at_all(void **state)
{
    struct config_text *t = blocks();

    for (size_t i = 0; i < t->n; i++)
        oom_each(t->blocks[i].kind->name, making, &t->blocks[i]);
    config_text_free(t);
}

/* ---- lists that are edited ---- */

static void editing(const void *arg)
{
    const struct record *base = arg;
    struct slice texts[] = { SLICE("a.example"), SLICE("more.example") };
    const struct setting *s = setting_find(&partner_kind, SLICE("additional-domains"));
    struct edit edits[] = { { s, EDIT_ADD, texts, 2 }, { s, EDIT_REMOVE, texts, 1 } };
    struct err err = { "" };
    struct record *r;

    OOM(r = record_make(base->kind, base->name, base, edits, 2, NULL, &err));
    check(r != NULL, &err);
    if (r)
        assert_true(record_same(base, r));
    record_drop(r);
}

static void lists_are_edited_whole_or_not_at_all(void **state)
{
    struct config_text *t = blocks();
    const struct config_block *b = &t->blocks[4];
    struct record *r = record_make(b->kind, b->name, NULL, b->edits, b->n, NULL, NULL);

    assert_ptr_equal(b->kind, &partner_kind);
    oom_each("add and remove", editing, r);
    record_drop(r);
    config_text_free(t);
}

/* ---- JSON ---- */

static void reading_json(const void *arg)
{
    json_t *o = json_loads(arg, 0, NULL);
    struct err err = { "" };
    struct arena arena;
    struct edit *edits;
    size_t n;
    int rc;

    assert_non_null(o);
    arena_init(&arena, 1 << 20);
    OOM(rc = json_to_edits(&partner_kind, o, &arena, &edits, &n, NULL, &err));
    check(rc == 0, &err);
    arena_reset(&arena);
    json_decref(o);
}

static void storing_json(const void *arg)
{
    static const char *const body =
        "{\"additional-domains\":[\"a.example\"],\"tls\":\"optional\",\"connection-limit\":5}";
    struct err err = { "" };
    struct record *r;
    json_t *o = NULL;

    OOM(r = record_from_stored(&partner_kind, SLICE("f.example"), slice_str(body), 1, &err));
    check(r != NULL, &err);
    if (!r)
        return;
    OOM(o = record_to_json(r, RECORD_SHOWN));
    assert_true((o != NULL) == !oom_failed());
    json_decref(o);
    record_drop(r);
}

static void json_is_read_whole_or_not_at_all(void **state)
{
    oom_each("json_to_edits", reading_json,
             "{\"connection-limit\":7,\"additional-domains\":{\"add\":[\"a.example\"],\"remove\":[\"b.example\"]},"
             "\"tls\":null}");
    oom_each("record_from_stored", storing_json, NULL);
}

/* ---- the configuration ---- */

struct parts {
    struct record *records[10];
    struct config_step steps[10];
    struct config *empty, *whole;
};

static void parts_init(struct parts *p)
{
    struct config_text *t = blocks();

    for (size_t i = 0; i < 10; i++) {
        const struct config_block *b = &t->blocks[i];
        struct record *r = record_make(b->kind, b->name, NULL, b->edits, b->n, NULL, NULL);

        assert_non_null(r);
        p->records[i] = r;
        p->steps[i] = (struct config_step){ r->kind, r->name, r };
    }
    config_text_free(t);
    p->empty = config_new();
    p->whole = config_next(p->empty, p->steps, 10, 1);
    assert_non_null(p->whole);
}

static void parts_fini(struct parts *p)
{
    for (size_t i = 0; i < 10; i++)
        record_drop(p->records[i]);
    config_drop(p->empty);
    config_drop(p->whole);
}

static void stepping(const void *arg)
{
    const struct parts *p = arg;
    struct config_step back[10];
    struct config *c, *next = NULL;

    OOM(c = config_new());
    assert_true((c != NULL) == !oom_failed());
    if (c)
        OOM(next = config_next(c, p->steps, 10, 1));
    assert_true((next != NULL) == !oom_failed());
    config_drop(c);
    config_drop(next);
    if (oom_failed())
        return;
    for (size_t i = 0; i < 10; i++)
        back[i] = (struct config_step){ p->steps[i].kind, p->steps[i].name, NULL };
    OOM(next = config_next(p->whole, back, 10, 2)); /* what is always there is made anew */
    assert_true((next != NULL) == !oom_failed());
    config_drop(next);
}

static void checking(const void *arg)
{
    const struct parts *p = arg;
    struct err err = { "" };
    int rc;

    OOM(rc = config_check(p->whole, &err));
    check(rc == 0, &err);
}

static void indexing(const void *arg)
{
    const struct parts *p = arg;
    struct policy_index *ix;
    struct policy_verdict v;

    OOM(ix = policy_index_new(p->whole));
    if (!ix) {
        assert_true(oom_failed());
        return;
    }
    policy_index_decide(ix, SLICE("alice@contoso.example"), &v);
    assert_true(slice_is(v.policy, "p"));
    policy_index_decide(ix, SLICE("anna@contoso.example"), &v);
    assert_true(v.allowed);
    policy_index_free(ix);
}

static void the_configuration_is_made_whole_or_not_at_all(void **state)
{
    struct parts p;

    parts_init(&p);
    oom_each("config_next", stepping, &p);
    oom_each("config_check", checking, &p);
    oom_each("policy_index_new", indexing, &p);
    parts_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_bootstrap_file_is_read_whole_or_not_at_all, write_file, remove_file),
        cmocka_unit_test(text_is_read_whole_or_not_at_all),
        cmocka_unit_test(records_are_made_whole_or_not_at_all),
        cmocka_unit_test(lists_are_edited_whole_or_not_at_all),
        cmocka_unit_test(json_is_read_whole_or_not_at_all),
        cmocka_unit_test(the_configuration_is_made_whole_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
