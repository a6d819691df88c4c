/*
 * All frames of the link between gateway and proxy (docs/PERIMETER.md, "The link"), each field once: from here come the structs,
 * and the table by which link/frame.c reads and writes them.
 *
 * F(T, kind, name, least, greatest): T is the frame. U8 to U64: a number of so many bits, most significant byte first. FLAG: a byte, 0 or 1.
 * DATA: any bytes, behind their length in 4 bytes. TEXT: the same, UTF-8 without control characters. The bounds are of the
 * value, or of the length. What a field means is said behind it.
 *
 * This is version 1. HELLO stays as it is in all versions.
 */
#ifndef STOX_LINK_FRAMES_H
#define STOX_LINK_FRAMES_H

#include <stdbool.h>

#include "base/slice.h"
#include "xmpp/federation.h"

#define LINK_VERSION 1
#define LINK_FRAME_MAX (320 * 1024) /* length, type and fields */
#define LINK_RANDOM 16              /* bytes of what names a process, or a session */
#define LINK_DOMAIN_MAX JID_PART_MAX
#define LINK_WHY_MAX 400
#define LINK_VERDICT_MAX 2000
#define LINK_KNOCKS_MAX 16  /* connections that are tried at a time */
#define LINK_SHOWN_MAX 1024 /* a text of a certificate */
#define LINK_PROGRAM_MAX 64
#define LINK_SHOWN_NAMES 64 /* of its names */
#define LINK_REVOCATIONS_MAX (16 << 20)
#define LINK_SENT_MAX (256 * 1024)  /* a stanza of ours */
#define LINK_HEARD_MAX (300 * 1024) /* a partner's, as it is written anew: its 256 KiB, and the names of namespaces */

/* ---- the connection ---- */

#define LINK_FIELDS_HELLO(F, T)                                                                                        \
    F(T, DATA, magic, 9, 9)                 /* "stox-link" */                                                          \
    F(T, U16, version_least, 1, UINT16_MAX) /* what its sender speaks */                                               \
    F(T, U16, version_greatest, 1, UINT16_MAX)                                                                         \
    F(T, U8, role, 0, 1)                          /* enum link_role */                                                 \
    F(T, DATA, process, LINK_RANDOM, LINK_RANDOM) /* another one after each start */                                   \
    F(T, DATA, session, 0, LINK_RANDOM)           /* gateway: that it would go on with, or none; proxy: that it is */  \
    F(T, U64, taken, 0, UINT64_MAX)               /* numbered frames of the peer's in that session */                  \
    F(T, FLAG, beside, 0,                                                                                              \
      1) /* gateway: the process before it has handed over, and ends what it has by a session of its own */            \
    F(T, TEXT, name, 1, 255)  /* of its host, for the log */                                                           \
    F(T, DATA, more, 0, 4096) /* of later versions: not looked at */

/* The last frame: why its sender ends the connection. */
#define LINK_FIELDS_BYE(F, T)                                                                                          \
    F(T, U8, reason, 0, LINK_N_REASONS - 1) /* enum link_reason */                                                     \
    F(T, TEXT, why, 0, LINK_WHY_MAX)

#define LINK_FIELDS_ACK(F, T) F(T, U64, taken, 0, UINT64_MAX) /* numbered frames in this session */

/* Clocks are of loops, in ms: they say nothing but how much later one moment is than another. */
#define LINK_FIELDS_PING(F, T) F(T, U64, proxy_ms, 0, INT64_MAX)
#define LINK_FIELDS_PONG(F, T)                                                                                         \
    F(T, U64, proxy_ms, 0, INT64_MAX) /* of the PING */                                                                \
    F(T, U64, gateway_ms, 0, INT64_MAX)

/* ---- settings: all of them between SETTINGS and SETTINGS_END, in use as a whole or not at all ---- */

#define LINK_FIELDS_SETTINGS(F, T) F(T, U64, version, 1, UINT64_MAX)

#define LINK_FIELDS_LIMITS(F, T) /* struct xmpp_limits */                                                              \
    F(T, U32, connection_limit, 1, UINT32_MAX)                                                                         \
    F(T, U32, partner_connection_limit, 1, UINT32_MAX)                                                                 \
    F(T, U32, establish_s, 1, 86400)                                                                                   \
    F(T, U32, inactivity_s, 1, UINT32_MAX)                                                                             \
    F(T, U32, keepalive_s, 1, UINT32_MAX)                                                                              \
    F(T, U32, stanza_rate, 0, UINT32_MAX)                                                                              \
    F(T, U32, byte_rate, 0, UINT32_MAX)

