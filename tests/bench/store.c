/*
 * The store at its full size: how long a node takes to load it, and what a change costs. Prints one JSON object.
 *
 *     bench-store URL PARTNERS USERS CHANGES
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "store/keeper.h"

#define BATCH 5000
#define LOADS 5

static void fail(const struct err *err)
{
    fprintf(stderr, "bench-store: %s\n", err->text);
    exit(1);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct store *open_store(const char *url)
{
    const struct store_conf conf = { .url = url };
    struct err err = { "" };
    struct store *s = store_open(&conf, &err);

    if (!s)
        fail(&err);
    return s;
}

static struct keeper *open_keeper(struct store *s)
{
    const struct keeper_conf conf = { .store = s };
    struct err err = { "" };
    struct keeper *k = keeper_open(&conf, &err);

    if (!k)
        fail(&err);
    return k;
}

/* ---- filling ---- */

struct texts {
    char name[100], body[200];
};

static void partner_texts(struct texts *t, unsigned i)
{
    snprintf(t->name, sizeof(t->name), "partner%u.example", i);
    snprintf(t->body, sizeof(t->body),
             "{\"additional-domains\":[\"a.partner%u.example\",\"b.partner%u.example\"],\"description\":\"Partner %u\","
             "\"type\":\"federated\"}",
             i, i, i);
}

static void user_texts(struct texts *t, unsigned i)
{
    snprintf(t->name, sizeof(t->name), "user%u@contoso.example", i);
    snprintf(t->body, sizeof(t->body), "{\"policy\":\"remote\"}");
}

static uint64_t put(struct store *s, uint64_t seq, struct store_write *writes, size_t n)
{
    const struct store_commit c = {
        .seq = seq, .writes = writes, .n = n, .who = SLICE("bench"), .from = SLICE("unix")
    };
    struct err err = { "" };

    if (store_commit(s, &c, &seq, &err) != STORE_OK)
        fail(&err);
    return seq;
}

static uint64_t fill_kind(struct store *s, uint64_t seq, const char *kind, unsigned count,
                          void (*make)(struct texts *t, unsigned i))
{
    struct texts *texts = calloc(BATCH, sizeof(*texts));
    struct store_write *writes = calloc(BATCH, sizeof(*writes));

    for (unsigned i = 0; i < count;) {
        size_t n = 0;

        for (; n < BATCH && i < count; n++, i++) {
            struct slice body;

            make(&texts[n], i);
            body = slice_str(texts[n].body);
            writes[n] = (struct store_write){ slice_str(kind), slice_str(texts[n].name), body, { NULL, 0 }, body };
        }
        seq = put(s, seq, writes, n);
    }
    free(texts);
    free(writes);
    return seq;
}

/* What a first start writes is there afterwards. The number of the last change. */
static uint64_t start_once(const char *url)
{
    struct store *s = open_store(url);
    struct keeper *k = open_keeper(s);
    struct config *c = keeper_config(k);
    uint64_t seq = c->seq;

    config_drop(c);
    store_close(s);
    keeper_close(k);
    return seq;
}

static double fill(const char *url, unsigned partners, unsigned users)
{
    uint64_t seq = start_once(url);
    struct store *s = open_store(url);
    struct store_write policy = {
        SLICE("policy"), SLICE("remote"), SLICE("{\"xmpp\":true}"), { NULL, 0 }, SLICE("{\"xmpp\":true}")
    };
    double began = now_s();

    seq = put(s, seq, &policy, 1);
    seq = fill_kind(s, seq, "partner", partners, partner_texts);
    fill_kind(s, seq, "sip-user", users, user_texts);
    began = now_s() - began;
    store_close(s);
    return began;
}

