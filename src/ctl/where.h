/* Conditions of "list": setting=value, setting!=value, setting~pattern, and --filter on the name. */
#ifndef STOX_CTL_WHERE_H
#define STOX_CTL_WHERE_H

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "store/setting.h"

enum where_op { WHERE_IS, WHERE_IS_NOT, WHERE_LIKE };

struct where {
    const struct setting *setting; /* NULL: the name */
    enum where_op op;
    const char *value; /* as the setting writes it; a pattern as it was given */
};

/*
 * The value is read as the setting's table reads it, so that "Required" is required; a list is a value when it has
 * that entry, and the empty value when it is empty. -1 with a sentence. Texts are the arena's.
 */
int where_read(struct where *out, const struct setting_kind *kind, struct slice text, struct arena *arena,
               struct err *err);

bool where_holds(const struct where *w, const json_t *item);

/* Wildcards as in PowerShell: * ? [a-z], without regard to case. */
bool where_like(const char *pattern, const char *text);

#endif
