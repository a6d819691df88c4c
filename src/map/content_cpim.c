#include "map/content_parts.h"

#include "base/clock.h"
#include "base/text.h"
#include "map/scratch.h"

#define CPIM_NS "urn:ietf:params:cpim-headers:"
#define IMDN_NS "urn:ietf:params:imdn"

struct cpim {
    struct arena *arena;
    struct map_content *out;
    bool foreign;      /* NS has made another namespace the default one */
    struct slice imdn; /* the prefix that NS has given to IMDN's; empty: none */
    bool has_from, has_to;
};

static const char *const understood[] = { "From", "To", "cc", "DateTime", "Subject", "NS", "Require" };

/* Four hex digits at s; false when they are not there. */
static bool hex4(struct slice s, uint32_t *ch)
{
    *ch = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = i < s.n ? text_lower(s.p[i]) : 0;

        if (c >= '0' && c <= '9')
            *ch = *ch << 4 | (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            *ch = *ch << 4 | (uint32_t)(c - 'a' + 10);
        else
            return false;
    }
    return true;
}

/* One escape, s is behind its backslash: the character, and in *used how long it was (RFC 3862 2.3). */
static uint32_t escape(struct slice s, size_t *used)
{
    static const char from[] = "btnr", to[] = "\b\t\n\r";
    const char *known = memchr(from, s.p[0], sizeof(from) - 1);
    uint32_t ch, low;

    *used = 1;
    if (known)
        return (uint32_t)to[known - from];
    if (s.p[0] != 'u' || !hex4(slice_from(s, 1), &ch))
        return 0;
    *used = 5;
    if (ch >= 0xd800 && ch < 0xdc00 && s.n >= 7 && s.p[5] == '\\' && s.p[6] == 'u' && hex4(slice_from(s, 7), &low) &&
        low >= 0xdc00 && low < 0xe000) {
        *used = 11;
        ch = 0x10000 + ((ch - 0xd800) << 10) + (low - 0xdc00);
    }
    return text_xml_char(ch) ? ch : 0xfffd;
}

/* A header's value without its escapes. .p NULL on memory. */
static struct slice unescape(struct arena *a, struct slice value)
{
    struct buf out;

    if (slice_find(value, '\\') == value.n)
        return value.p ? value : SLICE("");
    if (!scratch_init(&out, a, value.n))
        return (struct slice){ 0 };
    for (size_t i = 0; i < value.n; i++) {
        struct slice rest = slice_from(value, i + 1);
        uint32_t ch;
        size_t used;

        if (value.p[i] != '\\') {
            buf_char(&out, value.p[i]);
            continue;
        }
        if (rest.n == 0)
            break;
        ch = escape(rest, &used);
        /* Of an unknown escape the backslash goes and the character behind it stays. */
        if (ch)
            text_put_char(&out, ch);
        else
            buf_char(&out, rest.p[0]);
        i += used;
    }
    return buf_slice(&out);
}

/* [ Formal-name ] "<" URI ">" */
static enum map_content_fault address(struct slice value, bool *seen, struct sip_uri *out)
{
    size_t open = value.n;

    if (value.n == 0 || value.p[value.n - 1] != '>')
        return MAP_CONTENT_MALFORMED;
    while (open && value.p[open - 1] != '<')
        open--;
    if (open == 0 || !sip_uri_parse(slice_of(value.p + open, value.n - open - 1), out))
        return MAP_CONTENT_MALFORMED;
    *seen = true;
    return MAP_CONTENT_OK;
}

/* Names that must be understood, separated by commas (RFC 3862 4.7). */
static enum map_content_fault require(struct slice value)
{
    struct slice name;
    bool more = true;

    while (more) {
        bool known = false;

        more = slice_cut(value, ',', &name, &value);
        name = slice_trim(name);
        for (size_t i = 0; i < sizeof(understood) / sizeof(understood[0]); i++)
            known = known || slice_is(name, understood[i]);
        if (!known)
            return MAP_CONTENT_TYPE;
    }
    return MAP_CONTENT_OK;
}

