/*
 * Settings are declared once. A setting exists because a row exists: the configuration reader, and later the command line,
 * the API, the database and the manual, are readers of the same rows. Values are text outside and typed inside.
 */
#ifndef STOX_STORE_SETTING_H
#define STOX_STORE_SETTING_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum setting_type {
    SETTING_TEXT,    /* struct slice */
    SETTING_FILE,    /* const char *, NULL when empty */
    SETTING_DOMAIN,  /* struct slice, prepared as RFC 7622 says */
    SETTING_UINT,    /* unsigned, min..max */
    SETTING_BOOL,    /* bool */
    SETTING_CHOICE,  /* unsigned: the index in choices */
    SETTING_ADDR,    /* struct addr; without port: default_port */
    SETTING_DOMAINS, /* struct setting_list of struct slice */
    SETTING_ADDRS,   /* struct setting_list of struct addr */
    SETTING_NETS,    /* struct setting_list of struct addr_net */
    SETTING_TEXTS,   /* struct setting_list of struct slice */
};

/* Values of the list types; the arena of the configuration owns them. */
struct setting_list {
    void *v;
    size_t n;
};

struct setting {
    const char *name; /* kebab-case */
    enum setting_type type;
    size_t at;                  /* offset of the field in its object */
    const char *def;            /* default as text; NULL: must be given. Lists: empty */
    unsigned min, max;          /* SETTING_UINT; max entries of a list */
    uint16_t default_port;      /* SETTING_ADDR, SETTING_ADDRS */
    const char *unit;           /* "s", "streams"; NULL: none */
    const char *const *choices; /* NULL-terminated */
    const char *lync;           /* what the Lync object calls it; NULL: ours */
    const char *brief;          /* one line */
    const char *help;           /* when to change it, and what happens then */
};

/* A kind of object: partner, route ... */
struct setting_kind {
    const char *name;  /* "partner"; "": the top level of the file */
    const char *title; /* what the object's name is: "domain", "name"; NULL: there is one object without a name */
    bool title_is_domain;
    size_t title_at; /* offset of the struct slice that holds it */
    size_t size;     /* of the object */
    size_t max_objects;
    const char *brief;
    const struct setting *settings;
    size_t n;
};

/* Does it take several values? */
bool setting_is_list(const struct setting *s);

/* Sets one field of obj from text (a list: from n texts). The sentence in err names the setting, the value and the bounds. */
int setting_set(const struct setting *s, void *obj, const char *const *texts, size_t n, struct arena *arena,
                struct err *err);

/* A domain name in normal form. The sentence in err says whether it is none or memory was missing. */
int setting_domain(struct slice *out, struct slice text, struct arena *arena, struct err *err);

/* All fields of obj to their defaults; those without one are zero. */
int setting_defaults(const struct setting_kind *kind, void *obj, struct arena *arena, struct err *err);

/* The nearest known name, for "did you mean"; NULL when nothing is near. */
const char *setting_nearest(const struct setting_kind *kind, const char *name);

#endif
