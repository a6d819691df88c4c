/* The flags of a command as help, manual page and completion need them. */
#ifndef STOX_CTL_HELP_H
#define STOX_CTL_HELP_H

#include "ctl/command.h"

/* An option, or a flag of a setting (option NULL). */
struct help_flag {
    const struct option *option;
    struct flag flag;
};

typedef void help_flag_fn(const struct help_flag *f, void *arg);
void help_each_flag(const struct command *cmd, help_flag_fn *fn, void *arg);

void help_put_flag(struct buf *out, const struct help_flag *f);    /* "--tls VALUE" */
void help_put_meaning(struct buf *out, const struct help_flag *f); /* in words, without a full stop only for options */

/* The manual page stoxctl(1). */
void man_print(FILE *out);

#define HELP_EXITS                                                                                                     \
    "\nExit status: 0 done; 1 refused, or the files differ; 2 wrong usage; 3 the daemon or its store cannot be "       \
    "reached;\n4 not allowed; 5 not found; 6 it is there already, or was changed meanwhile.\n"

#endif
