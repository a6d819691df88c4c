/*
 * Records as JSON: in the store, the audit and the API. Numbers are numbers, yes and no are booleans, lists are arrays, all
 * else is text.
 */
#ifndef STOX_STORE_JSON_H
#define STOX_STORE_JSON_H

#include <jansson.h>

#include "base/trace_text.h"
#include "store/record.h"

enum record_form {
    RECORD_STORED, /* what was given, secrets too */
    RECORD_SHOWN,  /* everything, defaults too, with "name" and "revision"; secrets hidden, null when not set */
    RECORD_AUDIT,  /* what was given, secrets hidden */
};

/*
 * Reads one JSON text; members that are there twice are a fault. NULL: *fault says where, or *no_memory is true (there is
 * none, or the text would take half a gigabyte). Never json_loadb: when memory runs out it may leave out a character and go
 * on.
 */
json_t *json_read(struct slice text, json_error_t *fault, bool *no_memory);

/* A moment, in seconds since 1970, as RFC 3339 has it; JSON null: 0 or before, never. NULL: no memory. */
json_t *json_time(int64_t s);

/*
 * Appends v as text, compact, and drops it. flags: JSON_SORT_KEYS or 0. v NULL, or no memory: out has failed. What json_dumps makes when memory runs out may have
 * holes, so nothing that is kept or sent is written with it.
 */
void json_put(struct buf *out, json_t *v, size_t flags);

/* Value i of a setting (of one that is no list: 0) as text, whatever its type. NULL on memory; the caller's to json_decref. */
json_t *setting_to_json(const struct setting *s, const void *object, size_t i);

/* NULL on memory; the caller's to json_decref. */
json_t *record_to_json(const struct record *r, enum record_form form);

/* r as RECORD_AUDIT, beside what it was before (NULL: nothing): a secret that both have and that differs is SETTING_HIDDEN_ANEW. */
json_t *record_to_audit(const struct record *r, const struct record *before);

/*
 * The members of object as edits: a value sets, null resets, {"add": [...], "remove": [...]} changes a list, a hidden secret
 * is left as it is. Text is taken for every type, as on the command line; a number or a boolean only where it is one. "name" and "revision" are passed over. -1 with a sentence (unknown member: the nearest one is named); memory
 * and texts are the arena's or the object's.
 */
int json_to_edits(const struct setting_kind *kind, const json_t *object, struct arena *arena, struct edit **edits,
                  size_t *n, const struct setting **fault, struct err *err);

/* An event of a trace, as the API shows it: its members, borrowed; what is missing is empty. */
struct trace_text json_trace_text(const json_t *event);

/* A stored record. */
struct record *record_from_stored(const struct setting_kind *kind, struct slice name, struct slice body,
                                  uint64_t revision, struct err *err);

#endif
