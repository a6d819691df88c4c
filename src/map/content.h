/*
 * What a SIP body says in plain words: text/plain in its charsets, text/html as its text, message/cpim and multipart
 * unwrapped (catalogue STOX-IM-14, 35..41). Pure functions; nesting is bounded and not recursive on input. Besides texts there are two kinds of document that
 * people do not read; these come out as they are.
 */
#ifndef STOX_MAP_CONTENT_H
#define STOX_MAP_CONTENT_H

#include "base/arena.h"
#include "map/imdn.h"
#include "sip/uri.h"

enum map_content_kind {
    MAP_CONTENT_TEXT,
    MAP_CONTENT_COMPOSING, /* text is an isComposing document (map/typing.h) */
    MAP_CONTENT_IMDN,      /* text is an IMDN document (map/imdn.h) */
};

struct map_content {
    enum map_content_kind kind;
    struct slice text;     /* UTF-8, in the arena or in the input */
    struct slice subject;  /* of CPIM; .p NULL when there is none */
    struct slice language; /* of CPIM or part; .p NULL when there is none */
    bool has_date;
    int64_t date_wall_s; /* CPIM DateTime */
    bool has_cpim;
    struct sip_uri cpim_from, cpim_to; /* to be compared with the outer ones (STOX-IM-40); no scheme_text: absent */
    struct map_imdn_ask imdn;          /* of CPIM */
};

enum map_content_fault {
    MAP_CONTENT_OK,
    MAP_CONTENT_TYPE,      /* 415 with Accept */
    MAP_CONTENT_CHARSET,   /* 415 */
    MAP_CONTENT_ENCODING,  /* 415 with Accept-Encoding */
    MAP_CONTENT_MALFORMED, /* 400 */
    MAP_CONTENT_NO_MEMORY,
};

/* type: the whole Content-Type value (empty: text/plain); encoding: Content-Encoding or empty. */
enum map_content_fault map_content_read(struct arena *a, struct slice type, struct slice encoding, struct slice body,
                                        struct map_content *out);

/* The types this reads, as the value of an Accept header. */
#define MAP_COMPOSING_TYPE "application/im-iscomposing+xml"
#define MAP_CONTENT_ACCEPT                                                                                             \
    "text/plain, text/html, text/rtf, message/cpim, multipart/alternative, multipart/mixed, multipart/related, "       \
    "multipart/signed, " MAP_COMPOSING_TYPE ", " MAP_IMDN_TYPE

#endif
