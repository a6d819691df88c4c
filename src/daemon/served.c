#include "daemon/served.h"

#include <stdlib.h>

#include "pki/defect.h"

#define DAY_S 86400

struct gathering {
    struct served_list *list;
    size_t cap;
    int64_t now_s;
    bool failed;
};

static void add(void *arg, const struct tls_shown *shown)
{
    struct gathering *g = arg;
    int64_t until = pki_until(shown->leaf);
    int64_t left = until - g->now_s;

    if (g->list->n == g->cap) {
        size_t cap = g->cap ? 2 * g->cap : 16;
        struct served *v = realloc(g->list->v, cap * sizeof(*v));

        g->failed = g->failed || !v;
        if (!v)
            return;
        g->list->v = v;
        g->cap = cap;
    }
    g->list->v[g->list->n++] =
        (struct served){ shown->source, shown->leaf, until, (int)(left >= 0 ? left / DAY_S : left / DAY_S - 1) };
}

static int by_source(const void *a, const void *b)
{
    return strcmp(((const struct served *)a)->source, ((const struct served *)b)->source);
}

static int by_time(const void *a, const void *b)
{
    const struct served *left = a, *right = b;

    if (left->until_s != right->until_s)
        return left->until_s < right->until_s ? -1 : 1;
    return by_source(a, b);
}

bool served_of(const struct tls_identities *set, int64_t now_s, struct served_list *out)
{
    struct gathering g = { out, 0, now_s, false };
    size_t n = 0;

    *out = (struct served_list){ NULL, 0 };
    tls_identities_each(set, add, &g);
    if (g.failed) {
        served_fini(out);
        return false;
    }
    if (out->n == 0)
        return true;
    qsort(out->v, out->n, sizeof(*out->v), by_source);
    for (size_t i = 0; i < out->n; i++)
        if (i == 0 || by_source(&out->v[i], &out->v[n - 1]) != 0)
            out->v[n++] = out->v[i];
    out->n = n;
    qsort(out->v, out->n, sizeof(*out->v), by_time);
    return true;
}

void served_fini(struct served_list *list)
{
    free(list->v);
    *list = (struct served_list){ NULL, 0 };
}
