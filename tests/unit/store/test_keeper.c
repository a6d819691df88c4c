/* The keeper: what it refuses and why, what it writes, and others that change the same store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "fake_store.h"
#include "make.h"
#include "store/keeper.h"

/* ---- the rig: a keeper on a store in memory ---- */

struct rig {
    struct store store;
    struct keeper *keeper;
    struct log log;
    char lines[20000];
    size_t n_lines;
    unsigned published;
    uint64_t last; /* seq that was published last */
    const char *refuses;
    struct keeper_outcome out; /* of the last change */
    struct err err;
};

static void on_line(struct log *log, const char *line, size_t n)
{
    struct rig *r = (struct rig *)((char *)log - offsetof(struct rig, log));

    assert_true(r->n_lines + n < sizeof(r->lines));
    memcpy(r->lines + r->n_lines, line, n);
    r->n_lines += n;
    r->lines[r->n_lines] = '\0';
}

static int on_judge(void *owner, struct config *next, struct err *err)
{
    struct rig *r = owner;

    return r->refuses ? err_set(err, "%s", r->refuses) : 0;
}

static void on_publish(void *owner, struct config *next)
{
    struct rig *r = owner;

    assert_true(next->seq > r->last);
    r->last = next->seq;
    r->published++;
}

static int open_keeper(struct rig *r)
{
    static const struct keeper_ops ops = { on_judge, on_publish };
    struct keeper_conf conf = { .store = &r->store, .ops = &ops, .owner = r, .log = &r->log };

    r->keeper = keeper_open(&conf, &r->err);
    return r->keeper ? keeper_watch(r->keeper, &r->err) : -1;
}

static struct rig *rig_new(void)
{
    struct rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    r->log = (struct log){ .level = LOG_LEVEL_INFO, .write = on_line };
    if (open_keeper(r))
        fail_msg("%s", r->err.text);
    return r;
}

static void rig_free(struct rig *r)
{
    keeper_outcome_fini(&r->out);
    keeper_close(r->keeper);
    fake_store_fini(&r->store);
    free(r);
}

/* A request in short: "name", "setting=text;setting=" (without text: reset; a list: one entry). */
struct ask {
    enum request_op op;
    const struct setting_kind *kind;
    const char *name, *values;
    bool conditional;
    uint64_t if_revision;
};

struct asked {
    struct request requests[8];
    struct edit edits[32];
    struct slice texts[32];
};

static void fill(struct asked *a, const struct ask *asks, size_t n)
{
    size_t at = 0;

    assert_true(n <= 8);
    for (size_t i = 0; i < n; i++) {
        struct slice rest = slice_str(asks[i].values), one, key;

        a->requests[i] = (struct request){ .op = asks[i].op,
                                           .kind = asks[i].kind,
                                           .name = slice_str(asks[i].name),
                                           .edits = a->edits + at,
                                           .conditional = asks[i].conditional,
                                           .if_revision = asks[i].if_revision };
        for (; rest.n; at++, a->requests[i].n++) {
            assert_true(at < 32);
            slice_cut(rest, ';', &one, &rest);
            slice_cut(one, '=', &key, &a->texts[at]);
            a->edits[at] = (struct edit){ setting_find(asks[i].kind, key), a->texts[at].n ? EDIT_SET : EDIT_RESET,
                                          &a->texts[at], 1 };
            assert_non_null(a->edits[at].setting);
        }
    }
}

static enum keeper_result change(struct rig *r, const struct ask *asks, size_t n, bool dry, bool strict)
{
    struct asked a;
    struct keeper_change c = { a.requests, n, dry, strict, SLICE("administrator anna"), SLICE("192.0.2.5") };

    fill(&a, asks, n);
    keeper_outcome_fini(&r->out);
    return keeper_change(r->keeper, &c, &r->out, &r->err);
}

static enum keeper_result one(struct rig *r, enum request_op op, const struct setting_kind *kind, const char *name,
                              const char *values)
{
    return change(r, &(struct ask){ op, kind, name, values }, 1, false, false);
}

#define assert_ok(r, result)                                                                                           \
    do {                                                                                                               \
        if ((result) != KEEPER_OK)                                                                                     \
            fail_msg("%s", (r)->err.text);                                                                             \
    } while (0)

static void assert_says(const struct rig *r, const char *says)
{
    if (!strstr(r->err.text, says))
        fail_msg("expected \"%s\", got \"%s\"", says, r->err.text);
}

/* Is it there, with this revision? */
static bool there(struct rig *r, const struct setting_kind *kind, const char *name, uint64_t revision)
{
    struct config *c = keeper_config(r->keeper);
    struct record *found = config_find(c, kind, slice_str(name));
    bool yes = found && found->revision == revision;

    config_drop(c);
    return yes;
}

