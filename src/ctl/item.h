/* One object as the API shows it, and as records; and what the command line says about one, as the API takes it. */
#ifndef STOX_CTL_ITEM_H
#define STOX_CTL_ITEM_H

#include <jansson.h>

#include "ctl/ctl.h"
#include "store/record.h"

/* A value as people read it: yes and no, lists with commas, nothing for null. Not yet fit for a terminal. */
void item_put_value(struct buf *out, const json_t *v);

/* A text as the setting writes it in the API: checked, in normal form, of the right JSON type. NULL with a sentence. */
json_t *item_value(const struct setting *s, struct slice text, struct err *err);

/* The flags and --reset of the command line as one object of settings. NULL with a sentence said. */
json_t *item_values(struct ctl *c);

/*
 * The record that an item of the API shows; what equals its default does not count as given, secrets are given with
 * their stand-in. NULL with a sentence.
 */
struct record *item_record(const struct setting_kind *kind, const json_t *item, struct err *err);

/* What an edit says, as the API takes it; the inverse of json_to_edits. NULL on memory. */
json_t *item_of_edits(const struct setting_kind *kind, const struct edit *edits, size_t n, struct err *err);

#endif
