/*
 * Header lines: RFC 3261 7.3. Lines end in CRLF. A bare CR or LF is no line end for us and might be one for a server in
 * front of us, so the two could see different messages: such a message is refused and its stream closed.
 */
#include <endian.h>

#include "sip/msg_parts.h"
#include "sip/scan.h"

/*
 * Length, first and last character tell all names apart that we know, so each has a slot of its own; two names for one
 * slot do not compile. The long and the compact forms (RFC 3261 7.3.3, 20; RFC 6665 8.2.1), in lower case.
 */
#define SLOTS 128
#define SLOT(n, first, last) (((n)*13 + (first)*7 + (last)*6) % SLOTS)
#define KNOWN(name, first, last, header) [SLOT(sizeof(name) - 1, first, last)] = { { name, sizeof(name) - 1 }, header }

static const struct known {
    struct slice name;
    enum sip_header_id id;
} known[SLOTS] = {
    KNOWN("v", 'v', 'v', SIP_H_VIA),
    KNOWN("f", 'f', 'f', SIP_H_FROM),
    KNOWN("t", 't', 't', SIP_H_TO),
    KNOWN("i", 'i', 'i', SIP_H_CALL_ID),
    KNOWN("l", 'l', 'l', SIP_H_CONTENT_LENGTH),
    KNOWN("c", 'c', 'c', SIP_H_CONTENT_TYPE),
    KNOWN("m", 'm', 'm', SIP_H_CONTACT),
    KNOWN("k", 'k', 'k', SIP_H_SUPPORTED),
    KNOWN("o", 'o', 'o', SIP_H_EVENT),
    KNOWN("s", 's', 's', SIP_H_SUBJECT),
    KNOWN("e", 'e', 'e', SIP_H_CONTENT_ENCODING),
    KNOWN("to", 't', 'o', SIP_H_TO),
    KNOWN("via", 'v', 'a', SIP_H_VIA),
    KNOWN("from", 'f', 'm', SIP_H_FROM),
    KNOWN("cseq", 'c', 'q', SIP_H_CSEQ),
    KNOWN("date", 'd', 'e', SIP_H_DATE),
    KNOWN("route", 'r', 'e', SIP_H_ROUTE),
    KNOWN("event", 'e', 't', SIP_H_EVENT),
    KNOWN("allow", 'a', 'w', SIP_H_ALLOW),
    KNOWN("accept", 'a', 't', SIP_H_ACCEPT),
    KNOWN("call-id", 'c', 'd', SIP_H_CALL_ID),
    KNOWN("contact", 'c', 't', SIP_H_CONTACT),
    KNOWN("expires", 'e', 's', SIP_H_EXPIRES),
    KNOWN("require", 'r', 'e', SIP_H_REQUIRE),
    KNOWN("subject", 's', 't', SIP_H_SUBJECT),
    KNOWN("privacy", 'p', 'y', SIP_H_PRIVACY),
    KNOWN("warning", 'w', 'g', SIP_H_WARNING),
    KNOWN("supported", 's', 'd', SIP_H_SUPPORTED),
    KNOWN("retry-after", 'r', 'r', SIP_H_RETRY_AFTER),
    KNOWN("max-forwards", 'm', 's', SIP_H_MAX_FORWARDS),
    KNOWN("content-type", 'c', 'e', SIP_H_CONTENT_TYPE),
    KNOWN("record-route", 'r', 'e', SIP_H_RECORD_ROUTE),
    KNOWN("proxy-require", 'p', 'e', SIP_H_PROXY_REQUIRE),
    KNOWN("content-length", 'c', 'h', SIP_H_CONTENT_LENGTH),
    KNOWN("content-encoding", 'c', 'g', SIP_H_CONTENT_ENCODING),
    KNOWN("content-language", 'c', 'e', SIP_H_CONTENT_LANGUAGE),
    KNOWN("content-disposition", 'c', 'n', SIP_H_CONTENT_DISPOSITION),
    KNOWN("p-asserted-identity", 'p', 'y', SIP_H_P_ASSERTED_IDENTITY),
};

enum sip_header_id sip_header_of(struct slice name)
{
    const struct known *k;

    if (name.n == 0)
        return SIP_H_OTHER;
    k = &known[SLOT(name.n, (unsigned char)(name.p[0] | 0x20), (unsigned char)(name.p[name.n - 1] | 0x20))];
    return k->name.n && sip_is_name(name, k->name) ? k->id : SIP_H_OTHER;
}

