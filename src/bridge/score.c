#include "bridge/score.h"

#include <stdlib.h>

struct entry {
    struct hash_node node;
    struct score score;
    size_t name_n;
    char name[];
};

/* Upper bounds, and how the format wants them written. */
static const struct {
    unsigned ms;
    const char *le;
} bounds[SCORE_N_DELAYS] = {
    { 5, "0.005" },    { 10, "0.01" },    { 25, "0.025" },   { 50, "0.05" },  { 100, "0.1" },
    { 250, "0.25" },   { 500, "0.5" },    { 1000, "1.0" },   { 2500, "2.5" }, { 5000, "5.0" },
    { 10000, "10.0" }, { 20000, "20.0" }, { 28000, "28.0" },
};

static bool name_is(const struct hash_node *node, const void *key)
{
    const struct entry *e = container_of(node, const struct entry, node);

    return slice_eq(slice_of(e->name, e->name_n), *(const struct slice *)key);
}

static struct entry *find(const struct scores *s, struct slice name)
{
    struct hash_node *node = hash_find(&s->partners, hash_bytes(&s->partners, name), name_is, &name);

    return node ? container_of(node, struct entry, node) : NULL;
}

static struct entry *make(struct scores *s, struct slice name)
{
    struct entry *e = calloc(1, sizeof(*e) + name.n);

    if (!e)
        return NULL;
    e->name_n = name.n;
    if (name.n)
        memcpy(e->name, name.p, name.n);
    if (hash_add(&s->partners, &e->node, hash_bytes(&s->partners, name)))
        return e;
    free(e);
    return NULL;
}

void scores_init(struct scores *s)
{
    *s = (struct scores){ 0 };
    hash_init(&s->partners);
}

static void free_one(struct hash_node *node, void *arg)
{
    free(container_of(node, struct entry, node));
}

void scores_fini(struct scores *s)
{
    hash_each(&s->partners, free_one, NULL);
    hash_free(&s->partners);
}

void scores_add(struct scores *s, const struct listed *partner, enum score_way way, enum score_outcome outcome)
{
    struct entry *e = NULL;

    if (partner) {
        e = find(s, partner->settings->name);
        if (!e)
            e = make(s, partner->settings->name);
    }
    (e ? &e->score : &s->none)->n[way][outcome]++;
}

void scores_delay(struct scores *s, uint64_t ms)
{
    size_t i = 0;

    while (i < SCORE_N_DELAYS && ms > bounds[i].ms)
        i++;
    s->delays[i]++;
    s->delay_sum_ms += ms;
}

struct trimming {
    struct scores *s;
    const struct directory *d;
};

static void trim_one(struct hash_node *node, void *arg)
{
    struct entry *e = container_of(node, struct entry, node);
    struct trimming *t = arg;
    struct slice name = slice_of(e->name, e->name_n);
    const struct listed *listed = directory_partner(t->d, name);

    if (listed && slice_eq(listed->settings->name, name))
        return;
    hash_remove(&t->s->partners, node);
    free(e);
}

void scores_trim(struct scores *s, const struct directory *d)
{
    struct trimming t = { s, d };

    hash_each(&s->partners, trim_one, &t);
}

/* ---- text ---- */

static void put_label(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\n') {
            buf_str(out, "\\n");
            continue;
        }
        if (text.p[i] == '\\' || text.p[i] == '"')
            buf_char(out, '\\');
        buf_char(out, text.p[i]);
    }
}

static void put_score(struct buf *out, const struct score *score, struct slice partner)
{
    static const char *const ways[] = { "sip-to-xmpp", "xmpp-to-sip" };
    static const char *const outcomes[] = { "delivered", "unconfirmed", "refused", "timed-out", "unknown", "empty" };

    for (int way = 0; way < SCORE_N_WAYS; way++) {
        for (int outcome = 0; outcome < SCORE_N_OUTCOMES; outcome++) {
            if (!score->n[way][outcome])
                continue;
            buf_printf(out, "stox_messages_total{direction=\"%s\",outcome=\"%s\",partner=\"", ways[way],
                       outcomes[outcome]);
            put_label(out, partner);
            buf_printf(out, "\"} %llu\n", (unsigned long long)score->n[way][outcome]);
        }
    }
}

static void sum(struct score *to, const struct score *from)
{
    for (int way = 0; way < SCORE_N_WAYS; way++)
        for (int outcome = 0; outcome < SCORE_N_OUTCOMES; outcome++)
            to->n[way][outcome] += from->n[way][outcome];
}

static void put_messages(const struct scores *s, const struct directory *d, struct buf *out)
{
    struct score other = { 0 };
    size_t n, shown = 0;
    const struct listed *partners = directory_partners(d, &n);

    buf_str(out, "# TYPE stox_messages counter\n# HELP stox_messages Messages that came to their end.\n");
    put_score(out, &s->none, SLICE("(none)"));
    for (size_t i = 0; i < n; i++) {
        const struct entry *e = find(s, partners[i].settings->name);

        if (e && shown++ < SCORE_PARTNERS_MAX)
            put_score(out, &e->score, partners[i].settings->name);
        else if (e)
            sum(&other, &e->score);
    }
    put_score(out, &other, SLICE("(other)"));
}

static void put_delays(const struct scores *s, struct buf *out)
{
    uint64_t n = 0;

    buf_str(out, "# TYPE stox_answer_delay_seconds histogram\n# UNIT stox_answer_delay_seconds seconds\n"
                 "# HELP stox_answer_delay_seconds Time from a SIP MESSAGE that was handed on to its final answer.\n");
    for (size_t i = 0; i < SCORE_N_DELAYS; i++) {
        n += s->delays[i];
        buf_printf(out, "stox_answer_delay_seconds_bucket{le=\"%s\"} %llu\n", bounds[i].le, (unsigned long long)n);
    }
    n += s->delays[SCORE_N_DELAYS];
    buf_printf(out, "stox_answer_delay_seconds_bucket{le=\"+Inf\"} %llu\nstox_answer_delay_seconds_count %llu\n",
               (unsigned long long)n, (unsigned long long)n);
    buf_printf(out, "stox_answer_delay_seconds_sum %llu.%03u\n", (unsigned long long)(s->delay_sum_ms / 1000),
               (unsigned)(s->delay_sum_ms % 1000));
}

void scores_put(const struct scores *s, const struct directory *d, struct buf *out)
{
    put_messages(s, d, out);
    put_delays(s, out);
}
