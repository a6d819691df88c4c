/*
 * stoxctl: the administrator's command line. It knows the setting tables, and talks to stoxd through its HTTP API;
 * nothing about a single setting is written here.
 */
#ifndef STOX_CTL_CTL_H
#define STOX_CTL_CTL_H

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "ctl/args.h"

/* What the program's exit says; in the manual. */
enum ctl_exit {
    CTL_DONE,
    CTL_REFUSED,     /* a value, a combination, an answer of no; diff: there are differences */
    CTL_USAGE,       /* the command line itself */
    CTL_UNREACHABLE, /* the daemon, or its store, cannot be reached now */
    CTL_DENIED,      /* not known, or not allowed */
    CTL_NOT_FOUND,
    CTL_CONFLICT, /* it is there already, or was changed meanwhile */
};

struct client;

struct ctl {
    FILE *in, *out, *diag;
    bool interactive; /* in and out are terminals: questions can be asked */
    unsigned width;   /* columns of out; 0: it is no terminal */
    struct args args;
    struct arena arena;    /* lives as long as the command */
    struct client *client; /* made at its first use */
};

/* Runs one command. argv as main's. */
int ctl_main(int argc, char **argv, FILE *in, FILE *out, FILE *diag);

/* Says the sentence, made fit for a terminal; returns code. */
enum ctl_exit ctl_fail(struct ctl *c, enum ctl_exit code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
enum ctl_exit ctl_fail_memory(struct ctl *c);

#endif