#define LINK_FIELDS_SECRET(F, T) F(T, DATA, secret, 1, XMPP_SECRET_MAX) /* of dialback */

#define LINK_FIELDS_NETWORK(F, T) F(T, TEXT, network, 1, 64) /* one of partner-networks */

#define LINK_FIELDS_SERVED(F, T)                                                                                       \
    F(T, TEXT, domain, 1, LINK_DOMAIN_MAX)                                                                             \
    F(T, DATA, features, 0, 16384) /* XML: what it says of itself in stream features */

#define LINK_FIELDS_PARTNER(F, T) /* struct xmpp_partner */                                                            \
    F(T, TEXT, name, 1, LINK_DOMAIN_MAX)                                                                               \
    F(T, U8, tls, 0, XMPP_NOT_SUPPORTED)                                                                               \
    F(T, U8, sasl, 0, XMPP_NOT_SUPPORTED)                                                                              \
    F(T, FLAG, dialback, 0, 1)                                                                                         \
    F(T, FLAG, keep_alive, 0, 1)                                                                                       \
    F(T, FLAG, bidi, 0, 1)                                                                                             \
    F(T, U32, connection_limit, 0, UINT32_MAX)                                                                         \
    F(T, U32, stanza_rate, 0, UINT32_MAX)                                                                              \
    F(T, U32, byte_rate, 0, UINT32_MAX)                                                                                \
    F(T, TEXT, proxy, 0, 300)                                                                                          \
    F(T, TEXT, component, 0, 64) /* "ip:port" */                                                                       \
    F(T, DATA, component_secret, 0, 1024)

/* Of the PARTNER before. */
#define LINK_FIELDS_PARTNER_DOMAIN(F, T) F(T, TEXT, domain, 1, LINK_DOMAIN_MAX)
#define LINK_FIELDS_PARTNER_PIN(F, T) F(T, TEXT, pin, 1, 64)

#define LINK_FIELDS_IDENTITY(F, T)                                                                                     \
    F(T, TEXT, name, 0, LINK_DOMAIN_MAX) /* as tls_identities_add has it */                                            \
    F(T, U64, revision, 0, UINT64_MAX)                                                                                 \
    F(T, DATA, chain, 1, 128 * 1024) /* PEM, leaf first */                                                             \
    F(T, DATA, key, 1, 16 * 1024)    /* PEM */

#define LINK_FIELDS_SETTINGS_END(F, T) F(T, U32, frames, 0, UINT32_MAX) /* since SETTINGS */

#define LINK_FIELDS_SETTINGS_USED(F, T)                                                                                \
    F(T, U64, version, 1, UINT64_MAX)                                                                                  \
    F(T, FLAG, used, 0, 1)           /* no: the former ones stay */                                                    \
    F(T, TEXT, why, 0, LINK_WHY_MAX) /* not */

/* Revocation lists, all of them, when they are others than before and when a link begins: so many bytes of PEM follow, in parts. */
#define LINK_FIELDS_REVOCATIONS(F, T) F(T, U32, bytes, 0, LINK_REVOCATIONS_MAX)
#define LINK_FIELDS_REVOCATION_PART(F, T) F(T, DATA, pem, 1, 128 * 1024)

/* ---- stanzas ---- */

#define LINK_FIELDS_SEND(F, T)                                                                                         \
    F(T, U64, id, 1, UINT64_MAX)      /* in this session; another one for each */                                      \
    F(T, FLAG, awaited, 0, 1)         /* it gets a FATE */                                                             \
    F(T, U64, until_ms, 0, INT64_MAX) /* of the gateway's clock: not written from then on; 0: no such time */          \
    F(T, TEXT, local, 1, LINK_DOMAIN_MAX)                                                                              \
    F(T, TEXT, remote, 1, LINK_DOMAIN_MAX)                                                                             \
    F(T, DATA, stanza, 1, LINK_SENT_MAX)

/* No FATE follows, unless it is under way. */
#define LINK_FIELDS_WITHDRAW(F, T) F(T, U64, id, 1, UINT64_MAX)

#define LINK_FIELDS_FATE(F, T)                                                                                         \
    F(T, U64, id, 1, UINT64_MAX)                                                                                       \
    F(T, U8, fate, 0, LINK_FATE_TAKEN_BACK) /* enum xmpp_fate, or that */                                              \
    F(T, FLAG, written, 0, 1)               /* it was, or may have been */                                             \
    F(T, TEXT, why, 0, LINK_WHY_MAX)

