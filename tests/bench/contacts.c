/*
 * A million contacts: what they take, how long a start takes, what a look-up and a change cost. Prints one JSON object.
 *
 *     bench-contacts URL CONTACTS
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bridge/contact_parts.h"
#include "store/config.h"

#define BATCH 5000
#define LOOKS 2000000
#define CHANGES 20000
#define ALONE 200
#define PER_LOCAL 10 /* contacts of a SIP user */
#define PER_REMOTE 4 /* of a partner's user */

static void fail(const char *what)
{
    fprintf(stderr, "bench-contacts: %s\n", what);
    exit(1);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of this thread: others may want the processor too. */
static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct names {
    char local[60], remote[60];
};

static void names_of(struct names *n, unsigned i, unsigned count)
{
    unsigned friend = i % (count / PER_REMOTE);

    snprintf(n->local, sizeof(n->local), "employee.%u@contoso.example", i / PER_LOCAL);
    snprintf(n->remote, sizeof(n->remote), "friend.%u@partner%u.example", friend, friend % 100);
}

/* ---- in the store ---- */

static double fill(const char *url, unsigned count)
{
    const struct store_conf conf = { .url = url };
    struct names *names = calloc(BATCH, sizeof(*names));
    struct store_contact *rows = calloc(BATCH, sizeof(*rows));
    struct err err = { "" };
    struct store *s = store_open(&conf, &err);
    double began = now_s();
    uint64_t before;

    for (unsigned i = 0; s && i < count;) {
        size_t n = 0;

        for (; n < BATCH && i < count; n++, i++) {
            names_of(&names[n], i, count);
            rows[n] = (struct store_contact){ .local = slice_str(names[n].local),
                                              .remote = slice_str(names[n].remote),
                                              .x2s = 2,
                                              .s2x = 2,
                                              .x2s_since_s = 1700000000,
                                              .s2x_since_s = 1700000000,
                                              .added = true };
        }
        if (store_contacts_write(s, rows, n, &before, &err) != STORE_OK)
            fail(err.text);
    }
    if (!s)
        fail(err.text);
    store_close(s);
    free(names);
    free(rows);
    return now_s() - began;
}

/* ---- changes, through the ledger ---- */

struct tally {
    atomic_uint settled;
    pthread_mutex_t lock;
    pthread_cond_t more;
};

static void on_settled(void *arg, const struct ledger_row *rows, size_t n)
{
    struct tally *t = arg;

    pthread_mutex_lock(&t->lock);
    atomic_fetch_add(&t->settled, (unsigned)n);
    pthread_cond_broadcast(&t->more);
    pthread_mutex_unlock(&t->lock);
}

static void on_dropped(void *arg, const struct ledger_row *rows, size_t n)
{
    fail("the store is away");
}

static void on_news(void *arg, const struct ledger_news *news)
{
}

static const struct ledger_ops ops = { on_settled, on_dropped, on_news };

static void put(struct ledger *l, struct ledger_place *place, unsigned i, unsigned count)
{
    struct names n;
    struct store_contact c;

    names_of(&n, i, count);
    c = (struct store_contact){
        .local = slice_str(n.local), .remote = slice_str(n.remote), .x2s = 1, .s2x = 2, .added = true
    };
    if (!ledger_put(l, &c, place))
        fail("the ledger is full");
}

static void wait_settled(struct tally *t, unsigned n)
{
    pthread_mutex_lock(&t->lock);
    while (atomic_load(&t->settled) < n)
        pthread_cond_wait(&t->more, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* One after the other, each durable before the next; then all at once. */
static void change(const char *url, unsigned count, double alone_ms[ALONE], double *per_second)
{
    const struct ledger_conf conf = { .store = { .url = url } };
    struct ledger_place *places = calloc(CHANGES, sizeof(*places));
    struct tally tally = { .settled = 0, .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER };
    struct err err = { "" };
    struct ledger *l = ledger_open(&conf, &err);
    double began;

    if (!l || ledger_start(l, &ops, &tally, &err))
        fail(err.text);
    for (unsigned i = 0; i < ALONE; i++) {
        began = now_s();
        put(l, &places[0], i * 31 % count, count);
        wait_settled(&tally, i + 1);
        alone_ms[i] = (now_s() - began) * 1000;
    }
    qsort(alone_ms, ALONE, sizeof(alone_ms[0]), by_size);
    began = now_s();
    for (unsigned i = 0; i < CHANGES; i++)
        put(l, &places[i], i * 37 % count, count);
    wait_settled(&tally, ALONE + CHANGES);
    *per_second = CHANGES / (now_s() - began);
    ledger_close(l);
    free(places);
}

/* ---- in memory ---- */

static int on_row(void *arg, const struct store_contact *row, struct err *err)
{
    struct bridge *b = arg;
    struct contact_state state = contact_row_state(row);
    struct jid local, remote;
    struct contact *c;

    if (!contact_row_is_sound(row))
        fail("a row is not sound");
    contact_split(row->local, &local);
    contact_split(row->remote, &remote);
    c = contact_add(b, &local, &remote);
    if (!c)
        return err_memory(err, "loading");
    contact_state_set(c, &state);
    c->stored = c->restored = true;
    return 0;
}

static double load(struct bridge *b, const char *url)
{
    const struct store_conf conf = { .url = url };
    struct err err = { "" };
    struct store_contacts state;
    double began = now_s();
    struct store *s = store_open(&conf, &err);

    if (!s || store_contacts_load(s, 0, on_row, b, &state, &err) != STORE_OK)
        fail(err.text);
    store_close(s);
    return now_s() - began;
}

static double look_up_ns(struct bridge *b, unsigned count)
{
    unsigned seed = 1, found = 0;
    double began = cpu_s();

    for (unsigned i = 0; i < LOOKS; i++) {
        struct jid local, remote;
        struct names n;

        names_of(&n, (unsigned)rand_r(&seed) % count, count);
        contact_split(slice_str(n.local), &local);
        contact_split(slice_str(n.remote), &remote);
        found += contact_find(b, &local, &remote) != NULL;
    }
    if (found != LOOKS)
        fail("a contact is not found");
    return (cpu_s() - began) * 1e9 / LOOKS;
}

struct line {
    uint32_t next;
    char rest[60];
};

/* One access that waits for the one before, at random in as much memory as the contacts take: what this machine's memory allows. */
static double bare_ns(size_t bytes)
{
    uint32_t n = (uint32_t)(bytes / sizeof(struct line)), at = 0;
    struct line *lines = calloc(n, sizeof(*lines));
    unsigned seed = 1;
    double began;

    if (!lines)
        fail("out of memory");
    for (uint32_t i = 0; i < n; i++)
        lines[i].next = i;
    for (uint32_t i = n - 1; i > 0; i--) { /* one circle of all (Sattolo) */
        uint32_t j = (uint32_t)rand_r(&seed) % i, t = lines[i].next;

        lines[i].next = lines[j].next;
        lines[j].next = t;
    }
    began = cpu_s();
    for (unsigned i = 0; i < LOOKS; i++)
        at = lines[at].next;
    began = (cpu_s() - began) * 1e9 / LOOKS;
    if (at >= n)
        fail("it left the circle");
    free(lines);
    return began;
}

/* What the names themselves cost. */
static double naming_ns(unsigned count)
{
    unsigned seed = 1;
    double began = cpu_s();
    size_t sum = 0;

    for (unsigned i = 0; i < LOOKS; i++) {
        struct jid j;
        struct names n;

        names_of(&n, (unsigned)rand_r(&seed) % count, count);
        contact_split(slice_str(n.local), &j);
        sum += j.local.n;
        contact_split(slice_str(n.remote), &j);
        sum += j.local.n;
    }
    if (!sum)
        fail("no names");
    return (cpu_s() - began) * 1e9 / LOOKS;
}

int main(int argc, char **argv)
{
    unsigned count = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    struct bridge *b = calloc(1, sizeof(*b));
    struct loop loop = { .stopping = false };
    double fill_s, load_s, load_cpu_s, find_ns, per_second, alone_ms[ALONE], access_ns;
    size_t before, after;

    if (!count || !b)
        fail("usage: bench-contacts URL CONTACTS");
    fill_s = fill(argv[1], count);
    b->loop = &loop;
    contacts_init(b, NULL, NULL);
    before = mallinfo2().uordblks + mallinfo2().hblkhd;
    load_cpu_s = cpu_s();
    load_s = load(b, argv[1]);
    load_cpu_s = cpu_s() - load_cpu_s;
    after = mallinfo2().uordblks + mallinfo2().hblkhd;
    find_ns = look_up_ns(b, count) - naming_ns(count);
    access_ns = bare_ns(after - before);
    change(argv[1], count, alone_ms, &per_second);
    printf("{\"contacts\": %u, \"fill_s\": %.2f, \"load_s\": %.2f, \"load_cpu_s\": %.2f, \"bytes\": %.0f, \"find_ns\": "
           "%.0f, \"access_ns\": %.0f, "
           "\"alone_p50_ms\": %.2f, \"alone_p99_ms\": %.2f, \"per_second\": %.0f}\n",
           count, fill_s, load_s, load_cpu_s, (double)(after - before) / count, find_ns, access_ns, alone_ms[ALONE / 2],
           alone_ms[ALONE * 99 / 100], per_second);
    return 0;
}