static void passphrase(struct rig *r, char out[100])
{
    struct config *c = keeper_config(r->keeper);
    struct slice p = config_gateway(c)->dialback_passphrase;

    snprintf(out, 100, "%.*s", SLICE_FMT(p));
    config_drop(c);
}

/* ---- the first start, and the second ---- */

static void the_first_start_makes_a_passphrase(void **state)
{
    struct rig *r = rig_new();
    char first[100], again[100];
    const char *body = fake_store_body(&r->store, "gateway", "");

    passphrase(r, first);
    assert_int_equal(strlen(first), 64);
    assert_int_equal(strspn(first, "0123456789abcdef"), 64);
    assert_non_null(strstr(body, first));
    assert_string_equal(r->store.who, "stoxd");
    assert_string_equal(r->store.from, "first start");
    assert_int_equal(r->store.n_audit, 1);
    assert_null(r->store.audit[0].before);
    assert_string_equal(r->store.audit[0].after, "{\"dialback-passphrase\":\"***\"}");
    keeper_close(r->keeper);
    r->last = 0;
    assert_int_equal(open_keeper(r), 0);
    passphrase(r, again);
    assert_string_equal(first, again);
    assert_int_equal(r->store.commits, 1);
    rig_free(r);
}

/* Two gateways start at the same moment on one store: both end with the same one. */
static void two_first_starts_end_with_one_passphrase(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    char text[100];

    assert_non_null(r);
    r->store.others = 1;
    r->store.other_kind = "gateway";
    r->store.other_name = "";
    r->store.other_body = "{\"dialback-passphrase\":\"sesame\"}";
    assert_int_equal(open_keeper(r), 0);
    passphrase(r, text);
    assert_string_equal(text, "sesame");
    assert_int_equal(r->store.commits, 1);
    rig_free(r);
}

static void a_store_that_does_not_answer_is_no_start(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    r->store.fails = STORE_AWAY;
    assert_int_equal(open_keeper(r), -1);
    assert_says(r, "the database does not answer");
    rig_free(r);
}

/* ---- changes ---- */