/* Eight bytes at a time: subtracting 0x20 from each borrows where it is smaller. */
char *sip_find_control(char *p, const char *end)
{
    const uint64_t ones = 0x0101010101010101;
    uint64_t w;

    while (end - p >= 8) {
        memcpy(&w, p, 8);
        w = le64toh(w);
        w = (w - ones * 0x20) & ~w & ones * 0x80;
        if (w == 0) {
            p += 8;
            continue;
        }
        p += __builtin_ctzll(w) / 8;
        if (*p != '\t')
            return p;
        p++;
    }
    while (p < end && ((unsigned char)*p >= 0x20 || *p == '\t'))
        p++;
    return p;
}

/* The CR of the CRLF that ends the line at p, or NULL. Line ends that are followed by white space become spaces. */
static char *line_end(struct sip_parser *ps, char *p, char *end)
{
    for (;; p++) {
        p = sip_find_control(p, end);
        if (p == end)
            return NULL;
        if (*p == '\r' && end - p > 1 && p[1] == '\n') {
            if (end - p == 2 || !sip_is_space(p[2]))
                return p;
            p[0] = p[1] = ' ';
        } else if (*p == '\r' || *p == '\n') {
            sip_fault(ps, SIP_PARSE_FRAMING, "Line does not end in CRLF");
        } else if (p[-1] != '\\') {
            /* Quoted strings may hold controls behind a backslash (TORT-intmeth). */
            sip_fault(ps, SIP_PARSE_BAD, "Control character in a header");
        }
    }
}

/* Headers that may stand only once: their value is no list (RFC 3261 7.3.1, TORT-multi01). */
static const uint64_t single = 1ull << SIP_H_CALL_ID | 1ull << SIP_H_CONTENT_DISPOSITION |
                               1ull << SIP_H_CONTENT_LENGTH | 1ull << SIP_H_CONTENT_TYPE | 1ull << SIP_H_CSEQ |
                               1ull << SIP_H_EVENT | 1ull << SIP_H_EXPIRES | 1ull << SIP_H_FROM |
                               1ull << SIP_H_MAX_FORWARDS | 1ull << SIP_H_TO;

static void note(struct sip_parser *ps, enum sip_header_id id, struct slice value)
{
    struct slice element;

    if (id == SIP_H_OTHER)
        return;
    if (id == SIP_H_VIA) {
        for (struct slice list = value; sip_take_element(&list, &element); ps->m->n_vias++) {
            if (element.n == 0)
                sip_fault(ps, SIP_PARSE_BAD, "Empty Via");
        }
    }
    if (!sip_seen(ps, id)) {
        ps->seen |= 1ull << id;
        ps->first[id] = value;
        return;
    }
    if (id == SIP_H_CONTENT_LENGTH)
        ps->other_length = value;
    if (single >> id & 1)
        sip_fault(ps, SIP_PARSE_BAD, "A header that may stand once stands twice");
}

/* Most messages have few headers: the array starts small and grows once. */
static bool make_room(struct sip_parser *ps)
{
    struct sip_msg *m = ps->m;
    size_t n = ps->n_allocated ? SIP_HEADERS_MAX : 24;
    struct sip_header *headers;

    if (m->n_headers < ps->n_allocated)
        return true;
    if (m->n_headers == SIP_HEADERS_MAX) {
        sip_fault(ps, SIP_PARSE_TOO_BIG, "Too many headers");
        return false;
    }
    headers = arena_alloc(ps->arena, n * sizeof(*headers));
    if (!headers) {
        sip_fault(ps, SIP_PARSE_TOO_BIG, "No memory for the headers");
        return false;
    }
    if (m->n_headers)
        memcpy(headers, m->headers, m->n_headers * sizeof(*headers));
    m->headers = headers;
    ps->n_allocated = n;
    return true;
}

char *sip_head(struct sip_parser *ps, char *p, char *end)
{
    struct sip_msg *m = ps->m;

    while (end - p >= 2) {
        struct slice rest = slice_of(p, (size_t)(end - p)), name;
        char *eol;
        bool ok;

        if (p[0] == '\r' && p[1] == '\n')
            return p + 2;
        name = sip_take_n(&rest, sip_span(rest, SIP_C_TOKEN));
        sip_skip_space(&rest);
        ok = name.n && sip_take_char(&rest, ':');
        p += rest.p - p;
        eol = line_end(ps, p, end);
        if (!eol)
            return NULL;
        if (ok && !make_room(ps))
            return NULL;
        if (ok) {
            struct sip_header *h = &m->headers[m->n_headers++];

            h->id = sip_header_of(name);
            h->name = name;
            h->value = sip_trim(slice_of(p, (size_t)(eol - p)));
            note(ps, h->id, h->value);
        } else {
            sip_fault(ps, SIP_PARSE_BAD, "A line is no header");
        }
        p = eol + 2;
    }
    return NULL;
}
