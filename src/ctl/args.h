/* The command line, read. All texts are argv's. */
#ifndef STOX_CTL_ARGS_H
#define STOX_CTL_ARGS_H

#include "base/arena.h"
#include "base/err.h"
#include "ctl/flag.h"
#include "ctl/option.h"

struct command;

/* One option or flag as it was given, in order. */
struct option_arg {
    enum option_id id;
    const char *value; /* NULL: it takes none */
};
struct flag_arg {
    struct flag flag;
    const char *value;
};

struct args {
    const struct command *command; /* NULL: none was given */
    struct option_arg *options;
    size_t n_options;
    struct flag_arg *flags;
    size_t n_flags;
    const char **operands;
    size_t n_operands;
};

/* -1 with a sentence for wrong usage. With --help, operands and values may be missing. */
int args_read(struct args *out, int argc, char **argv, struct arena *arena, struct err *err);

bool args_has(const struct args *a, enum option_id id);

/* The last value given; NULL: none. */
const char *args_value(const struct args *a, enum option_id id);

#endif