static void a_change_is_written_with_its_audit(void **state)
{
    struct rig *r = rig_new();

    assert_ok(r, one(r, REQUEST_NEW, &partner_kind, "Fabrikam.example", "tls=optional;sasl=optional"));
    assert_string_equal(fake_store_body(&r->store, "partner", "fabrikam.example"),
                        "{\"sasl\":\"optional\",\"tls\":\"optional\"}");
    assert_int_equal(r->out.n_changed, 1);
    assert_null(r->out.before[0]);
    assert_int_equal(r->out.after[0]->revision, 2);
    assert_true(there(r, &partner_kind, "fabrikam.example", 2));
    assert_int_equal(r->last, 2);
    assert_ok(r, one(r, REQUEST_SET, &partner_kind, "fabrikam.example", "tls=required;sasl="));
    assert_int_equal(r->out.before[0]->revision, 2);
    assert_int_equal(r->out.after[0]->revision, 3);
    assert_string_equal(r->store.audit[2].before, "{\"sasl\":\"optional\",\"tls\":\"optional\"}");
    assert_string_equal(r->store.audit[2].after, "{\"tls\":\"required\"}");
    assert_string_equal(r->store.who, "administrator anna");
    assert_string_equal(r->store.from, "192.0.2.5");
    assert_ok(r, one(r, REQUEST_REMOVE, &partner_kind, "FABRIKAM.example", ""));
    assert_null(fake_store_body(&r->store, "partner", "fabrikam.example"));
    assert_null(r->out.after[0]);
    assert_null(r->store.audit[3].after);
    assert_false(there(r, &partner_kind, "fabrikam.example", 3));
    rig_free(r);
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    static const struct {
        struct ask ask;
        enum keeper_result result;
        const char *setting, *says;
    } cases[] = {
        { { REQUEST_NEW, &partner_kind, "f.example", "" },
          KEEPER_EXISTS,
          NULL,
          "partner \"f.example\" is already there" },
        { { REQUEST_NEW, &gateway_kind, "", "" }, KEEPER_EXISTS, NULL, "gateway is always there: set it" },
        { { REQUEST_NEW, &policy_kind, "global", "" }, KEEPER_EXISTS, NULL, "policy \"global\" is always there" },
        { { REQUEST_SET, &partner_kind, "g.example", "" },
          KEEPER_NOT_FOUND,
          NULL,
          "partner \"g.example\" is not there" },
        { { REQUEST_REMOVE, &partner_kind, "g.example", "" }, KEEPER_NOT_FOUND, NULL, "is not there" },
        { { REQUEST_REMOVE, &sip_user_kind, "a@c.example", "" }, KEEPER_NOT_FOUND, NULL, "is not there" },
        { { REQUEST_SET, &partner_kind, "no domain", "" }, KEEPER_INVALID, NULL, "partner: \"no domain\" is not" },
        { { REQUEST_SET, &partner_kind, "f.example", "tls=maybe" },
          KEEPER_INVALID,
          "tls",
          "partner \"f.example\": tls: \"maybe\" is not one of" },
        { { REQUEST_SET, &partner_kind, "f.example", "tls=out of memory" }, KEEPER_INVALID, "tls", "is not one of" },
        { { REQUEST_SET, &gateway_kind, "", "hold-time=99" },
          KEEPER_INVALID,
          "hold-time",
          "gateway: hold-time: 99 is not in 4..28 s" },
        { { REQUEST_NEW, &sip_domain_kind, "d.example", "" }, KEEPER_INVALID, "route", "route is missing" },
        { { REQUEST_SET, &partner_kind, "f.example", "tls=not-supported;sasl=not-supported;dialback=no" },
          KEEPER_INVALID,
          NULL,
          "partner \"f.example\": " },
        { { REQUEST_NEW, &sip_domain_kind, "c.example", "route=r" }, KEEPER_INVALID, NULL, "there is no route \"r\"" },
        { { REQUEST_SET, &partner_kind, "f.example", "tls=optional", true, 1 },
          KEEPER_STALE,
          NULL,
          "was changed by somebody else meanwhile" },
        { { REQUEST_REMOVE, &partner_kind, "f.example", "", true, 3 }, KEEPER_STALE, NULL, "was changed" },
        { { REQUEST_PUT, &partner_kind, "f.example", "", true, 0 }, KEEPER_STALE, NULL, "was changed" },
    };
    struct rig *r = rig_new();

    assert_ok(r, one(r, REQUEST_NEW, &partner_kind, "f.example", ""));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum keeper_result result = change(r, &cases[i].ask, 1, false, false);

        if (result != cases[i].result || !strstr(r->err.text, cases[i].says))
            fail_msg("case %zu: %d, \"%s\"", i, result, r->err.text);
        assert_int_equal(r->out.fault, 0);
        assert_int_equal(r->out.setting != NULL, cases[i].setting != NULL);
        if (cases[i].setting)
            assert_string_equal(r->out.setting->name, cases[i].setting);
        assert_int_equal(r->store.seq, 2);
    }
    assert_true(there(r, &partner_kind, "f.example", 2));
    rig_free(r);
}

static void a_condition_that_holds_lets_it_through(void **state)
{
    struct rig *r = rig_new();

    assert_ok(r, change(r, &(struct ask){ REQUEST_PUT, &partner_kind, "f.example", "", true, 0 }, 1, false, false));
    assert_ok(r, change(r, &(struct ask){ REQUEST_SET, &partner_kind, "f.example", "description=x", true, 2 }, 1, false,
                        false));
    assert_ok(r, change(r, &(struct ask){ REQUEST_REMOVE, &partner_kind, "f.example", "", true, 3 }, 1, false, false));
    assert_ok(r, change(r, &(struct ask){ REQUEST_SET, &org_kind, "", "federation=on", true, 0 }, 1, false, false));
    rig_free(r);
}

static void what_makes_no_difference_is_not_written(void **state)
{
    struct rig *r = rig_new();
    const struct ask there_and_back[] = { { REQUEST_NEW, &policy_kind, "p", "xmpp=yes" },
                                          { REQUEST_REMOVE, &policy_kind, "p", "" } };

    assert_ok(r, one(r, REQUEST_NEW, &partner_kind, "f.example", "tls=optional"));
    assert_int_equal(r->store.commits, 2);
    assert_ok(r, one(r, REQUEST_SET, &partner_kind, "f.example", "tls=Optional"));
    assert_int_equal(r->out.n_changed, 0);
    assert_ok(r, one(r, REQUEST_PUT, &partner_kind, "F.example.", "tls=optional"));
    assert_ok(r, one(r, REQUEST_REMOVE, &policy_kind, "global", ""));
    assert_ok(r, one(r, REQUEST_SET, &sip_user_kind, "a@c.example", "policy="));
    assert_ok(r, one(r, REQUEST_SET, &gateway_kind, "", ""));
    assert_ok(r, change(r, there_and_back, 2, false, false));
    assert_ok(r, change(r, NULL, 0, false, false));
    assert_int_equal(r->store.commits, 2);
    assert_int_equal(r->published, 2);
    rig_free(r);
}

