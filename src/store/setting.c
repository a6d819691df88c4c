#include "store/setting.h"

#include <stdio.h>

#include "net/addr.h"
#include "xmpp/jid.h"

static int out_of_memory(struct err *err)
{
    return err_set(err, "out of memory while reading the configuration");
}

static int set_uint(const struct setting *s, unsigned *out, struct slice text, struct err *err)
{
    uint64_t v;

    if (!slice_u64(text, UINT32_MAX, &v))
        return err_set(err, "\"%.*s\" is not a number", SLICE_FMT(text));
    if (v < s->min || v > s->max)
        return err_set(err, "%llu is not in %u..%u%s%s", (unsigned long long)v, s->min, s->max, s->unit ? " " : "",
                       s->unit ? s->unit : "");
    *out = (unsigned)v;
    return 0;
}

static int set_bool(bool *out, struct slice text, struct err *err)
{
    if (slice_is(text, "yes") || slice_is(text, "true") || slice_is(text, "on")) {
        *out = true;
        return 0;
    }
    if (slice_is(text, "no") || slice_is(text, "false") || slice_is(text, "off")) {
        *out = false;
        return 0;
    }
    return err_set(err, "\"%.*s\" is neither yes nor no", SLICE_FMT(text));
}

static int set_choice(const struct setting *s, unsigned *out, struct slice text, struct err *err)
{
    char all[200] = "";
    size_t at = 0;

    for (unsigned i = 0; s->choices[i]; i++) {
        if (slice_is(text, s->choices[i])) {
            *out = i;
            return 0;
        }
        at += (size_t)snprintf(all + at, at < sizeof(all) ? sizeof(all) - at : 0, "%s%s", i ? ", " : "", s->choices[i]);
        if (at >= sizeof(all))
            at = sizeof(all) - 1;
    }
    return err_set(err, "\"%.*s\" is not one of %s", SLICE_FMT(text), all);
}

static int set_slice(struct slice *out, struct slice text, struct arena *arena, struct err *err)
{
    *out = arena_dup(arena, text);
    return out->p ? 0 : out_of_memory(err);
}

/* Prepared in memory of its own, so that no means no name and never no memory. */
int setting_domain(struct slice *out, struct slice text, struct arena *arena, struct err *err)
{
    _Alignas(16) char memory[8 * JID_PART_MAX];
    struct arena own;
    struct slice domain;

    arena_init_on(&own, memory, sizeof(memory), sizeof(memory));
    if (!jid_prep_domain(&own, text, &domain))
        return err_set(err, "\"%.*s\" is not a domain name", SLICE_FMT(text));
    return set_slice(out, domain, arena, err);
}

static int set_addr(const struct setting *s, struct addr *out, struct slice text, struct err *err)
{
    if (!addr_parse(text, s->default_port, out))
        return err_set(err, "\"%.*s\" is not an address or address:port", SLICE_FMT(text));
    return 0;
}

static int set_net(struct addr_net *out, struct slice text, struct err *err)
{
    if (!addr_net_parse(text, out))
        return err_set(err, "\"%.*s\" is not an address or network", SLICE_FMT(text));
    return 0;
}

static int set_file(const char **out, struct slice text, struct arena *arena, struct err *err)
{
    *out = NULL;
    if (text.n == 0)
        return 0;
    *out = arena_strdup(arena, text);
    return *out ? 0 : out_of_memory(err);
}

static size_t entry_size(enum setting_type type)
{
    switch (type) {
    case SETTING_ADDRS: return sizeof(struct addr);
    case SETTING_NETS: return sizeof(struct addr_net);
    default: return sizeof(struct slice);
    }
}

/* One value of the setting's type (of a list: one entry) into at. */
static int set_one(const struct setting *s, void *at, struct slice text, struct arena *arena, struct err *err)
{
    switch (s->type) {
    case SETTING_UINT: return set_uint(s, at, text, err);
    case SETTING_BOOL: return set_bool(at, text, err);
    case SETTING_CHOICE: return set_choice(s, at, text, err);
    case SETTING_FILE: return set_file(at, text, arena, err);
    case SETTING_TEXT:
    case SETTING_TEXTS: return set_slice(at, text, arena, err);
    case SETTING_DOMAIN:
    case SETTING_DOMAINS: return setting_domain(at, text, arena, err);
    case SETTING_ADDR:
    case SETTING_ADDRS: return set_addr(s, at, text, err);
    case SETTING_NETS: return set_net(at, text, err);
    }
    return err_set(err, "unknown type of setting");
}

bool setting_is_list(const struct setting *s)
{
    return s->type == SETTING_DOMAINS || s->type == SETTING_ADDRS || s->type == SETTING_NETS ||
           s->type == SETTING_TEXTS;
}

static int set_list(const struct setting *s, struct setting_list *out, const char *const *texts, size_t n,
                    struct arena *arena, struct err *err)
{
    size_t size = entry_size(s->type);

    if (n > s->max)
        return err_set(err, "%zu entries are more than the %u allowed", n, s->max);
    out->n = 0;
    out->v = arena_zalloc(arena, n * size + 1);
    if (!out->v)
        return out_of_memory(err);
    for (size_t i = 0; i < n; i++)
        if (set_one(s, (char *)out->v + i * size, slice_str(texts[i]), arena, err))
            return -1;
    out->n = n;
    return 0;
}

int setting_set(const struct setting *s, void *obj, const char *const *texts, size_t n, struct arena *arena,
                struct err *err)
{
    void *at = (char *)obj + s->at;
    int rc;

    if (setting_is_list(s))
        rc = set_list(s, at, texts, n, arena, err);
    else
        rc = set_one(s, at, slice_str(n ? texts[0] : ""), arena, err);
    return rc ? err_wrap(err, "%s", s->name) : 0;
}

int setting_defaults(const struct setting_kind *kind, void *obj, struct arena *arena, struct err *err)
{
    memset(obj, 0, kind->size);
    for (size_t i = 0; i < kind->n; i++) {
        const struct setting *s = &kind->settings[i];

        if (s->def && setting_set(s, obj, &s->def, 1, arena, err))
            return -1;
    }
    return 0;
}

/* Edit distance of two short names; 99 when either is too long to care. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[40];
    size_t na = strlen(a), nb = strlen(b);

    if (na >= 40 || nb >= 40)
        return 99;
    for (size_t j = 0; j <= nb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[nb];
}

const char *setting_nearest(const struct setting_kind *kind, const char *name)
{
    const char *best = NULL;
    unsigned best_distance = 5;

    for (size_t i = 0; i < kind->n; i++) {
        unsigned d = distance(kind->settings[i].name, name);

        if (d < best_distance) {
            best_distance = d;
            best = kind->settings[i].name;
        }
    }
    return best;
}