/* NS: [ prefix SP ] "<" URI ">": what names mean from here on. */
static void name_space(struct cpim *c, struct slice value)
{
    struct slice prefix, uri;

    if (value.n && value.p[0] == '<')
        c->foreign = !slice_is(value, "<" CPIM_NS ">");
    else if (slice_cut(value, ' ', &prefix, &uri) && slice_is(slice_trim(uri), "<" IMDN_NS ">"))
        c->imdn = prefix;
}

/* A name of IMDN's: the rest of it, behind the prefix. */
static bool is_imdn(const struct cpim *c, struct slice name, struct slice *rest)
{
    struct slice prefix;

    return c->imdn.n && slice_cut(name, '.', &prefix, rest) && slice_eq(prefix, c->imdn);
}

static enum map_content_fault header(struct cpim *c, struct slice name, struct slice value)
{
    struct map_content *out = c->out;
    struct slice rest;

    if (slice_is(name, "NS")) {
        name_space(c, value);
        return MAP_CONTENT_OK;
    }
    if (is_imdn(c, name, &rest)) {
        map_imdn_ask_header(&out->imdn, rest, value);
        return MAP_CONTENT_OK;
    }
    if (slice_is(name, "Require"))
        return require(value);
    if (c->foreign)
        return MAP_CONTENT_OK;
    /* Two senders: whoever reads the other one is deceived. */
    if (slice_is(name, "From"))
        return c->has_from ? MAP_CONTENT_MALFORMED : address(value, &c->has_from, &out->cpim_from);
    if (slice_is(name, "To"))
        return c->has_to ? MAP_CONTENT_OK : address(value, &c->has_to, &out->cpim_to);
    if (slice_is(name, "DateTime")) {
        out->has_date = clock_parse_rfc3339(value, &out->date_wall_s);
        out->imdn.date = out->has_date && value.n <= MAP_IMDN_DATE_MAX ? value : slice_of(NULL, 0);
    } else if (slice_is(name, "Subject") && !out->subject.p) {
        out->subject = unescape(c->arena, value);
        if (!out->subject.p)
            return MAP_CONTENT_NO_MEMORY;
    }
    return MAP_CONTENT_OK;
}

/* name ":" *( ";" parameter ) SP value. */
static bool split(struct slice line, struct slice *name, struct slice *value)
{
    bool quoted = false;

    if (line.p[0] == ' ' || line.p[0] == '\t' || !slice_cut(line, ':', name, value) || name->n == 0 ||
        slice_find(*name, ' ') < name->n)
        return false;
    if (value->n && value->p[0] == ';') {
        size_t i = 0;

        while (i < value->n && (quoted || value->p[i] != ' '))
            quoted ^= value->p[i++] == '"';
        *value = slice_from(*value, i);
    }
    if (value->n == 0 || value->p[0] != ' ')
        return false;
    *value = slice_trim(*value);
    return true;
}

enum map_content_fault map_cpim_read(struct arena *a, struct slice text, struct map_content *out, struct map_part *part)
{
    struct cpim c = { .arena = a, .out = out };
    struct slice line, name, value, type = { 0 };
    enum map_content_fault fault;
    bool more;

    out->has_cpim = true;
    while ((more = map_line(&text, &line)) && line.n) {
        if (!text_is_utf8(line) || !split(line, &name, &value))
            return MAP_CONTENT_MALFORMED;
        /* RFC 7702 prints no blank line between the headers of the message and those of its content. */
        if (slice_ieq(name, SLICE("Content-Type")))
            type = value;
        fault = header(&c, name, value);
        if (fault != MAP_CONTENT_OK)
            return fault;
    }
    if (!more) /* no empty line: the content is not there, and an empty message would say that it was delivered */
        return MAP_CONTENT_MALFORMED;
    if (type.n) {
        *part = (struct map_part){ .type = type, .body = text };
        return MAP_CONTENT_OK;
    }
    return map_part_read(a, text, part);
}
