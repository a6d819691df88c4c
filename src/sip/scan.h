/*
 * What the SIP parsers share: character classes of RFC 3261 25.1 and takers, which move a slice past what they
 * recognise and leave it alone when they do not. Values are unfolded before they come here, so white space is SP and
 * TAB.
 */
#ifndef STOX_SIP_SCAN_H
#define STOX_SIP_SCAN_H

#include "base/slice.h"

enum sip_class {
    SIP_C_TOKEN = 1 << 0,    /* token */
    SIP_C_USER = 1 << 1,     /* user, without escapes */
    SIP_C_PASSWORD = 1 << 2, /* password, without escapes */
    SIP_C_PARAM = 1 << 3,    /* paramchar, without escapes */
    SIP_C_HEADER = 1 << 4,   /* characters of hname and hvalue, without escapes */
    SIP_C_WORD = 1 << 5,     /* word and "@": Call-ID */
    SIP_C_LABEL = 1 << 6,    /* between the dots of a hostname, and "_", which real hosts bear */
    SIP_C_IPV6 = 1 << 7,     /* between the brackets */
    SIP_C_URIC = 1 << 8,     /* absoluteURI, without escapes */
    SIP_C_DIGIT = 1 << 9,
    SIP_C_HEX = 1 << 10,
    SIP_C_SCHEME = 1 << 11,
    SIP_C_VALUE = 1 << 12,   /* header parameter values, wider than token: see sip_take_param */
    SIP_C_DISPLAY = 1 << 13, /* display name without quotes: token, white space, and UTF-8, which phones send */
    SIP_C_RESERVED = 1 << 14 /* RFC 2396 2.2 */
};

extern const uint16_t sip_classes[256];

static inline bool sip_is(char c, unsigned classes)
{
    return sip_classes[(unsigned char)c] & classes;
}

/* Length of the run of characters in classes at the start of s. */
static inline size_t sip_span(struct slice s, unsigned classes)
{
    size_t i = 0;

    while (i < s.n && sip_is(s.p[i], classes))
        i++;
    return i;
}

/* As sip_span, %HH counting as in every class. */
size_t sip_span_escaped(struct slice s, unsigned classes);

static inline bool sip_is_space(char c)
{
    return c == ' ' || c == '\t';
}

static inline void sip_skip_space(struct slice *s)
{
    while (s->n && sip_is_space(s->p[0])) {
        s->p++;
        s->n--;
    }
}

/* Without leading and trailing SP and TAB. */
static inline struct slice sip_trim(struct slice s)
{
    sip_skip_space(&s);
    while (s.n && sip_is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* The first n bytes, which must be there. */
static inline struct slice sip_take_n(struct slice *s, size_t n)
{
    struct slice head = slice_of(s->p, n);

    s->p += n;
    s->n -= n;
    return head;
}

static inline bool sip_take_char(struct slice *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    sip_take_n(s, 1);
    return true;
}

/* Length of the quoted string that starts s, both quotes included; 0 when it does not end. */
size_t sip_quoted_length(struct slice s);

/* hostname, IPv4address or IPv6reference. */
bool sip_take_host(struct slice *s, struct slice *host);

/* 1..65535. 0 is refused: uri.h and msg.h use it for "none". */
bool sip_take_port(struct slice *s, uint16_t *port);

/* Digits only; more than 19 are *value = UINT64_MAX. False without a digit. */
bool sip_take_number(struct slice *s, uint64_t *value);

/*
 * One ";name" or ";name=value" of a header or a URI, spaces around ; and = skipped. Quoted values keep their quotes.
 * Values may hold all visible characters but ; , " < > and backslash: RFC 5118 4.5 wants brackets, and tags with "="
 * exist.
 */
enum sip_take { SIP_TAKE_OK, SIP_TAKE_END, SIP_TAKE_BAD };
enum sip_take sip_take_param(struct slice *s, struct slice *name, struct slice *value);

static inline uint64_t sip_load(const char *p, size_t n)
{
    uint64_t w = 0;

    memcpy(&w, p, n);
    return w;
}

/*
 * Is name the same as lower but for capitals? lower consists of small letters and hyphens, name of token or paramchar
 * characters: setting bit 5 then folds the letters and turns nothing else into a letter or hyphen.
 */
static inline bool sip_is_name(struct slice name, struct slice lower)
{
    const uint64_t fold = 0x2020202020202020;
    size_t n = lower.n, i = 0;

    if (name.n != n)
        return false;
    if (n >= 8) {
        for (; n - i > 8; i += 8) {
            if ((sip_load(name.p + i, 8) | fold) != sip_load(lower.p + i, 8))
                return false;
        }
        return (sip_load(name.p + n - 8, 8) | fold) == sip_load(lower.p + n - 8, 8);
    }
    if (n >= 4) {
        uint64_t a = sip_load(name.p, 4) << 32 | sip_load(name.p + n - 4, 4);

        return (a | fold) == (sip_load(lower.p, 4) << 32 | sip_load(lower.p + n - 4, 4));
    }
    for (; i < n; i++) {
        if ((name.p[i] | 0x20) != lower.p[i])
            return false;
    }
    return true;
}

/* How often name (lower case) stands in params, -1 when they break the grammar. More than twice is told as 2.
 * *value gets its first value. */
int sip_param_count(struct slice params, const char *name, struct slice *value);

/* The next element of a comma-separated list, trimmed, maybe empty; false at the end. Quotes and <> are respected. */
bool sip_take_element(struct slice *list, struct slice *element);

#endif
