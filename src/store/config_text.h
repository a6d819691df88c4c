/*
 * Configuration as text: blocks of "kind "name" { setting = value }", read by libconfuse and understood by the setting
 * tables. The bootstrap file has the same syntax with the settings of struct boot at its top level and no blocks.
 */
#ifndef STOX_STORE_CONFIG_TEXT_H
#define STOX_STORE_CONFIG_TEXT_H

#include "store/model.h"
#include "store/record.h"

/* The bootstrap file. -1 with a sentence that names file, line, setting and remedy. Texts are the arena's. */
int boot_read(const char *file, struct boot *out, struct arena *arena, struct err *err);

struct config_block {
    const struct setting_kind *kind;
    struct slice name; /* as written; "" where there is one object only */
    struct edit *edits;
    size_t n;
};

struct config_text {
    struct config_block *blocks; /* in the order of model_kinds */
    size_t n;
    struct arena arena; /* owns all above */
};

/* Reads all blocks of a file ("-": standard input), or of text when that is not NULL. NULL with a sentence. */
struct config_text *config_text_read(const char *file, const char *text, struct err *err);
void config_text_free(struct config_text *t);

/* Writes one record as a block, given settings only; secrets are left out with a remark. */
void config_text_put(struct buf *out, const struct record *r);

#endif
