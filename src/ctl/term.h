/* What goes to people: text without control characters, questions, secrets typed without an echo, lines read. */
#ifndef STOX_CTL_TERM_H
#define STOX_CTL_TERM_H

#include "ctl/ctl.h"

/* Appends s so that no byte of it can steer a terminal or turn the line around: such characters become \u{...}. */
void term_put(struct buf *out, struct slice s);

/* Columns that s takes on a terminal, once put by term_put. */
size_t term_width(struct slice s);

/* The longest start of s that takes at most columns; s is already fit. */
struct slice term_cut(struct slice s, size_t columns);

/* Writes s, made fit, or an already fit buffer as it is (which is then empty). False when out cannot be written. */
void term_write(FILE *out, struct slice s);
void term_flush(FILE *out, struct buf *b);

/* Columns of the terminal; 0: out is none. */
unsigned term_columns(FILE *out);

/* A question with yes or no, no being the default. */
bool term_ask(struct ctl *c, const char *question);

/* One line from in, without its end, in the command's arena. .p NULL at the end, or with a sentence said. */
struct slice term_line(struct ctl *c, const char *prompt);

/* A secret: typed twice when it is a new one, or the next line when in is no terminal. .p NULL with a sentence said. */
struct slice term_secret(struct ctl *c, const char *prompt, bool is_new);

#endif