static void a_dry_change_changes_nothing(void **state)
{
    struct rig *r = rig_new();
    const struct ask ask = { REQUEST_NEW, &partner_kind, "f.example", "tls=optional" };

    assert_ok(r, change(r, &ask, 1, true, false));
    assert_int_equal(r->out.n_changed, 1);
    assert_non_null(r->out.after[0]);
    assert_int_equal(r->out.warnings.n, 1);
    assert_false(there(r, &partner_kind, "f.example", 2));
    assert_int_equal(r->store.commits, 1);
    assert_int_equal(r->published, 1);
    r->refuses = "the certificate cannot be read";
    assert_int_equal(change(r, &ask, 1, true, false), KEEPER_INVALID);
    assert_string_equal(r->err.text, "the certificate cannot be read");
    assert_int_equal(change(r, &ask, 1, false, false), KEEPER_INVALID);
    assert_int_equal(r->store.commits, 1);
    rig_free(r);
}

static void strict_refuses_what_the_control_panel_refused(void **state)
{
    struct rig *r = rig_new();
    const struct ask rows[] = { { REQUEST_PUT, &partner_kind, "f.example", "tls=not-supported" },
                                { REQUEST_PUT, &partner_kind, "f.example", "tls=not-supported;sasl=optional" } };

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(change(r, &rows[i], 1, false, true), KEEPER_INVALID);
        assert_says(r, "SASL works only over TLS");
        assert_ok(r, change(r, &rows[i], 1, false, false));
        assert_int_equal(r->out.warnings.n, 1);
        assert_true(slice_starts(buf_slice(&r->out.warnings.text), SLICE("partner \"f.example\": ")));
    }
    rig_free(r);
}

/* ---- several at once ---- */

static void a_batch_is_one_change(void **state)
{
    struct rig *r = rig_new();
    const struct ask asks[] = { { REQUEST_SET, &sip_user_kind, "a@c.example", "policy=p" },
                                { REQUEST_NEW, &policy_kind, "p", "federation=yes" },
                                { REQUEST_SET, &policy_kind, "p", "xmpp=yes" },
                                { REQUEST_SET, &org_kind, "", "federation=on" } };

    assert_ok(r, change(r, asks, 4, false, false));
    assert_int_equal(r->out.n_changed, 3);
    assert_int_equal(r->store.commits, 2);
    assert_int_equal(r->published, 2);
    assert_string_equal(fake_store_body(&r->store, "policy", "p"), "{\"federation\":true,\"xmpp\":true}");
    for (size_t i = 0; i < 4; i++) {
        assert_null(i < 3 ? r->out.before[i] : NULL);
        assert_int_equal(r->out.after[i]->revision, 2);
    }
    assert_true(
        ((const struct policy *)r->out.after[1]->object)->xmpp); /* what it came to, not what it was on the way */
    rig_free(r);
}

static void a_batch_with_a_fault_changes_nothing(void **state)
{
    struct rig *r = rig_new();
    const struct ask asks[] = { { REQUEST_NEW, &policy_kind, "p", "" },
                                { REQUEST_NEW, &policy_kind, "q", "" },
                                { REQUEST_NEW, &policy_kind, "p", "" },
                                { REQUEST_NEW, &policy_kind, "s", "" } };

    assert_int_equal(change(r, asks, 4, false, false), KEEPER_EXISTS);
    assert_int_equal(r->out.fault, 2);
    assert_false(there(r, &policy_kind, "p", 2));
    assert_int_equal(r->store.commits, 1);
    rig_free(r);
}

static void many_changes_are_one(void **state)
{
    enum { N = 2000 };
    struct rig *r = rig_new();
    struct request *requests = calloc(N, sizeof(*requests));
    char(*names)[32] = calloc(N, 32);
    struct slice on = SLICE("yes");
    struct edit edit = { setting_find(&sip_user_kind, SLICE("served")), EDIT_SET, &on, 1 };
    struct keeper_change c = { requests, N, false, false, SLICE("unix"), SLICE("unix") };
    struct config *config;

    assert_non_null(requests);
    assert_non_null(names);
    for (unsigned i = 0; i < N; i++) {
        snprintf(names[i], 32, "user%u@c.example", i);
        requests[i] = (struct request){ REQUEST_SET, &sip_user_kind, slice_str(names[i]), &edit, 1, false, 0 };
    }
    assert_ok(r, keeper_change(r->keeper, &c, &r->out, &r->err));
    assert_int_equal(r->out.n_changed, N);
    config = keeper_config(r->keeper);
    assert_int_equal(config_list(config, &sip_user_kind)->n, N);
    config_drop(config);
    assert_int_equal(r->store.seq, 2);
    free(requests);
    free(names);
    rig_free(r);
}

