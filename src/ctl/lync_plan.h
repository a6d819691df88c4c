/* What the objects of Lync Server become here. Which field is which setting, the setting tables say. */
#ifndef STOX_CTL_LYNC_PLAN_H
#define STOX_CTL_LYNC_PLAN_H

#include <jansson.h>

#include "ctl/lync.h"
#include "store/setting.h"

struct lync_item {
    const struct setting_kind *kind;
    struct slice old_name; /* "Tag:FedXmpp" */
    struct slice name;     /* "FedXmpp", in normal form; "" where there is one object only */
    json_t *values;        /* owned; settings as the API takes them */
};

#define LYNC_UNKNOWN_MAX 200

struct lync_plan {
    bool take_numbers; /* of enumerations, in the order of the documentation, which is that of the tables */
    struct lync_item *items;
    size_t n, cap;
    struct buf notes;     /* what is not taken and why, one sentence a line */
    struct slice numbers; /* the first field whose number was not taken; "" none */
    struct {
        struct slice name;
        size_t n;
    } unknown[LYNC_UNKNOWN_MAX]; /* fields without a counterpart, and in how many objects */
    size_t n_unknown;
    struct arena arena;
};

void lync_plan_init(struct lync_plan *p, bool take_numbers);
void lync_plan_fini(struct lync_plan *p);

/* Adds the objects of a file; texts stay the file's. -1 with a sentence: something is none of what can be imported. */
int lync_plan_add(struct lync_plan *p, const struct lync_file *f, struct err *err);

/* After all files: sorts, and says so when an object is there twice. */
int lync_plan_check(struct lync_plan *p, struct err *err);

#endif