#define LINK_FIELDS_STANZA(F, T)                                                                                       \
    F(T, U64, receipt, 0, UINT64_MAX)     /* 0: nobody counts it */                                                    \
    F(T, TEXT, local, 1, LINK_DOMAIN_MAX) /* the pair that its stream is proven for */                                 \
    F(T, TEXT, remote, 1, LINK_DOMAIN_MAX)                                                                             \
    F(T, TEXT, lang, 0, 64) /* of the stream */                                                                        \
    F(T, DATA, stanza, 1, LINK_HEARD_MAX)

#define LINK_FIELDS_HANDLED(F, T) F(T, U64, receipt, 1, UINT64_MAX)

/* Of what the proxy has used up by stanzas of this partner, so much is given back. */
#define LINK_FIELDS_CREDIT(F, T)                                                                                       \
    F(T, TEXT, partner, 1, LINK_DOMAIN_MAX) /* its name */                                                             \
    F(T, U32, stanzas, 1, UINT32_MAX)                                                                                  \
    F(T, U32, bytes, 0, UINT32_MAX)

/* ---- streams as a whole ---- */

/* As xmpp_ops.link; all that are up are told anew when a session begins. */
#define LINK_FIELDS_LINKED(F, T)                                                                                       \
    F(T, TEXT, remote, 1, LINK_DOMAIN_MAX)                                                                             \
    F(T, FLAG, up, 0, 1)    /* and not still: the last one has ended in order */                                       \
    F(T, FLAG, still, 0, 1) /* there is a proven stream now: as federation_is_linked */

#define LINK_FIELDS_PHASE(F, T) F(T, U8, phase, 0, LINK_N_PHASES - 1)      /* enum link_phase */
#define LINK_FIELDS_PHASE_DONE(F, T) F(T, U8, phase, 0, LINK_N_PHASES - 1) /* all of it is as asked */

/* ---- what administrators see: copies, which decide nothing ---- */

/*
 * struct xmpp_counters since the proxy's start, of all its gateways, and how the link is; after each answered PING. Queues are counted at
 * the gateway.
 */
#define LINK_FIELDS_COUNTERS(F, T)                                                                                     \
    F(T, U64, stanzas_in, 0, INT64_MAX)                                                                                \
    F(T, U64, stanzas_out, 0, INT64_MAX)                                                                               \
    F(T, U64, confirmed, 0, INT64_MAX)                                                                                 \
    F(T, U64, unconfirmed, 0, INT64_MAX)                                                                               \
    F(T, U64, failed, 0, INT64_MAX)                                                                                    \
    F(T, U64, resent, 0, INT64_MAX)                                                                                    \
    F(T, U64, streams_opened, 0, INT64_MAX)                                                                            \
    F(T, U64, streams_failed, 0, INT64_MAX)                                                                            \
    F(T, U64, streams_refused, 0, INT64_MAX)                                                                           \
    F(T, U64, streams_failed_in, 0, INT64_MAX)                                                                         \
    F(T, U64, throttles, 0, INT64_MAX)                                                                                 \
    F(T, U64, throttled_ms, 0, INT64_MAX)                                                                              \
    F(T, U32, streams, 0, UINT32_MAX)                                                                                  \
    F(T, U32, streams_authenticated, 0, UINT32_MAX)                                                                    \
    F(T, U32, trip_ms, 0, UINT32_MAX)        /* from that PING to its answer */                                        \
    F(T, TEXT, program, 1, LINK_PROGRAM_MAX) /* the proxy's version, as administrators know it */

/*
 * A stream of the proxy's: told anew, with its pairs and steps behind it, when anything but the counts of STREAM_COUNT is another one.
 * Clocks are the proxy's loop's.
 */
