#include "sip/scan.h"

#define UNRESERVED (SIP_C_USER | SIP_C_PASSWORD | SIP_C_PARAM | SIP_C_HEADER | SIP_C_WORD | SIP_C_URIC | SIP_C_VALUE)
#define TOKEN (SIP_C_TOKEN | SIP_C_DISPLAY | SIP_C_VALUE)
#define ALNUM (UNRESERVED | TOKEN | SIP_C_LABEL | SIP_C_SCHEME)
#define MARK (UNRESERVED | TOKEN)
#define RESERVED (SIP_C_RESERVED | SIP_C_URIC)

const uint16_t sip_classes[256] = {
    ['0' ... '9'] = ALNUM | SIP_C_DIGIT | SIP_C_HEX | SIP_C_IPV6,
    ['A' ... 'F'] = ALNUM | SIP_C_HEX | SIP_C_IPV6,
    ['G' ... 'Z'] = ALNUM,
    ['a' ... 'f'] = ALNUM | SIP_C_HEX | SIP_C_IPV6,
    ['g' ... 'z'] = ALNUM,
    ['-'] = MARK | SIP_C_LABEL | SIP_C_SCHEME,
    ['_'] = MARK | SIP_C_LABEL,
    ['.'] = MARK | SIP_C_SCHEME | SIP_C_IPV6,
    ['!'] = MARK,
    ['~'] = MARK,
    ['*'] = MARK,
    ['\''] = MARK,
    ['('] = UNRESERVED,
    [')'] = UNRESERVED,
    ['%'] = TOKEN | SIP_C_WORD,
    ['`'] = TOKEN | SIP_C_WORD,
    ['+'] = TOKEN | RESERVED | SIP_C_WORD | SIP_C_USER | SIP_C_PASSWORD | SIP_C_PARAM | SIP_C_HEADER | SIP_C_SCHEME,
    ['&'] = RESERVED | SIP_C_USER | SIP_C_PASSWORD | SIP_C_PARAM | SIP_C_VALUE,
    ['='] = RESERVED | SIP_C_USER | SIP_C_PASSWORD | SIP_C_VALUE,
    ['$'] = RESERVED | SIP_C_USER | SIP_C_PASSWORD | SIP_C_PARAM | SIP_C_HEADER | SIP_C_VALUE,
    [','] = RESERVED | SIP_C_USER | SIP_C_PASSWORD,
    [';'] = RESERVED | SIP_C_USER,
    ['?'] = RESERVED | SIP_C_USER | SIP_C_HEADER | SIP_C_WORD | SIP_C_VALUE,
    ['/'] = RESERVED | SIP_C_USER | SIP_C_PARAM | SIP_C_HEADER | SIP_C_WORD | SIP_C_VALUE,
    [':'] = RESERVED | SIP_C_PARAM | SIP_C_HEADER | SIP_C_WORD | SIP_C_IPV6 | SIP_C_VALUE,
    ['@'] = RESERVED | SIP_C_WORD | SIP_C_VALUE,
    ['['] = SIP_C_PARAM | SIP_C_HEADER | SIP_C_WORD | SIP_C_URIC | SIP_C_VALUE,
    [']'] = SIP_C_PARAM | SIP_C_HEADER | SIP_C_WORD | SIP_C_URIC | SIP_C_VALUE,
    ['<'] = SIP_C_WORD,
    ['>'] = SIP_C_WORD,
    ['\\'] = SIP_C_WORD,
    ['"'] = SIP_C_WORD,
    ['{'] = SIP_C_WORD | SIP_C_VALUE,
    ['}'] = SIP_C_WORD | SIP_C_VALUE,
    ['#'] = SIP_C_VALUE,
    ['^'] = SIP_C_VALUE,
    ['|'] = SIP_C_VALUE,
    [' '] = SIP_C_DISPLAY,
    ['\t'] = SIP_C_DISPLAY,
    [0x80 ... 0xff] = SIP_C_DISPLAY | SIP_C_VALUE,
};

size_t sip_span_escaped(struct slice s, unsigned classes)
{
    size_t i = 0;

    for (;;) {
        while (i < s.n && sip_is(s.p[i], classes))
            i++;
        if (s.n - i < 3 || s.p[i] != '%' || !sip_is(s.p[i + 1], SIP_C_HEX) || !sip_is(s.p[i + 2], SIP_C_HEX))
            return i;
        i += 3;
    }
}

size_t sip_quoted_length(struct slice s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '"')
            return i + 1;
        if (s.p[i] == '\\')
            i++;
    }
    return 0;
}

