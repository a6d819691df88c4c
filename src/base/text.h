/*
 * Text as both protocols need it: UTF-8, the characters XML allows, percent and hex and base64 codings.
 */
#ifndef STOX_BASE_TEXT_H
#define STOX_BASE_TEXT_H

#include "base/buf.h"
#include "base/slice.h"

/* Strict UTF-8: no overlong forms, surrogates, or code points above U+10FFFF. */
bool text_is_utf8(struct slice s);

/* Decodes one character at *at and moves past it; false at a fault (position unchanged) or the end. */
bool text_next(struct slice s, size_t *at, uint32_t *ch);
void text_put_char(struct buf *b, uint32_t ch);

/* True for the characters of XML 1.0 production 2. */
bool text_xml_char(uint32_t ch);

/* Appends s as XML character data or attribute value: & < > ' " escaped, characters that XML forbids and faulty UTF-8
 * replaced by U+FFFD; a CR LF pair and a lone CR become LF (STOX-IM-42, STOX-IM-43). */
void text_put_xml(struct buf *b, struct slice s);

/* Does s hold a control character of ASCII (below 0x20, or 0x7F)? Looks at eight bytes at a time. */
bool text_has_control(struct slice s);

/* Appends s with every byte that is not in the set as %HH, upper case. The set is 256 bits, made by text_set. */
struct text_set {
    uint64_t bits[4];
};
struct text_set text_set(const char *also); /* ASCII letters, digits, and the characters of also */
bool text_in(const struct text_set *set, unsigned char c);
void text_put_percent(struct buf *b, struct slice s, const struct text_set *keep);

/* Decodes %HH once. False when a % is not followed by two hex digits. */
bool text_unpercent(struct buf *b, struct slice s);

void text_put_hex(struct buf *b, const void *p, size_t n);

/* Strict base64 (RFC 4648 section 4): no white space, padding where due and only there. */
void text_put_base64(struct buf *b, const void *p, size_t n);
bool text_unbase64(struct buf *b, struct slice s);

/* ASCII lower case. */
static inline char text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Does s hold wanted, which is in lower case, in whatever case of ASCII letters? */
bool text_holds(struct slice s, struct slice wanted);

/* Constant time in the contents, not the length. */
bool text_equal_secret(struct slice a, struct slice b);

#endif