/* ---- the kinds' own ways ---- */

static void users_are_made_and_removed_by_what_is_set(void **state)
{
    struct rig *r = rig_new();

    assert_ok(r, one(r, REQUEST_NEW, &policy_kind, "p", ""));
    assert_ok(r, one(r, REQUEST_SET, &sip_user_kind, "Alice@c.example", "policy=p"));
    assert_true(there(r, &sip_user_kind, "alice@c.example", 3));
    assert_ok(r, one(r, REQUEST_SET, &sip_user_kind, "alice@c.example", "served=no"));
    assert_ok(r, one(r, REQUEST_SET, &sip_user_kind, "alice@c.example", "policy="));
    assert_true(there(r, &sip_user_kind, "alice@c.example", 5));
    assert_ok(r, one(r, REQUEST_SET, &sip_user_kind, "alice@c.example", "served="));
    assert_null(fake_store_body(&r->store, "sip-user", "alice@c.example"));
    assert_null(r->out.after[0]);
    assert_int_equal(one(r, REQUEST_REMOVE, &policy_kind, "p", ""), KEEPER_OK);
    rig_free(r);
}

static void what_is_in_use_cannot_be_removed(void **state)
{
    struct rig *r = rig_new();

    assert_ok(r, one(r, REQUEST_NEW, &policy_kind, "p", ""));
    assert_ok(r, one(r, REQUEST_SET, &sip_user_kind, "alice@c.example", "policy=p"));
    assert_int_equal(one(r, REQUEST_REMOVE, &policy_kind, "p", ""), KEEPER_INVALID);
    assert_says(r, "sip-user \"alice@c.example\": there is no policy \"p\"");
    rig_free(r);
}

static void what_is_always_there_gets_its_defaults(void **state)
{
    struct rig *r = rig_new();

    assert_ok(r, one(r, REQUEST_SET, &policy_kind, "global", "xmpp=yes"));
    assert_true(there(r, &policy_kind, "global", 2));
    assert_ok(r, one(r, REQUEST_REMOVE, &policy_kind, "global", ""));
    assert_int_equal(r->out.n_changed, 1);
    assert_true(there(r, &policy_kind, "global", 0));
    assert_null(fake_store_body(&r->store, "policy", "global"));
    rig_free(r);
}

static void a_put_keeps_secrets_that_are_not_given(void **state)
{
    struct rig *r = rig_new();
    char text[100];

    assert_ok(r, one(r, REQUEST_SET, &gateway_kind, "", "dialback-passphrase=sesame;hold-time=9"));
    assert_ok(r, one(r, REQUEST_PUT, &gateway_kind, "", "connection-limit=5"));
    passphrase(r, text);
    assert_string_equal(text, "sesame");
    assert_string_equal(fake_store_body(&r->store, "gateway", ""),
                        "{\"connection-limit\":5,\"dialback-passphrase\":\"sesame\"}");
    assert_ok(r, one(r, REQUEST_PUT, &gateway_kind, "", "dialback-passphrase=***"));
    passphrase(r, text);
    assert_string_equal(text, "sesame");
    assert_ok(r, one(r, REQUEST_PUT, &gateway_kind, "", "dialback-passphrase=open"));
    passphrase(r, text);
    assert_string_equal(text, "open");
    /* The audit says that it is another one, and neither. */
    assert_string_equal(r->store.audit[r->store.n_audit - 1].before, "{\"dialback-passphrase\":\"***\"}");
    assert_string_equal(r->store.audit[r->store.n_audit - 1].after, "{\"dialback-passphrase\":\"*** (another one)\"}");
    rig_free(r);
}

static void there_is_never_no_passphrase(void **state)
{
    const struct ask asks[] = { { REQUEST_SET, &gateway_kind, "", "dialback-passphrase=" },
                                { REQUEST_REMOVE, &gateway_kind, "", "" },
                                { REQUEST_PUT, &gateway_kind, "", "dialback-passphrase=" } };
    struct rig *r = rig_new();
    char before[100], after[100];

    for (size_t i = 0; i < 3; i++) {
        passphrase(r, before);
        assert_ok(r, change(r, &asks[i], 1, false, false));
        passphrase(r, after);
        assert_int_equal(strlen(after), 64);
        assert_string_not_equal(before, after);
        for (size_t k = 0; k < r->store.n_audit; k++)
            assert_null(strstr(r->store.audit[k].after, after));
    }
    rig_free(r);
}

/* ---- others on the same store ---- */

