/* Names of objects on the command line, "-" being those on standard input. */
#ifndef STOX_CTL_NAMES_H
#define STOX_CTL_NAMES_H

#include "ctl/ctl.h"

#define NAMES_MAX 200000

struct names {
    struct slice *v; /* of the command's arena, or argv's */
    size_t n, cap;
};

/* False with a sentence said. */
bool names_add(struct ctl *c, struct names *names, struct slice name);

/* The operands from the given one on. A sentence is said when there are none. */
enum ctl_exit names_of_operands(struct ctl *c, size_t from, struct names *names);

/* One word: a name, or "-". */
enum ctl_exit names_of_word(struct ctl *c, const char *word, struct names *names);

#endif