#define LINK_FIELDS_STREAM(F, T)                                                                                       \
    F(T, U32, id, 1, UINT32_MAX)                                                                                       \
    F(T, FLAG, inbound, 0, 1)                                                                                          \
    F(T, FLAG, both, 0, 1)                                                                                             \
    F(T, FLAG, authenticated, 0, 1)                                                                                    \
    F(T, FLAG, sm, 0, 1)                                                                                               \
    F(T, TEXT, local, 0, LINK_DOMAIN_MAX)                                                                              \
    F(T, TEXT, remote, 0, LINK_DOMAIN_MAX)                                                                             \
    F(T, TEXT, partner, 0, LINK_DOMAIN_MAX)                                                                            \
    F(T, TEXT, peer, 0, 64) /* "ip:port" */                                                                            \
    F(T, TEXT, state, 0, 32)                                                                                           \
    F(T, TEXT, tls, 0, 32)                                                                                             \
    F(T, TEXT, cipher, 0, 64)                                                                                          \
    F(T, TEXT, method, 0, 32)                                                                                          \
    F(T, TEXT, awaits, 0, 100)                                                                                         \
    F(T, TEXT, certificate, 0, LINK_WHY_MAX)                                                                           \
    F(T, TEXT, pin, 0, 64)                                                                                             \
    F(T, U32, pairs, 0, UINT32_MAX) /* that it may carry; those that are told may be fewer */                          \
    F(T, U64, opened_ms, 0, INT64_MAX)                                                                                 \
    F(T, U64, last_ms, 0, INT64_MAX) /* the last stanza */                                                             \
    F(T, U64, stanzas_in, 0, INT64_MAX)                                                                                \
    F(T, U64, stanzas_out, 0, INT64_MAX)

/* Of the STREAM before. */
#define LINK_FIELDS_STREAM_PAIR(F, T)                                                                                  \
    F(T, TEXT, local, 0, LINK_DOMAIN_MAX)                                                                              \
    F(T, TEXT, remote, 0, LINK_DOMAIN_MAX)                                                                             \
    F(T, TEXT, method, 0, 32)

/* Of the STREAM before: the certificate that its peer showed, whatever was thought of it; then its names, as many as are told. */
#define LINK_FIELDS_STREAM_SHOWN(F, T)                                                                                 \
    F(T, TEXT, subject, 0, LINK_SHOWN_MAX)                                                                             \
    F(T, TEXT, issuer, 0, LINK_SHOWN_MAX)                                                                              \
    F(T, TEXT, until, 0, 15)
#define LINK_FIELDS_STREAM_SHOWN_NAME(F, T) F(T, TEXT, name, 0, LINK_SHOWN_MAX)

/* Of the trace of the STREAM, ATTEMPT or PROBED before. */
#define LINK_FIELDS_STEP(F, T)                                                                                         \
    F(T, U64, at_ms, 0, INT64_MAX)                                                                                     \
    F(T, U8, step, 0, XMPP_STEP_END) /* enum xmpp_step */                                                              \
    F(T, U8, result, 0, STEP_NOTE)   /* enum step_result */                                                            \
    F(T, TEXT, text, 0, XMPP_TRACE_MAX)

#define LINK_FIELDS_STREAM_COUNT(F, T)                                                                                 \
    F(T, U32, id, 1, UINT32_MAX)                                                                                       \
    F(T, U64, last_ms, 0, INT64_MAX)                                                                                   \
    F(T, U64, stanzas_in, 0, INT64_MAX)                                                                                \
    F(T, U64, stanzas_out, 0, INT64_MAX)

#define LINK_FIELDS_STREAM_GONE(F, T) F(T, U32, id, 1, UINT32_MAX)

/* An administrator closes it. */
#define LINK_FIELDS_STREAM_CLOSE(F, T) F(T, U32, id, 1, UINT32_MAX)

/* A set-up that failed: the last one of its pair and direction. */
#define LINK_FIELDS_ATTEMPT(F, T)                                                                                      \
    F(T, FLAG, inbound, 0, 1)                                                                                          \
    F(T, TEXT, local, 0, LINK_DOMAIN_MAX)                                                                              \
    F(T, TEXT, remote, 0, LINK_DOMAIN_MAX)                                                                             \
    F(T, TEXT, address, 0, 64)                                                                                         \
    F(T, TEXT, why, 0, LINK_WHY_MAX)                                                                                   \
    F(T, U8, fault, 0, XMPP_FAULT_NO_ANSWER) /* enum xmpp_fault */                                                     \
    F(T, U64, began_ms, 0, INT64_MAX)                                                                                  \
    F(T, U64, ended_ms, 0, INT64_MAX)

/* A test of a partner is asked for, and how it is: until done each second, with all its steps. */
#define LINK_FIELDS_PROBE(F, T)                                                                                        \
    F(T, U64, id, 1, UINT64_MAX) /* the gateway's choice */                                                            \
    F(T, TEXT, local, 1, LINK_DOMAIN_MAX)                                                                              \
    F(T, TEXT, remote, 1, LINK_DOMAIN_MAX)

