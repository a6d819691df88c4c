/* Stream errors (RFC 6120 4.9.3): what is written, and what an administrator reads when one is sent or received. */
#ifndef STOX_XMPP_STREAM_ERROR_H
#define STOX_XMPP_STREAM_ERROR_H

#include "xmpp/xml.h"

/*        name                      condition                    what it means */
#define XMPP_STREAM_ERRORS(X)                                                                                          \
    X(BAD_FORMAT, "bad-format", "XML that cannot be processed")                                                        \
    X(BAD_NAMESPACE_PREFIX, "bad-namespace-prefix", "a namespace prefix that is wrong or was not declared")            \
    X(CONFLICT, "conflict", "a newer stream takes the place of this one")                                              \
    X(CONNECTION_TIMEOUT, "connection-timeout", "nothing was heard for too long")                                      \
    X(HOST_GONE, "host-gone", "the domain is no longer served there")                                                  \
    X(HOST_UNKNOWN, "host-unknown", "the domain is not served there")                                                  \
    X(IMPROPER_ADDRESSING, "improper-addressing", "a stanza without usable to or from")                                \
    X(INTERNAL_SERVER_ERROR, "internal-server-error", "a fault of the server itself")                                  \
    X(INVALID_FROM, "invalid-from", "a sender domain that was not proven on this stream")                              \
    X(INVALID_NAMESPACE, "invalid-namespace", "a wrong namespace of stream or content")                                \
    X(INVALID_XML, "invalid-xml", "XML that is not valid")                                                             \
    X(NOT_AUTHORIZED, "not-authorized", "stanzas before the domain was proven")                                        \
    X(NOT_WELL_FORMED, "not-well-formed", "XML that is not well-formed")                                               \
    X(POLICY_VIOLATION, "policy-violation", "a rule of the server was broken")                                         \
    X(REMOTE_CONNECTION_FAILED, "remote-connection-failed", "a server behind it cannot be reached")                    \
    X(RESET, "reset", "the stream must be opened anew")                                                                \
    X(RESOURCE_CONSTRAINT, "resource-constraint", "the server has too much to do")                                     \
    X(RESTRICTED_XML, "restricted-xml", "a comment, processing instruction, DTD or entity")                            \
    X(SEE_OTHER_HOST, "see-other-host", "another host is to be used")                                                  \
    X(SYSTEM_SHUTDOWN, "system-shutdown", "the server is shutting down")                                               \
    X(UNDEFINED_CONDITION, "undefined-condition", "a condition without a name of its own")                             \
    X(UNSUPPORTED_ENCODING, "unsupported-encoding", "another encoding than UTF-8")                                     \
    X(UNSUPPORTED_FEATURE, "unsupported-feature", "no feature in common")                                              \
    X(UNSUPPORTED_STANZA_TYPE, "unsupported-stanza-type", "an element that is no stanza")                              \
    X(UNSUPPORTED_VERSION, "unsupported-version", "a version of XMPP that is not spoken there")

enum xmpp_stream_error {
#define X(name, condition, meaning) XMPP_STREAM_##name,
    XMPP_STREAM_ERRORS(X)
#undef X
};

const char *xmpp_stream_error_condition(enum xmpp_stream_error e);
const char *xmpp_stream_error_meaning(enum xmpp_stream_error e);

/* Of a received <stream:error/>; what is not known is undefined-condition (STOX-S2S-91). */
enum xmpp_stream_error xmpp_stream_error_of(const struct xml *el);

/* What to answer to a fault in the XML; f must not be XML_OK. */
enum xmpp_stream_error xmpp_stream_error_of_fault(enum xml_fault f);

/* The whole <stream:error/>. text may be NULL; extra: an element of ours inside, or NULL. */
void xmpp_stream_error_put(struct buf *b, enum xmpp_stream_error e, const char *text, const char *extra);

#endif
