#include "contacts_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

struct store_contact rig_contact(const char *local, const char *remote, unsigned x2s, unsigned s2x)
{
    return (struct store_contact){ .local = slice_str(local),
                                   .remote = slice_str(remote),
                                   .x2s = (uint8_t)x2s,
                                   .s2x = (uint8_t)s2x,
                                   .x2s_since_s = 1700000000 + x2s,
                                   .s2x_since_s = 1800000000 + s2x,
                                   .added = s2x > 0,
                                   .gone = !x2s && !s2x };
}

struct lines {
    char **v;
    size_t n;
};

static int on_contact(void *arg, const struct store_contact *c, struct err *err)
{
    struct lines *l = arg;
    char state[30] = "gone", *line;

    if (!c->gone) {
        const struct store_contact as = rig_contact("", "", c->x2s, c->s2x);

        snprintf(state, sizeof(state), "%u.%u", c->x2s, c->s2x);
        assert_int_equal(c->x2s_since_s, as.x2s_since_s);
        assert_int_equal(c->s2x_since_s, as.s2x_since_s);
        assert_int_equal(c->added, as.added);
    }
    if (asprintf(&line, "%.*s>%.*s %s@%llu", SLICE_FMT(c->local), SLICE_FMT(c->remote), state,
                 (unsigned long long)c->revision) < 0)
        abort();
    l->v = realloc(l->v, (l->n + 1) * sizeof(*l->v));
    l->v[l->n++] = line;
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void rig_contacts(struct store *s, uint64_t since, struct buf *out)
{
    struct store_contacts state;
    struct err err = { "" };
    struct lines l = { NULL, 0 };

    if (store_contacts_load(s, since, on_contact, &l, &state, &err) != STORE_OK)
        fail_msg("%s", err.text);
    if (l.n)
        qsort(l.v, l.n, sizeof(*l.v), by_text);
    buf_clear(out);
    buf_printf(out, "%llu%s", (unsigned long long)state.head, state.whole ? " whole" : "");
    for (size_t i = 0; i < l.n; i++) {
        buf_str(out, "; ");
        buf_str(out, l.v[i]);
        free(l.v[i]);
    }
    free(l.v);
    buf_char(out, '\0');
    assert_true(buf_ok(out));
}

void rig_contacts_are(struct store *s, uint64_t since, const char *expected)
{
    struct buf text;

    buf_init(&text, 1u << 20);
    rig_contacts(s, since, &text);
    assert_string_equal(text.p, expected);
    buf_free(&text);
}