#define LINK_FIELDS_PROBED(F, T)                                                                                       \
    F(T, U64, id, 1, UINT64_MAX)                                                                                       \
    F(T, FLAG, done, 0, 1)                                                                                             \
    F(T, FLAG, works, 0, 1)                                                                                            \
    F(T, U8, fault, 0, XMPP_FAULT_NO_ANSWER)                                                                           \
    F(T, TEXT, verdict, 0, LINK_VERDICT_MAX)                                                                           \
    F(T, U64, began_ms, 0, INT64_MAX)                                                                                  \
    F(T, U64, took_ms, 0, INT64_MAX)

/* An administrator wants to know whether anybody listens there: the proxy connects, and hangs up. */
#define LINK_FIELDS_KNOCK(F, T)                                                                                        \
    F(T, U64, id, 1, UINT64_MAX) /* the gateway's choice */                                                            \
    F(T, TEXT, address, 1, 64)   /* "ip:port" */

#define LINK_FIELDS_KNOCKED(F, T)                                                                                      \
    F(T, U64, id, 1, UINT64_MAX)                                                                                       \
    F(T, FLAG, open, 0, 1)                                                                                             \
    F(T, FLAG, refused, 0, 1) /* somebody there has said no; else nothing came back */                                 \
    F(T, TEXT, why, 0, LINK_WHY_MAX)

/* Does anybody look at notes? As xmpp_ops.watched and noted. */
#define LINK_FIELDS_WATCH(F, T) F(T, FLAG, on, 0, 1)

#define LINK_FIELDS_NOTE(F, T)                                                                                         \
    F(T, TEXT, local, 0, LINK_DOMAIN_MAX)                                                                              \
    F(T, TEXT, remote, 0, LINK_DOMAIN_MAX)                                                                             \
    F(T, FLAG, inbound, 0, 1)                                                                                          \
    F(T, TEXT, step, 0, 32)                                                                                            \
    F(T, U8, result, 0, STEP_NOTE) /* enum step_result */                                                              \
    F(T, TEXT, text, 0, 1024)

/*
 * X(type, NAME, member, sender, numbered). A numbered frame is taken exactly once, in order, also across connections of its
 * session; the others are said anew, or missed by nobody.
 */
#define LINK_FRAMES(X)                                                                                                 \
    X(1, HELLO, hello, LINK_EITHER, false)                                                                             \
    X(2, BYE, bye, LINK_EITHER, false)                                                                                 \
    X(3, ACK, ack, LINK_EITHER, false)                                                                                 \
    X(4, PING, ping, LINK_FROM_PROXY, false)                                                                           \
    X(5, PONG, pong, LINK_FROM_GATEWAY, false)                                                                         \
    X(16, SETTINGS, settings, LINK_FROM_GATEWAY, false)                                                                \
    X(17, LIMITS, limits, LINK_FROM_GATEWAY, false)                                                                    \
    X(18, SECRET, secret, LINK_FROM_GATEWAY, false)                                                                    \
    X(19, NETWORK, network, LINK_FROM_GATEWAY, false)                                                                  \
    X(20, SERVED, served, LINK_FROM_GATEWAY, false)                                                                    \
    X(21, PARTNER, partner, LINK_FROM_GATEWAY, false)                                                                  \
    X(22, PARTNER_DOMAIN, partner_domain, LINK_FROM_GATEWAY, false)                                                    \
    X(23, PARTNER_PIN, partner_pin, LINK_FROM_GATEWAY, false)                                                          \
    X(24, IDENTITY, identity, LINK_FROM_GATEWAY, false)                                                                \
    X(26, SETTINGS_END, settings_end, LINK_FROM_GATEWAY, false)                                                        \
    X(27, SETTINGS_USED, settings_used, LINK_FROM_PROXY, false)                                                        \
    X(28, REVOCATIONS, revocations, LINK_FROM_GATEWAY, false)                                                          \
    X(29, REVOCATION_PART, revocation_part, LINK_FROM_GATEWAY, false)                                                  \
    X(32, SEND, send, LINK_FROM_GATEWAY, true)                                                                         \
    X(33, WITHDRAW, withdraw, LINK_FROM_GATEWAY, true)                                                                 \
    X(34, FATE, fate, LINK_FROM_PROXY, true)                                                                           \
    X(35, STANZA, stanza, LINK_FROM_PROXY, true)                                                                       \
    X(36, HANDLED, handled, LINK_FROM_GATEWAY, true)                                                                   \
    X(37, CREDIT, credit, LINK_FROM_GATEWAY, true)                                                                     \
    X(40, LINKED, linked, LINK_FROM_PROXY, true)                                                                       \
    X(41, PHASE, phase, LINK_FROM_GATEWAY, true)                                                                       \
    X(42, PHASE_DONE, phase_done, LINK_FROM_PROXY, true)                                                               \
    X(48, COUNTERS, counters, LINK_FROM_PROXY, false)                                                                  \
    X(49, STREAM, stream, LINK_FROM_PROXY, false)                                                                      \
    X(50, STREAM_PAIR, stream_pair, LINK_FROM_PROXY, false)                                                            \
    X(51, STEP, step, LINK_FROM_PROXY, false)                                                                          \
    X(52, STREAM_COUNT, stream_count, LINK_FROM_PROXY, false)                                                          \
    X(53, STREAM_GONE, stream_gone, LINK_FROM_PROXY, false)                                                            \
    X(54, STREAM_CLOSE, stream_close, LINK_FROM_GATEWAY, false)                                                        \
    X(55, ATTEMPT, attempt, LINK_FROM_PROXY, false)                                                                    \
    X(56, PROBE, probe, LINK_FROM_GATEWAY, true)                                                                       \
    X(57, PROBED, probed, LINK_FROM_PROXY, false)                                                                      \
    X(58, WATCH, watch, LINK_FROM_GATEWAY, false)                                                                      \
    X(59, NOTE, note, LINK_FROM_PROXY, false)                                                                          \
    X(60, KNOCK, knock, LINK_FROM_GATEWAY, false)                                                                      \
    X(61, KNOCKED, knocked, LINK_FROM_PROXY, false)                                                                    \
    X(62, STREAM_SHOWN, stream_shown, LINK_FROM_PROXY, false)                                                          \
    X(63, STREAM_SHOWN_NAME, stream_shown_name, LINK_FROM_PROXY, false)