/* ---- measuring ---- */

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void check_sizes(struct keeper *k, unsigned partners, unsigned users)
{
    struct config *c = keeper_config(k);

    if (config_list(c, &partner_kind)->n != partners || config_list(c, &sip_user_kind)->n != users) {
        fprintf(stderr, "bench-store: %zu partners and %zu users were loaded\n", config_list(c, &partner_kind)->n,
                config_list(c, &sip_user_kind)->n);
        exit(1);
    }
    config_drop(c);
}

static double load_s(const char *url, unsigned partners, unsigned users)
{
    double took[LOADS];

    for (unsigned i = 0; i < LOADS; i++) {
        double began = now_s();
        struct store *s = open_store(url);
        struct keeper *k = open_keeper(s);

        took[i] = now_s() - began;
        check_sizes(k, partners, users);
        store_close(s);
        keeper_close(k);
    }
    qsort(took, LOADS, sizeof(*took), by_size);
    return took[LOADS / 2];
}

/* A description is changed, through all that a change goes through. */
static void change_once(struct keeper *k, unsigned i)
{
    char text[40];
    struct slice value = slice_of(text, (size_t)snprintf(text, sizeof(text), "Number %u", i));
    const struct edit edit = {
        .setting = setting_find(&partner_kind, SLICE("description")), .op = EDIT_SET, .texts = &value, .n = 1
    };
    const struct request r = {
        .op = REQUEST_SET, .kind = &partner_kind, .name = SLICE("partner0.example"), .edits = &edit, .n = 1
    };
    const struct keeper_change c = { .requests = &r, .n = 1, .who = SLICE("bench"), .from = SLICE("unix") };
    struct keeper_outcome outcome;
    struct err err = { "" };

    if (keeper_change(k, &c, &outcome, &err) != KEEPER_OK)
        fail(&err);
    keeper_outcome_fini(&outcome);
}

static double *change_s(const char *url, unsigned changes)
{
    double *took = calloc(changes, sizeof(*took));
    struct store *s = open_store(url);
    struct keeper *k = open_keeper(s);

    for (unsigned i = 0; i < changes; i++) {
        double began = now_s();

        change_once(k, i);
        took[i] = now_s() - began;
    }
    store_close(s);
    keeper_close(k);
    qsort(took, changes, sizeof(*took), by_size);
    return took;
}

/* The store alone: one object in one change. */
static double *commit_s(const char *url, unsigned changes)
{
    struct store_write w = { SLICE("policy"), SLICE("remote"), SLICE("{}"), SLICE("{}"), SLICE("{}") };
    double *took = calloc(changes, sizeof(*took));
    uint64_t seq = start_once(url);
    struct store *s = open_store(url);

    for (unsigned i = 0; i < changes; i++) {
        double began = now_s();

        seq = put(s, seq, &w, 1);
        took[i] = now_s() - began;
    }
    store_close(s);
    qsort(took, changes, sizeof(*took), by_size);
    return took;
}

int main(int argc, char **argv)
{
    unsigned partners = argc > 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    unsigned users = argc > 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    unsigned changes = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
    struct rusage usage;
    double filled, loaded, *changed, *committed;

    if (argc < 5 || changes == 0) {
        fprintf(stderr, "usage: bench-store URL PARTNERS USERS CHANGES\n");
        return 2;
    }
    filled = fill(argv[1], partners, users);
    loaded = load_s(argv[1], partners, users);
    changed = change_s(argv[1], changes);
    committed = commit_s(argv[1], changes);
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"fill_s\": %.3f, \"load_s\": %.3f, \"change_p50_ms\": %.3f, \"change_p99_ms\": %.3f, "
           "\"commit_p50_ms\": %.3f, \"commit_p99_ms\": %.3f, \"rss_max_kib\": %ld}\n",
           filled, loaded, changed[changes / 2] * 1e3, changed[changes * 99 / 100] * 1e3, committed[changes / 2] * 1e3,
           committed[changes * 99 / 100] * 1e3, usage.ru_maxrss);
    free(changed);
    free(committed);
    return 0;
}
