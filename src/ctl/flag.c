#include "ctl/flag.h"

static const char *const prefixes[FLAG_N_OPS] = { "", "add-", "remove-", "clear-" };

bool flag_exists(const struct setting_kind *kind, const struct setting *s, enum flag_op op)
{
    if (s->ours || (s->secret && kind->internal))
        return false;
    return op == FLAG_SET || setting_is_list(s);
}

/* One entry has a word of its own where the list's name is a plural: --add-domain. */
static const char *word_of(const struct setting *s, enum flag_op op)
{
    return (op == FLAG_ADD || op == FLAG_REMOVE) && s->flag ? s->flag : s->name;
}

void flag_name(struct buf *out, const struct flag *f)
{
    buf_str(out, prefixes[f->op]);
    buf_str(out, word_of(f->setting, f->op));
}

static bool is_flag(struct slice word, const struct setting *s, enum flag_op op)
{
    struct slice prefix = slice_str(prefixes[op]);

    return slice_starts(word, prefix) && slice_is(slice_from(word, prefix.n), word_of(s, op));
}

bool flag_find(const struct setting_kind *kind, struct slice word, struct flag *out)
{
    for (size_t i = 0; i < kind->n; i++) {
        const struct setting *s = &kind->settings[i];

        for (enum flag_op op = FLAG_SET; op < FLAG_N_OPS; op++) {
            if (!flag_exists(kind, s, op) || !is_flag(word, s, op))
                continue;
            *out = (struct flag){ s, op };
            return true;
        }
    }
    return false;
}
