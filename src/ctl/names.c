#include "ctl/names.h"

#include "ctl/term.h"

bool names_add(struct ctl *c, struct names *names, struct slice name)
{
    if (names->n == NAMES_MAX) {
        ctl_fail(c, CTL_REFUSED, "more than %d names are too many for one command", NAMES_MAX);
        return false;
    }
    if (names->n == names->cap) {
        size_t cap = names->cap ? 2 * names->cap : 64;
        struct slice *v = arena_alloc(&c->arena, cap * sizeof(*v));

        if (!v) {
            ctl_fail_memory(c);
            return false;
        }
        if (names->n)
            memcpy(v, names->v, names->n * sizeof(*v));
        names->v = v;
        names->cap = cap;
    }
    names->v[names->n++] = name;
    return true;
}

/* All lines of standard input that are not empty. */
static enum ctl_exit names_read(struct ctl *c, struct names *names)
{
    for (bool first = true;; first = false) {
        struct slice line = term_line(c, NULL);

        if (!line.p)
            return feof(c->in) ? CTL_DONE : CTL_REFUSED;
        /* PowerShell marks what it writes. */
        if (first && (slice_starts(line, SLICE("\xff\xfe")) || slice_starts(line, SLICE("\xfe\xff"))))
            return ctl_fail(c, CTL_REFUSED, "standard input is UTF-16: write the names with -Encoding UTF8");
        if (first && slice_starts(line, SLICE("\xef\xbb\xbf")))
            line = slice_trim(slice_from(line, 3));
        if (line.n && !names_add(c, names, line))
            return CTL_REFUSED;
    }
}

enum ctl_exit names_of_word(struct ctl *c, const char *word, struct names *names)
{
    if (strcmp(word, "-") == 0)
        return names_read(c, names);
    return names_add(c, names, slice_str(word)) ? CTL_DONE : CTL_REFUSED;
}

enum ctl_exit names_of_operands(struct ctl *c, size_t from, struct names *names)
{
    enum ctl_exit rc = CTL_DONE;
    bool stdin_read = false;

    for (size_t i = from; i < c->args.n_operands && rc == CTL_DONE; i++) {
        rc = names_of_word(c, c->args.operands[i], names);
        stdin_read = stdin_read || strcmp(c->args.operands[i], "-") == 0;
    }
    if (rc == CTL_DONE && !names->n && stdin_read)
        fputs("no names on standard input: nothing to do\n", c->diag);
    return rc;
}