static void a_change_of_another_node_counts_first(void **state)
{
    struct rig *r = rig_new();
    const struct ask stale = { REQUEST_SET, &partner_kind, "f.example", "sasl=optional", true, 3 };

    r->store.reserves = true;
    r->store.others = 3;
    r->store.other_kind = "partner";
    r->store.other_name = "f.example";
    r->store.other_body = "{\"tls\":\"optional\"}";
    assert_ok(r, one(r, REQUEST_PUT, &policy_kind, "p", ""));
    assert_int_equal(r->store.commits, 3); /* its passphrase, one that came too late, one in its turn */
    assert_true(there(r, &partner_kind, "f.example", 2));
    assert_true(there(r, &policy_kind, "p", 3));
    r->store.others = 1;
    r->store.other_kind = "policy";
    assert_ok(r, one(r, REQUEST_SET, &partner_kind, "f.example", "description=x"));
    assert_string_equal(fake_store_body(&r->store, "partner", "f.example"),
                        "{\"description\":\"x\",\"tls\":\"optional\"}");
    assert_int_equal(change(r, &stale, 1, false, false), KEEPER_STALE);
    rig_free(r);
}

static void one_who_is_overtaken_is_told(void **state)
{
    struct rig *r = rig_new();

    r->store.others = 1;
    r->store.other_kind = "policy";
    r->store.other_name = "p";
    r->store.other_body = "{}";
    assert_int_equal(one(r, REQUEST_NEW, &policy_kind, "p", "xmpp=yes"), KEEPER_EXISTS);
    r->store.others = 100; /* and nothing holds them back */
    assert_ok(r, one(r, REQUEST_SET, &policy_kind, "p", "xmpp=yes"));
    assert_int_equal(r->store.others, 0);
    rig_free(r);
}

static void what_another_node_changed_is_seen(void **state)
{
    struct rig *r = rig_new();

    fake_store_other(&r->store, "partner", "f.example", "{\"tls\":\"optional\"}");
    r->store.watch.changed(r->store.watch.arg);
    assert_true(there(r, &partner_kind, "f.example", 2));
    assert_int_equal(r->last, 2);
    fake_store_other(&r->store, "partner", "f.example", NULL);
    fake_store_other(&r->store, "policy", "global", "{\"xmpp\":true}");
    r->store.watch.changed(r->store.watch.arg);
    assert_false(there(r, &partner_kind, "f.example", 2));
    assert_true(there(r, &policy_kind, "global", 4));
    fake_store_other(&r->store, "policy", "global", NULL);
    r->store.watch.changed(r->store.watch.arg);
    assert_true(there(r, &policy_kind, "global", 0));
    assert_int_equal(r->published, 4);
    r->store.watch.changed(r->store.watch.arg); /* nothing new: nothing published */
    assert_int_equal(r->published, 4);
    rig_free(r);
}

/* ---- several threads ---- */

enum { HANDS = 4, EACH = 40 };

struct hand {
    struct rig *rig;
    unsigned number;
    pthread_t thread;
};

/* cmocka's checks are for the main thread: what went wrong is the return value. */
static void *work(void *arg)
{
    const struct hand *h = arg;

    for (unsigned i = 0; i < EACH; i++) {
        char name[32];
        struct request request = { .op = REQUEST_NEW, .kind = &policy_kind };
        struct keeper_change c = { &request, 1, false, false, SLICE("a"), SLICE("b") };
        struct keeper_outcome out;
        enum keeper_result result;
        struct config *seen;
        struct err err;
        bool there;

        snprintf(name, sizeof(name), "p%u-%u", h->number, i);
        request.name = slice_str(name);
        result = keeper_change(h->rig->keeper, &c, &out, &err);
        keeper_outcome_fini(&out);
        seen = keeper_config(h->rig->keeper);
        there = config_find(seen, &policy_kind, request.name) != NULL;
        config_drop(seen);
        if (result != KEEPER_OK || !there)
            return arg;
    }
    return NULL;
}

static void many_hands_change_and_look_at_once(void **state)
{
    struct rig *r = rig_new();
    struct hand hands[HANDS];
    struct config *c;

    for (unsigned i = 0; i < HANDS; i++) {
        hands[i] = (struct hand){ .rig = r, .number = i };
        assert_int_equal(pthread_create(&hands[i].thread, NULL, work, &hands[i]), 0);
    }
    for (unsigned i = 0; i < HANDS; i++) {
        void *fault;

        pthread_join(hands[i].thread, &fault);
        assert_null(fault);
    }
    c = keeper_config(r->keeper);
    assert_int_equal(config_list(c, &policy_kind)->n, HANDS * EACH + 1);
    assert_int_equal(c->seq, HANDS * EACH + 1);
    assert_int_equal(r->published, HANDS * EACH + 1);
    config_drop(c);
    rig_free(r);
}