/* ---- what the fields hold ---- */

enum link_role { LINK_GATEWAY, LINK_PROXY };
enum link_sender { LINK_FROM_GATEWAY = 1 << LINK_GATEWAY, LINK_FROM_PROXY = 1 << LINK_PROXY, LINK_EITHER = 3 };

enum link_reason {
    LINK_IN_ORDER,    /* its process ends */
    LINK_NO_VERSION,  /* there is none in common */
    LINK_BAD_FRAME,   /* a frame that cannot be one (link/frame.h), or one at a wrong time */
    LINK_OVER_CREDIT, /* more than there was credit for */
    LINK_REPLACED,    /* another connection of the same session, or a new process, has taken its place */
    LINK_TOO_MANY,    /* gateways */
    LINK_SILENT,      /* the other end was, for too long */
    LINK_LIED,        /* it spoke for a domain that is not its to speak for */
    LINK_STRANGER,    /* its key is not pinned; never said to it */
    LINK_CUT,         /* the connection has ended, and nobody has said why; never said, either */
    LINK_N_REASONS,
};

enum link_phase {
    LINK_SERVE,  /* as it begins */
    LINK_REFUSE, /* federation_refuse */
    LINK_REST,   /* federation_rest; BYE may follow */
    LINK_N_PHASES,
};

/* Not written by until_ms, or while the proxy might write: the gateway may have it written elsewhere. */
#define LINK_FATE_TAKEN_BACK (XMPP_FATE_LOST + 1)

enum link_type {
#define LINK_ENUM(type, NAME, member, sender, numbered) LINK_##NAME = (type),
    LINK_FRAMES(LINK_ENUM)
#undef LINK_ENUM
};

#define LINK_C_U8 uint64_t
#define LINK_C_U16 uint64_t
#define LINK_C_U32 uint64_t
#define LINK_C_U64 uint64_t
#define LINK_C_FLAG bool
#define LINK_C_TEXT struct slice
#define LINK_C_DATA struct slice
#define LINK_MEMBER(T, kind, name, least, greatest) LINK_C_##kind name;
#define LINK_STRUCT(type, NAME, member, sender, numbered)                                                              \
    struct link_##member##_frame {                                                                                     \
        LINK_FIELDS_##NAME(LINK_MEMBER, member)                                                                        \
    };
LINK_FRAMES(LINK_STRUCT)
#undef LINK_STRUCT
#undef LINK_MEMBER

struct link_frame {
    enum link_type type;
    union {
#define LINK_UNION(type, NAME, member, sender, numbered) struct link_##member##_frame member;
        LINK_FRAMES(LINK_UNION)
#undef LINK_UNION
    };
};

#endif
