/* One request on its way through the API, from its first byte to its answer. */
#ifndef STOX_ADMIN_CALL_H
#define STOX_ADMIN_CALL_H

#include "admin/admin_private.h"
#include "admin/origin.h"
#include "admin/target.h"

#define CALL_BODY_SMALL (4u << 10) /* before anybody is known */
#define CALL_BODY (64u << 10)
#define CALL_BODY_CHANGES (16u << 20)
#define CALL_ARENA_MAX (512u << 20) /* the edits of 200,000 changes */
#define CALL_HEADERS 10

enum who_kind { WHO_NOBODY, WHO_UNIX, WHO_TOKEN, WHO_SESSION };

struct who {
    enum who_kind kind;
    enum admin_role role;
    char name[SETTING_NAME_MAX + 1]; /* of the account or token; "root" or the uid on the unix socket */
    char text[SETTING_NAME_MAX + 8]; /* "unix:root", "user:anna", "token:ci": in audit and log */
    struct session *session;         /* WHO_SESSION */
};

struct reply {
    unsigned status; /* 0: none yet */
    const char *type;
    char *body;        /* owned, of malloc */
    const void *fixed; /* instead of body: of the program */
    size_t n;
    const char *policy, *cache; /* Content-Security-Policy, Cache-Control; NULL: the API's */
    struct reply_header {
        const char *name;
        const char *value; /* the arena's */
    } headers[CALL_HEADERS];
    size_t n_headers;
    struct event_stream *events; /* instead of a body */
    bool is_short;               /* of memory: a header is missing */
};

struct admin_route;
struct making;

struct call {
    struct admin *admin;
    struct MHD_Connection *conn; /* NULL in tests of the parsing */
    struct origin origin;
    char from[ADDR_TEXT]; /* "unix", or the address without port */
    struct arena arena;
    struct slice uri; /* raw */
    struct target target;
    const struct admin_route *route;
    const struct setting_kind *kind; /* of a generic route */
    struct slice name;               /* the object or token that the path names */
    struct slice id;                 /* the stream or test that it names */
    struct who who;
    struct buf body;
    size_t body_max;
    json_t *json;          /* owned; the body */
    bool started;          /* the head has been judged */
    bool is_refused;       /* and found wanting: the reply is there */
    bool is_waiting;       /* suspended: the handler runs again */
    struct making *making; /* owned; the key that it waits for, or has (maker.h) */
    struct reply reply;
};

struct call *call_new(struct admin *a, const char *uri);
void call_free(struct call *c); /* NULL is fine */

/* A header of the request; empty slice: none. */
struct slice call_header(const struct call *c, const char *name);

/* The body as JSON; false: a problem is the reply. No body is an error here. */
bool call_take_json(struct call *c);

/* A member of the body that must be (or may be: .p NULL) text. False: a problem is the reply. */
bool call_text(struct call *c, const char *name, bool required, struct slice *out);

/* A list of at most max texts, of which out has room; too_many is said of more, and of what is no list. Not given: none. */
bool call_texts(struct call *c, const char *name, const char *too_many, struct slice *out, size_t max, size_t *n);

/* 422 about this member. Returns false. */
bool call_refuse(struct call *c, const char *name, const char *why);

/* Does the body hold members of this list only (NULL-terminated)? False: a problem is the reply. */
bool call_knows(struct call *c, const char *const *names);

/* "1", "yes", "true" or their opposites; not given: no. False: a problem is the reply. */
bool call_flag(struct call *c, const char *query, bool *out);

/* A number of the query within 1..max; not given: def. False: a problem is the reply. */
bool call_number(struct call *c, const char *query, uint64_t def, uint64_t max, uint64_t *out);

/* reply.c */

/* v becomes the reply and is given back; NULL: out of memory, 503. */
void reply_json(struct call *c, unsigned status, json_t *v);

/* Text of this type; b is emptied. */
void reply_text(struct call *c, unsigned status, const char *type, struct buf *b);
/* n bytes that are part of the program. */
void reply_fixed(struct call *c, unsigned status, const char *type, const void *p, size_t n);
void reply_nothing(struct call *c, unsigned status);
void reply_header(struct call *c, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* RFC 9457. detail is a sentence for an administrator. Replaces what was the reply before. */
void reply_problem(struct call *c, unsigned status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void reply_no_memory(struct call *c);

/* The same for everybody who is nobody. */
void reply_unauthenticated(struct call *c);

/* As reply_problem with the setting and the place in a batch that it is about; NULL and -1: none. */
struct reply_about {
    const char *setting;
    long index;
};
void reply_problem_about(struct call *c, unsigned status, const char *code, const struct reply_about *about,
                         const char *detail);

/* Hands the reply to the HTTP library. */
enum MHD_Result reply_send(struct call *c);

#endif