/* ---- what is in the store and should not be ---- */

static void rows_that_make_no_sense_do_not_count(void **state)
{
    static const struct {
        const char *kind, *name, *body, *says;
    } rows[] = {
        { "unicorn", "a", "{}", "stored-object-unknown" },
        { "partners", "a.example", "{}", "stored-object-unknown" },
        { "partner", "a.example", "{", "no JSON" },
        { "partner", "b.example", "[]", "an object with settings is expected" },
        { "partner", "c.example", "{\"tls\":\"\x1b[31m\"}", "no JSON" },
        { "partner", "d.example", "{\"tls\":\"maybe\"}", "is not one of" },
        { "partner", "E.example", "{}", "its name is not in normal form" },
        { "partner", "xn--bcher-kva.example", "{}", "its name is not in normal form" },
        { "partner", "", "{}", "domain is missing" },
        { "sip-domain", "d.example", "{}", "route is missing" },
        { "gateway", "x", "{}", "without a name" },
        { "partner", "f.example", "{\"tls\":\"required\",\"tls\":\"optional\"}", "duplicate" },
        { "partner", "g.example", "{\"\x1b\":1}", "no JSON" },
        { "partner", "h.example", "{\"a\\u001b[31mb\":1}", "there is no setting" },
    };
    struct rig *r = rig_new();
    struct config *c;

    fake_store_other(&r->store, "partner", "good.example", "{}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r->n_lines = 0;
        fake_store_other(&r->store, rows[i].kind, rows[i].name, rows[i].body);
        r->store.watch.changed(r->store.watch.arg);
        if (!strstr(r->lines, rows[i].says))
            fail_msg("case %zu: expected \"%s\", got \"%s\"", i, rows[i].says, r->lines);
        assert_null(strchr(r->lines, '\x1b'));
    }
    c = keeper_config(r->keeper);
    assert_int_equal(config_list(c, &partner_kind)->n, 1);
    assert_int_equal(config_list(c, &route_kind)->n, 0);
    config_drop(c);
    keeper_close(r->keeper);
    r->last = 0;
    assert_int_equal(open_keeper(r), 0);
    assert_true(there(r, &partner_kind, "good.example", 2));
    rig_free(r);
}

static void objects_that_do_not_fit_together_are_told_and_used(void **state)
{
    struct rig *r = rig_new();

    fake_store_other(&r->store, "sip-user", "a@c.example", "{\"policy\":\"lost\"}");
    r->store.watch.changed(r->store.watch.arg);
    assert_non_null(strstr(r->lines, "stored-configuration"));
    assert_non_null(strstr(r->lines, "there is no policy"));
    assert_true(there(r, &sip_user_kind, "a@c.example", 2));
    rig_free(r);
}

/* ---- the store fails ---- */

static void changes_are_refused_while_the_store_is_away(void **state)
{
    static const enum store_result results[] = { STORE_AWAY, STORE_FULL, STORE_FAULT, STORE_NO_MEMORY };
    struct rig *r = rig_new();
    char why[200];

    for (size_t i = 0; i < 4; i++) {
        r->store.fails = results[i];
        assert_int_equal(one(r, REQUEST_SET, &org_kind, "", "federation=on"),
                         results[i] == STORE_NO_MEMORY ? KEEPER_NO_MEMORY : KEEPER_AWAY);
        if (results[i] != STORE_NO_MEMORY) /* only of one that is away it may be unknown what became of the change */
            assert_non_null(strstr(r->err.text, results[i] == STORE_AWAY
                                                    ? "the database does not"
                                                    : "nothing was changed: the database does not"));
        assert_true(there(r, &org_kind, "", 0));
    }
    assert_int_equal(r->published, 1);
    assert_non_null(keeper_away(r->keeper, why, sizeof(why)));
    assert_non_null(strstr(why, "the database does not answer"));
    assert_non_null(strstr(r->lines, "store-away"));
    r->store.fails = STORE_OK;
    assert_ok(r, one(r, REQUEST_SET, &org_kind, "", "federation=on"));
    assert_null(keeper_away(r->keeper, why, sizeof(why)));
    assert_non_null(strstr(r->lines, "store-back"));
    rig_free(r);
}

