/* The readers inside content.c, one for each kind of wrapping. */
#ifndef STOX_MAP_CONTENT_PARTS_H
#define STOX_MAP_CONTENT_PARTS_H

#include "map/content.h"

/* MIME headers of a part, and what they describe. */
struct map_part {
    struct slice type;     /* whole Content-Type value; empty: text/plain */
    struct slice encoding; /* Content-Encoding */
    struct slice transfer; /* Content-Transfer-Encoding */
    struct slice language; /* Content-Language */
    struct slice body;
};

/* Takes the next line, without its CRLF or LF, off the front of *in. False at the end. */
bool map_line(struct slice *in, struct slice *line);

/* Reads MIME headers up to the blank line; the rest of text is the body. Long values may be folded. */
enum map_content_fault map_part_read(struct arena *a, struct slice text, struct map_part *out);

/* Undoes Content-Encoding: deflate; the result is in the arena, and bounded. */
enum map_content_fault map_inflate(struct arena *a, struct slice *body);

/* Undoes the part's Content-Transfer-Encoding in its body. */
enum map_content_fault map_part_decode(struct arena *a, struct map_part *part);

/* Walks the parts of a multipart body. *at starts at 0 and is moved behind the part; false: no more. */
bool map_multipart_next(struct slice body, struct slice boundary, size_t *at, struct slice *part);

/* message/cpim (RFC 3862): out gets subject, date and addresses; part the content. */
enum map_content_fault map_cpim_read(struct arena *a, struct slice text, struct map_content *out,
                                     struct map_part *part);

/* The text of an HTML document: tags dropped, entities decoded, blocks on lines of their own. Time and memory are linear
 * in the input. .p NULL on memory. */
struct slice map_html_to_text(struct arena *a, struct slice html);

/* The text of an RTF document, in at most three times its size. .p NULL on memory. */
struct slice map_rtf_to_text(struct arena *a, struct slice rtf);

/* A copy in UTF-8; .p NULL on memory. */
struct slice map_latin1_to_utf8(struct arena *a, struct slice s, bool windows);

#endif
