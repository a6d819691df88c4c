/* The keeper with memory running out: a change is refused whole, for want of memory, and what counted before still counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../unit/store/fake_store.h"
#include "oom.h"
#include "store/keeper.h"

static void fill(struct store *s)
{
    *s = (struct store){ 0 };
    fake_store_other(s, "gateway", "", "{\"dialback-passphrase\":\"sesame\"}");
    fake_store_other(s, "policy", "p", "{\"xmpp\":true}");
    fake_store_other(s, "partner", "f.example", "{\"additional-domains\":[\"a.example\"]}");
}

static struct keeper *open_keeper(struct store *s, struct err *err)
{
    struct keeper_conf conf = { .store = s };

    return keeper_open(&conf, err);
}

static void opening(const void *arg)
{
    struct err err = { "" };
    struct store store;
    struct config *c;
    struct keeper *k;

    fill(&store);
    OOM(k = open_keeper(&store, &err));
    if (k) { /* a warning may have been lost, objects may not */
        c = keeper_config(k);
        assert_non_null(config_find(c, &partner_kind, SLICE("f.example")));
        config_drop(c);
    } else {
        assert_true(oom_failed() && err.memory);
    }
    keeper_close(k);
    fake_store_fini(&store);
}

/* The last thing that can fail is the store, which does: so all was tried, and nothing may have changed. */
static void changing(const void *arg)
{
    struct slice domain = SLICE("b.example"), policy = SLICE("p"), ten = SLICE("10");
    struct edit edits[] = { { setting_find(&partner_kind, SLICE("additional-domains")), EDIT_ADD, &domain, 1 },
                            { setting_find(&sip_user_kind, SLICE("policy")), EDIT_SET, &policy, 1 },
                            { setting_find(&gateway_kind, SLICE("hold-time")), EDIT_SET, &ten, 1 } };
    struct request requests[] = {
        { REQUEST_SET, &partner_kind, SLICE("f.example"), &edits[0], 1, false, 0 },
        { REQUEST_SET, &sip_user_kind, SLICE("alice@c.example"), &edits[1], 1, false, 0 },
        { REQUEST_PUT, &gateway_kind, SLICE(""), &edits[2], 1, false, 0 },
    };
    struct keeper_change change = { requests, 3, false, false, SLICE("anna"), SLICE("unix") };
    struct keeper_outcome out;
    struct config *before, *after;
    enum keeper_result result;
    struct err err = { "" };
    struct store store;
    struct keeper *k;

    fill(&store);
    k = open_keeper(&store, &err);
    assert_non_null(k);
    before = keeper_config(k);
    store.fails = STORE_FAULT;
    OOM(result = keeper_change(k, &change, &out, &err));
    if (result == KEEPER_AWAY)
        assert_int_equal(store.commits, 1);
    else if (result != KEEPER_NO_MEMORY || !oom_failed() || !err.memory)
        fail_msg("%d: %s", result, err.text);
    after = keeper_config(k);
    assert_ptr_equal(before, after);
    config_drop(before);
    config_drop(after);
    keeper_outcome_fini(&out);
    keeper_close(k);
    fake_store_fini(&store);
}

static void the_keeper_opens_whole_or_not_at_all(void **state)
{
    oom_each("keeper_open", opening, NULL);
}

static void a_change_is_whole_or_refused_for_memory(void **state)
{
    oom_each("keeper_change", changing, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_keeper_opens_whole_or_not_at_all),
        cmocka_unit_test(a_change_is_whole_or_refused_for_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
