/*
 * What a check has found, one sentence for each thing it looked at, with what helps. Administrators read them, and programs go by
 * the words. Bounded: what comes behind its room is counted and left out, and then nothing is called right.
 */
#ifndef STOX_DEPLOY_FINDINGS_H
#define STOX_DEPLOY_FINDINGS_H

#include "base/arena.h"
#include "base/list.h"

enum finding_mark {
    FINDING_OK,
    FINDING_NOTE,    /* worth knowing */
    FINDING_WARNING, /* works, but not for everybody or not for long */
    FINDING_FAILED,
};
const char *finding_mark_name(enum finding_mark mark); /* "ok", "note", "warning", "failed" */

struct finding {
    struct list link;
    enum finding_mark mark;
    const char *area;   /* what was looked at when it was found: "dns"; constant */
    const char *check;  /* what it is, for programs: "srv-missing"; constant */
    const char *about;  /* the domain, partner, route ...; may be "" */
    const char *text;   /* a sentence */
    const char *remedy; /* what to do, a sentence; "" */
    const char *line;   /* a zone-file line to publish or to remove, or a command; "" */
};

struct findings {
    struct arena arena;
    const char *area; /* of what is found from now on; constant; "" at first */
    struct list list; /* struct finding.link, in their order */
    size_t n[FINDING_FAILED + 1];
    size_t left_out;
};

void findings_init(struct findings *f);
void findings_fini(struct findings *f);

/* What was said a moment ago is not said again. NULL: there is no room for it. The texts are copied. */
struct finding *findings_add(struct findings *f, enum finding_mark mark, const char *check, const char *about,
                             const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* What helps. it may be NULL; then nothing happens. */
void findings_remedy(struct findings *f, struct finding *it, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void findings_line(struct findings *f, struct finding *it, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Is everything fine, or at least nothing broken, and was all of it kept? */
bool findings_pass(const struct findings *f);

/* Copies those of from behind those of f. */
void findings_append(struct findings *f, const struct findings *from);

#endif
