/*
 * Settings are declared once. A setting exists because a row exists: the bootstrap file, the store, the HTTP API and its
 * description, the command line, the exported configuration and the manual are readers of the same rows. Values are text
 * outside and typed inside.
 */
#ifndef STOX_STORE_SETTING_H
#define STOX_STORE_SETTING_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum setting_type {
    SETTING_TEXT,     /* struct slice: UTF-8 without control characters, at most max bytes (0: SETTING_TEXT_MAX) */
    SETTING_NAME,     /* struct slice: letters, digits, '.', '_', '-', ':'; at most 64 */
    SETTING_FILE,     /* const char *, NULL when empty */
    SETTING_DOMAIN,   /* struct slice, prepared as RFC 7622 says */
    SETTING_USER,     /* struct slice: user@domain, prepared; a leading "sip:" is dropped */
    SETTING_WHO,      /* struct slice: user@domain, or a domain for all of its users; prepared as those */
    SETTING_UINT,     /* unsigned, min..max */
    SETTING_BOOL,     /* bool */
    SETTING_CHOICE,   /* unsigned: the index in choices; read without regard to case and hyphens */
    SETTING_ADDR,     /* struct addr; without port: default_port. Of no family when it is empty and def is too */
    SETTING_HOST,     /* struct slice: host, host:port, address or empty */
    SETTING_DOMAINS,  /* struct setting_list of struct slice */
    SETTING_ADDRS,    /* struct setting_list of struct addr */
    SETTING_HOSTS,    /* struct setting_list of struct addr_host: addresses (default_port) and names, in their order */
    SETTING_NETS,     /* struct setting_list of struct addr_net */
    SETTING_TEXTS,    /* struct setting_list of struct slice */
    SETTING_PATTERNS, /* struct setting_list of struct slice: user@domain, prefix*@domain or *@domain, prepared */
};

#define SETTING_TEXT_MAX 1000
#define SETTING_NAME_MAX 64
#define SETTING_LIST_BYTES (128u << 10) /* of the texts of one list together */

/* Values of the list types; the arena of the object owns them. */
struct setting_list {
    void *v;
    size_t n;
};

struct setting {
    const char *name; /* kebab-case */
    enum setting_type type;
    size_t at;                  /* offset of the field in its object */
    const char *def;            /* default as text; NULL: must be given. Lists: empty */
    unsigned min, max;          /* SETTING_UINT; max entries of a list; max bytes of a text */
    uint16_t default_port;      /* SETTING_ADDR, SETTING_ADDRS, SETTING_HOSTS; 0 in the last: the reader knows it */
    const char *unit;           /* "s", "streams"; NULL: none */
    const char *const *choices; /* NULL-terminated */
    const char *lync;           /* what the Lync object calls it; NULL: ours */
    const char *brief;          /* one line */
    const char *help;           /* when to change it, and what happens then */
    const char *group;          /* a word: what it is shown together with; NULL: with all else */
    const char *flag;           /* its name on the command line where it differs (--add-domain is made of "domain") */
    bool secret;                /* never shown again: every reader prints SETTING_HIDDEN */
    bool lone;                  /* a list that one value may stand for, without brackets */
    bool restart;               /* a change is taken at the next start */
    bool ours;                  /* Stox writes it: no flag, and no administrator gives it */
};

#define SETTING_HIDDEN "***"                    /* what stands for a secret; as input: leave it as it is */
#define SETTING_HIDDEN_ANEW "*** (another one)" /* in the audit: a secret that is not what it was */

/* A kind of object: partner, route ... */
struct setting_kind {
    const char *name;   /* "sip-domain"; as in the configuration text, the store and the audit */
    const char *noun;   /* "domain": on the command line */
    const char *plural; /* "domains": in the API's paths */
    const char *make;   /* the verb that makes one; NULL: "new" */
    const char *title;  /* what the object's name is: "domain", "name"; NULL: there is one object without a name */
    enum setting_type title_type; /* SETTING_DOMAIN, SETTING_NAME, SETTING_USER or SETTING_WHO */
    size_t title_at;              /* offset of the struct slice that holds it */
    size_t size;                  /* of the object */
    size_t max_objects;
    const char *brief;
    const struct setting *settings; /* at most 64 */
    size_t n;
    const char
        *always;    /* the object of this name is always there, with defaults; NULL: none. "" where there is one only */
    bool on_demand; /* setting something makes the object, setting nothing any more removes it */
    bool
        internal; /* administrators of Stox, certificates: no part of the exported configuration, with commands of its own */
};

/* Does it take several values? */
bool setting_is_list(const struct setting *s);

/* Sets one field of obj from text (a list: from n texts). The sentence in err names the setting, the value and the bounds. */
int setting_set(const struct setting *s, void *obj, const struct slice *texts, size_t n, struct arena *arena,
                struct err *err);

/* The inverse: how many texts the value has, and each in normal form (secrets too: the caller hides them). */
size_t setting_count(const struct setting *s, const void *obj);
void setting_print(struct buf *out, const struct setting *s, const void *obj, size_t i);

/* The name of an object in normal form, as its kind asks. */
int setting_title(const struct setting_kind *kind, struct slice *out, struct slice text, struct arena *arena,
                  struct err *err);

/* A domain name in normal form. The sentence in err says whether it is none, mixes scripts, or memory was missing. */
int setting_domain(struct slice *out, struct slice text, struct arena *arena, struct err *err);

/* All fields of obj to their defaults; those without one are zero. */
int setting_defaults(const struct setting_kind *kind, void *obj, struct arena *arena, struct err *err);

const struct setting *setting_find(const struct setting_kind *kind, struct slice name);

/* The nearest known name, for "did you mean"; NULL when nothing is near. */
const char *setting_nearest(const struct setting_kind *kind, struct slice name);

/* What a value looks like, in words: "number from 4 to 28 s", "one of a, b". For help, manual and API description. */
void setting_describe(struct buf *out, const struct setting *s);

#endif
