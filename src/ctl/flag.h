/* The flags of the command line that come from the setting tables: --tls, --add-domain, --clear-additional-domains. */
#ifndef STOX_CTL_FLAG_H
#define STOX_CTL_FLAG_H

#include "store/setting.h"

enum flag_op {
    FLAG_SET,    /* --NAME VALUE; a list: all its entries, with commas between */
    FLAG_ADD,    /* --add-WORD VALUE */
    FLAG_REMOVE, /* --remove-WORD VALUE */
    FLAG_CLEAR,  /* --clear-NAME */
    FLAG_N_OPS
};

struct flag {
    const struct setting *setting;
    enum flag_op op;
};

/* A flag without its dashes. */
bool flag_find(const struct setting_kind *kind, struct slice word, struct flag *out);

/*
 * Which of the four does a setting have? Secrets of Stox's own administrators have none: they have commands of
 * their own.
 */
bool flag_exists(const struct setting_kind *kind, const struct setting *s, enum flag_op op);

/* Its name without dashes. */
void flag_name(struct buf *out, const struct flag *f);

static inline bool flag_takes_value(const struct flag *f)
{
    return f->op != FLAG_CLEAR;
}

#endif