/* Labels are not empty and neither start nor end with a hyphen; one dot may end the name. */
static size_t hostname_length(struct slice s)
{
    size_t i = 0, label;

    for (;;) {
        label = i;
        while (i < s.n && sip_is(s.p[i], SIP_C_LABEL))
            i++;
        if (i == label)
            return i;
        if (s.p[label] == '-' || s.p[i - 1] == '-')
            return 0;
        if (i == s.n || s.p[i] != '.')
            return i;
        i++;
    }
}

/* RFC 5118 4.10 wants [2001:db8:::192.0.2.1] taken as well, so only characters and length are checked. */
static size_t ipv6_reference_length(struct slice s)
{
    size_t n = sip_span(slice_from(s, 1), SIP_C_IPV6);
    bool colon = memchr(s.p, ':', n + 1);

    return colon && n >= 2 && n <= 46 && n + 1 < s.n && s.p[n + 1] == ']' ? n + 2 : 0;
}

bool sip_take_host(struct slice *s, struct slice *host)
{
    size_t n = s->n && s->p[0] == '[' ? ipv6_reference_length(*s) : hostname_length(*s);

    if (n == 0 || n > 255)
        return false;
    *host = sip_take_n(s, n);
    return true;
}

bool sip_take_number(struct slice *s, uint64_t *value)
{
    uint64_t v = 0;
    size_t i = 0, zeros = 0;

    for (; i < s->n && sip_is(s->p[i], SIP_C_DIGIT); i++)
        v = v * 10 + (uint64_t)(s->p[i] - '0');
    if (i == 0)
        return false;
    if (i > 19) {
        while (zeros < i && s->p[zeros] == '0')
            zeros++;
        if (i - zeros > 19)
            v = UINT64_MAX;
    }
    sip_take_n(s, i);
    *value = v;
    return true;
}

bool sip_take_port(struct slice *s, uint16_t *port)
{
    struct slice rest = *s;
    uint64_t v;

    if (!sip_take_number(&rest, &v) || v < 1 || v > 65535)
        return false;
    *port = (uint16_t)v;
    *s = rest;
    return true;
}

enum sip_take sip_take_param(struct slice *s, struct slice *name, struct slice *value)
{
    struct slice in = *s;
    size_t n;

    *value = slice_of(NULL, 0);
    sip_skip_space(&in);
    if (in.n == 0)
        return SIP_TAKE_END;
    if (!sip_take_char(&in, ';'))
        return SIP_TAKE_BAD;
    sip_skip_space(&in);
    n = sip_span(in, SIP_C_TOKEN | SIP_C_PARAM);
    if (n == 0)
        return SIP_TAKE_BAD;
    *name = sip_take_n(&in, n);
    sip_skip_space(&in);
    if (sip_take_char(&in, '=')) {
        sip_skip_space(&in);
        n = in.n && in.p[0] == '"' ? sip_quoted_length(in) : sip_span(in, SIP_C_VALUE);
        if (n == 0)
            return SIP_TAKE_BAD;
        *value = sip_take_n(&in, n);
        sip_skip_space(&in);
    }
    *s = in;
    return SIP_TAKE_OK;
}

int sip_param_count(struct slice params, const char *name, struct slice *value)
{
    struct slice found, v;
    struct slice wanted = slice_str(name);
    enum sip_take took;
    int count = 0;

    while ((took = sip_take_param(&params, &found, &v)) == SIP_TAKE_OK) {
        if (!sip_is_name(found, wanted))
            continue;
        if (count == 0)
            *value = v;
        count += count < 2;
    }
    return took == SIP_TAKE_END ? count : -1;
}

bool sip_take_element(struct slice *list, struct slice *element)
{
    bool in_uri = false;
    size_t i;

    if (!list->p)
        return false;
    if (!memchr(list->p, ',', list->n)) {
        *element = sip_trim(*list);
        *list = slice_of(NULL, 0);
        return true;
    }
    for (i = 0; i < list->n && (list->p[i] != ',' || in_uri); i++) {
        if (list->p[i] == '"' && !in_uri) {
            size_t quoted = sip_quoted_length(slice_from(*list, i));

            i = quoted ? i + quoted - 1 : list->n - 1;
        } else if (list->p[i] == '<') {
            in_uri = true;
        } else if (list->p[i] == '>') {
            in_uri = false;
        }
    }
    *element = sip_trim(slice_first(*list, i));
    if (i < list->n)
        sip_take_n(list, i + 1);
    else
        *list = slice_of(NULL, 0);
    return true;
}
