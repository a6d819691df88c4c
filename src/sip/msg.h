/*
 * SIP messages, parsed in place: all slices point into the received bytes, which the parser may edit (folded lines
 * become one line). Every count and length is bounded. RFC 3261 7, 25; behaviour on hostile input: RFC 4475.
 */
#ifndef STOX_SIP_MSG_H
#define STOX_SIP_MSG_H

#include "base/arena.h"
#include "sip/uri.h"

enum sip_method {
    SIP_UNKNOWN, /* a token we have never heard of: 501 */
    SIP_MESSAGE,
    SIP_OPTIONS,
    SIP_INVITE,
    SIP_ACK,
    SIP_CANCEL,
    SIP_BYE,
    SIP_REGISTER,
    SIP_SUBSCRIBE,
    SIP_NOTIFY,
    SIP_INFO,
    SIP_UPDATE,
    SIP_PRACK,
    SIP_REFER,
    SIP_PUBLISH,
};
const char *sip_method_name(enum sip_method m);

/* Headers that Stox looks at; all others are SIP_H_OTHER and keep their name. Compact forms are resolved. */
enum sip_header_id {
    SIP_H_OTHER,
    SIP_H_ACCEPT,
    SIP_H_ALLOW,
    SIP_H_CALL_ID,
    SIP_H_CONTACT,
    SIP_H_CONTENT_DISPOSITION,
    SIP_H_CONTENT_ENCODING,
    SIP_H_CONTENT_LANGUAGE,
    SIP_H_CONTENT_LENGTH,
    SIP_H_CONTENT_TYPE,
    SIP_H_CSEQ,
    SIP_H_DATE,
    SIP_H_EVENT,
    SIP_H_EXPIRES,
    SIP_H_FROM,
    SIP_H_MAX_FORWARDS,
    SIP_H_P_ASSERTED_IDENTITY,
    SIP_H_PRIVACY,
    SIP_H_PROXY_REQUIRE,
    SIP_H_RECORD_ROUTE,
    SIP_H_REQUIRE,
    SIP_H_RETRY_AFTER,
    SIP_H_ROUTE,
    SIP_H_SUBJECT,
    SIP_H_SUPPORTED,
    SIP_H_TO,
    SIP_H_VIA,
    SIP_H_WARNING,
};

struct sip_header {
    enum sip_header_id id;
    struct slice name;  /* as received */
    struct slice value; /* unfolded, trimmed */
};

struct sip_via {
    struct slice transport; /* "UDP", "TCP", "TLS" ... as received */
    struct slice host;      /* sent-by host, IPv6 with brackets */
    uint16_t port;          /* 0: none */
    struct slice params;
    struct slice branch; /* empty: none (RFC 2543) */
    bool has_rport;
    bool has_alias; /* RFC 5923: requests may come back over this connection */
};

#define SIP_HEADERS_MAX 256      /* header lines in one message */
#define SIP_HEAD_MAX (64 * 1024) /* start line and headers (STOX-SIP-06) */
#define SIP_BODY_MAX (256 * 1024)

struct sip_msg {
    bool is_request;
    struct slice method; /* requests */
    enum sip_method method_id;
    struct slice uri_text;
    struct sip_uri uri;
    bool uri_ok;     /* false: the Request-URI breaks the grammar; fault says so */
    unsigned status; /* responses: 100..699 */
    struct slice reason;

    struct sip_header *headers; /* in order, in the arena */
    size_t n_headers;
    struct slice body;

    struct sip_via via; /* topmost */
    size_t n_vias;      /* values, not lines */
    struct sip_name_addr from, to;
    struct slice from_text, to_text; /* whole header values */
    struct slice from_tag, to_tag;
    struct slice call_id;
    uint32_t cseq;
    struct slice cseq_method;
    int max_forwards; /* -1: absent or not a number of 0..255 */

    size_t wanted; /* with SIP_PARSE_MORE: fewer bytes than these, from p + *used on, are not worth parsing again */
};

/*
 * Outcomes, the later the worse: of several faults the worst decides, and the first of those is told. What is found of
 * a faulty request is in m all the same: RFC 3261 8.2 looks at the method first, so the stack may answer 405 or 501
 * where the parser says BAD (TORT-mismatch02, TORT-regbadct).
 */
enum sip_parse {
    SIP_PARSE_OK,
    SIP_PARSE_MORE,    /* stream transports: not complete yet */
    SIP_PARSE_BAD,     /* a request we can answer: m has Via, From ... as far as found; *fault says why (400) */
    SIP_PARSE_VERSION, /* as BAD, but to be answered 505 */
    SIP_PARSE_TOO_BIG, /* as BAD, but to be answered 513; on a stream it must be closed */
    SIP_PARSE_FRAMING, /* as BAD, and the length cannot be believed: on a stream answer 400 and close (STOX-SIP-05) */
    SIP_PARSE_DROP,    /* not SIP, or a faulty response, or no usable Via: nothing may be sent */
};

/*
 * Parses one message at p. is_stream: framing by Content-Length; else the datagram is the message, excess bytes
 * ignored. Headers go to the arena. *fault is a short constant sentence naming the fault, for the reason phrase; NULL
 * with OK and MORE.
 *
 * *used on a stream: the bytes of this message, leading CRLFs included, which may be dropped before the next one is
 * parsed. With MORE: of leading CRLFs only. With TOO_BIG and FRAMING: all. With DROP: 0 when the stream cannot go on
 * and must be closed, else the message is to be skipped.
 *
 * What is forgiven: spaces behind the SIP-Version, a response without the space before its reason phrase, a missing or
 * unusable Max-Forwards, parameter values wider than token, UTF-8 in display names without quotes, "_" in host names,
 * DEL. What is not: a line end that is no CRLF (FRAMING: another server might see other lines), controls in headers
 * that no backslash announces, a header twice that may stand once, a datagram without the empty line behind the
 * headers.
 */
enum sip_parse sip_msg_parse(struct sip_msg *m, struct arena *arena, char *p, size_t n, bool is_stream, size_t *used,
                             const char **fault);

/* First header of this kind, or NULL. */
const struct sip_header *sip_msg_header(const struct sip_msg *m, enum sip_header_id id);

/*
 * Walks the comma-separated values of all headers of this kind, quotes and <> respected, empty ones left out. *pos
 * starts at 0.
 */
bool sip_msg_next_value(const struct sip_msg *m, enum sip_header_id id, size_t *pos, struct slice *value);

/* One via-parm, without the commas between several. */
bool sip_via_parse(struct slice value, struct sip_via *out);

/*
 * Content-Type as type/subtype without parameters (empty when absent) and its parameters, from the first ";" on.
 * False, and both empty, when it breaks the grammar.
 */
bool sip_media_type(struct slice value, struct slice *type, struct slice *params);

#endif
