/*
 * The pieces sip_msg_parse is made of. Each notes faults and goes on, so that a faulty request can still be answered.
 */
#ifndef STOX_SIP_MSG_PARTS_H
#define STOX_SIP_MSG_PARTS_H

#include "sip/msg.h"

#define SIP_HEADER_KINDS (SIP_H_WARNING + 1)

struct sip_parser {
    struct sip_msg *m;
    struct arena *arena;
    size_t n_allocated; /* of m->headers */

    enum sip_parse outcome; /* the worst so far: values of enum sip_parse grow with severity */
    const char *fault;

    uint64_t seen;             /* 1 << sip_header_id */
    struct slice other_length; /* a second Content-Length */
    bool via_usable;           /* an answer knows where to go */
    uint64_t content_length;   /* UINT64_MAX: larger than that */
    bool has_content_length;

    struct slice first[SIP_HEADER_KINDS]; /* value of the first header of each kind in seen; the others are not set */
};

/* Notes a fault; the worst one wins, among equals the first. */
void sip_fault(struct sip_parser *ps, enum sip_parse outcome, const char *text);

static inline bool sip_seen(const struct sip_parser *ps, enum sip_header_id id)
{
    return ps->seen >> id & 1;
}

/* Request-Line or Status-Line without its CRLF. SIP_PARSE_DROP: not SIP. */
void sip_start_line(struct sip_parser *ps, struct slice line);

/*
 * Header lines from p on. Returns the first byte behind the empty line, or NULL when there is none before end;
 * incomplete lines are left out.
 */
char *sip_head(struct sip_parser *ps, char *p, char *end);

/* The values every message needs: Via, From, To, Call-ID, CSeq, Max-Forwards, Content-Length, and the Request-URI. */
void sip_fields(struct sip_parser *ps);

/*
 * As sip_uri_parse and sip_name_addr_parse, but what they fill must be all zero, and is of no use after a fault. The
 * second returns how often there is a tag, and the first one, or -1.
 */
bool sip_uri_fill(struct slice in, struct sip_uri *u);
int sip_name_addr_fill(struct slice in, struct sip_name_addr *na, struct slice *tag);

/* As sip_via_parse, but true when only the address is good; *ok tells whether the rest is, too. */
bool sip_via_parse_lenient(struct slice value, struct sip_via *out, bool *ok);

/* The first byte from p on that is below 0x20 and no TAB, or end. */
char *sip_find_control(char *p, const char *end);

enum sip_method sip_method_of(struct slice name);
enum sip_header_id sip_header_of(struct slice name);

#endif