static void the_loss_of_the_store_is_told_once(void **state)
{
    struct rig *r = rig_new();
    char why[10];

    assert_null(keeper_away(r->keeper, why, sizeof(why)));
    r->store.watch.away(r->store.watch.arg, "connection refused");
    r->store.watch.away(r->store.watch.arg, "connection refused");
    assert_string_equal(keeper_away(r->keeper, why, sizeof(why)), "connectio");
    assert_non_null(strstr(r->lines, "store-away"));
    assert_null(strstr(strstr(r->lines, "store-away") + 1, "store-away"));
    r->store.watch.changed(r->store.watch.arg);
    assert_null(keeper_away(r->keeper, why, sizeof(why)));
    r->store.fails = STORE_FAULT;
    r->store.watch.changed(r->store.watch.arg);
    assert_non_null(keeper_away(r->keeper, why, sizeof(why)));
    rig_free(r);
}

static int on_audit(void *arg, const struct store_audit_row *row, struct err *err)
{
    *(unsigned *)arg += 1;
    return 0;
}

static void the_audit_is_the_stores(void **state)
{
    struct rig *r = rig_new();
    struct store_audit_query q = { .limit = 10 };
    unsigned n = 0;

    assert_ok(r, one(r, REQUEST_SET, &org_kind, "", "federation=on"));
    assert_ok(r, keeper_audit(r->keeper, &q, on_audit, &n, &r->err));
    assert_int_equal(n, 2);
    r->store.fails = STORE_AWAY;
    assert_int_equal(keeper_audit(r->keeper, &q, on_audit, &n, &r->err), KEEPER_AWAY);
    rig_free(r);
}

/* What changes nothing is in the audit, and nobody is told of a new configuration; changes go on from there. */
static void a_note_is_in_the_audit_and_changes_nothing(void **state)
{
    const struct keeper_note note = { .action = "trace",
                                      .kind = SLICE("trace"),
                                      .name = SLICE("alice@contoso.example"),
                                      .after = SLICE("{\"bodies\":false}"),
                                      .who = SLICE("user:anna"),
                                      .from = SLICE("192.0.2.5") };
    struct rig *r = rig_new();
    unsigned published = r->published;

    assert_int_equal(keeper_note(r->keeper, &note, &r->err), KEEPER_OK);
    assert_int_equal(r->published, published);
    assert_string_equal(r->store.who, "user:anna");
    assert_string_equal(r->store.audit[1].after, "{\"bodies\":false}");
    assert_null(fake_store_body(&r->store, "trace", "alice@contoso.example"));
    r->store.others = 1; /* another node is faster */
    r->store.other_kind = "partner";
    r->store.other_name = "fabrikam.example";
    r->store.other_body = "{}";
    assert_int_equal(keeper_note(r->keeper, &note, &r->err), KEEPER_OK);
    assert_ok(r, one(r, REQUEST_NEW, &partner_kind, "wingtip.example", ""));
    assert_true(there(r, &partner_kind, "wingtip.example", r->store.seq));
    r->store.fails = STORE_AWAY;
    assert_int_equal(keeper_note(r->keeper, &note, &r->err), KEEPER_AWAY);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_start_makes_a_passphrase),
        cmocka_unit_test(two_first_starts_end_with_one_passphrase),
        cmocka_unit_test(a_store_that_does_not_answer_is_no_start),
        cmocka_unit_test(a_change_is_written_with_its_audit),
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
        cmocka_unit_test(a_condition_that_holds_lets_it_through),
        cmocka_unit_test(what_makes_no_difference_is_not_written),
        cmocka_unit_test(a_dry_change_changes_nothing),
        cmocka_unit_test(strict_refuses_what_the_control_panel_refused),
        cmocka_unit_test(a_batch_is_one_change),
        cmocka_unit_test(a_batch_with_a_fault_changes_nothing),
        cmocka_unit_test(many_changes_are_one),
        cmocka_unit_test(users_are_made_and_removed_by_what_is_set),
        cmocka_unit_test(what_is_in_use_cannot_be_removed),
        cmocka_unit_test(what_is_always_there_gets_its_defaults),
        cmocka_unit_test(a_put_keeps_secrets_that_are_not_given),
        cmocka_unit_test(there_is_never_no_passphrase),
        cmocka_unit_test(a_change_of_another_node_counts_first),
        cmocka_unit_test(one_who_is_overtaken_is_told),
        cmocka_unit_test(what_another_node_changed_is_seen),
        cmocka_unit_test(many_hands_change_and_look_at_once),
        cmocka_unit_test(rows_that_make_no_sense_do_not_count),
        cmocka_unit_test(objects_that_do_not_fit_together_are_told_and_used),
        cmocka_unit_test(changes_are_refused_while_the_store_is_away),
        cmocka_unit_test(the_loss_of_the_store_is_told_once),
        cmocka_unit_test(a_note_is_in_the_audit_and_changes_nothing),
        cmocka_unit_test(the_audit_is_the_stores),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
