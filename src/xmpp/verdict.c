#include "xmpp/verdict.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/text.h"

/*
 * $L: our domain, $R: the partner's, $P: how commands name the partner, $K: the key its server showed, $W: the clause about
 * what happened, $S: the seconds that were waited.
 */
struct saying {
    const char *what;   /* is wrong; a clause that begins small */
    const char *remedy; /* another */
};

#define OR_PROXY ", or name its server with stoxctl partner set $P --proxy HOST"
#define SRV_THEIRS "the SRV record _xmpp-server._tcp.$R"
#define SRV_OURS "the SRV record _xmpp-server._tcp.$L must lead to this gateway"
#define OR_DIALBACK ", or let dialback prove it meanwhile: stoxctl partner set $P --sasl optional --dialback true"

static const struct saying sayings[] = {
    [XMPP_FAULT_NONE] = { "nothing is known to be wrong", "look at the log of this gateway" },
    [XMPP_FAULT_DNS_NO_ADDRESS] = { "$R has neither XMPP server records nor an address in DNS",
                                    "check how it is spelt; if it is right, the partner must publish " SRV_THEIRS
                                        OR_PROXY },
    [XMPP_FAULT_DNS_NOT_OFFERED] = { "the DNS of $R says that this domain offers no XMPP (SRV target \".\")",
                                     "the partner must publish its server in " SRV_THEIRS OR_PROXY },
    [XMPP_FAULT_DNS_NO_SUCH_SERVER] = { "the name of the server of $R does not exist ($W)",
                                        "the partner must correct " SRV_THEIRS OR_PROXY },
    [XMPP_FAULT_DNS_FAILED] = { "DNS gives no usable answer about $R ($W)",
                                "check that this gateway's name servers answer (dns-servers), and have the partner "
                                "check "
                                "its zone and the zone's DNSSEC signatures" },
    [XMPP_FAULT_LEADS_TO_US] = { "the DNS of $R leads back to this gateway ($W)",
                                 "the partner must correct " SRV_THEIRS OR_PROXY },
    [XMPP_FAULT_NOT_LISTED] = { "the DNS of $R leads where no name may lead ($W)",
                                "if the partner's server really is there, list its network with stoxctl gateway set "
                                "--partner-networks; if not, the partner must correct " SRV_THEIRS },
    [XMPP_FAULT_CONNECT_REFUSED] = { "the server of $R refuses the connection ($W)",
                                     "the partner must start its XMPP server there, or correct the host and port "
                                     "in " SRV_THEIRS },
    [XMPP_FAULT_CONNECT_TIMEOUT] = { "the server of $R does not answer at all ($W)",
                                     "a firewall drops the connection or the machine is down: open TCP to it (usually "
                                     "port "
                                     "5269) at your side, and have the partner open it at his" },
    [XMPP_FAULT_CONNECT_FAILED] = { "the server of $R cannot be connected to ($W)",
                                    "check the network and the routes of this machine, and the addresses in the "
                                    "partner's "
                                    "DNS" },
    [XMPP_FAULT_TLS_TOO_OLD] = { "the server of $R speaks only versions of TLS older than 1.2, which are not secure",
                                 "the partner must turn on TLS 1.2 or 1.3" },
    [XMPP_FAULT_TLS_NOT_OFFERED] = { "the server of $R offers no TLS, and your setting requires it",
                                     "the partner must turn on STARTTLS, or, if clear text is good enough, allow it: "
                                     "stoxctl "
                                     "partner set $P --tls optional --sasl optional --dialback true" },
    [XMPP_FAULT_TLS_FORBIDDEN] = { "the server of $R insists on TLS, and your setting forbids it",
                                   "allow it: stoxctl partner set $P --tls optional" },
    [XMPP_FAULT_TLS_FAILED] = { "the TLS handshake with the server of $R fails ($W)",
                                "the partner must look at the TLS settings of its server, and whether something "
                                "between "
                                "changes the connection" },
    [XMPP_FAULT_OUR_CERTIFICATE] = { "the server of $R refuses the certificate of $L ($W)",
                                     "have the partner trust the authority that issued it, or give $L another: stoxctl "
                                     "domain "
                                     "set $L --certificate FILE --key FILE" },
    [XMPP_FAULT_CERT_MISSING] = { "the server of $R shows no certificate",
                                  "the partner must give it one for $R" OR_DIALBACK },
    [XMPP_FAULT_CERT_EXPIRED] = { "the certificate of $R has expired", "the partner must renew it" OR_DIALBACK },
    [XMPP_FAULT_CERT_NOT_YET] = { "the certificate of $R is not valid yet",
                                  "check the clock of this machine first; if it is right, the partner's certificate "
                                  "has a "
                                  "wrong date and must be issued anew" },
    [XMPP_FAULT_CERT_NAME] = { "the certificate that the server of $R shows does not name $R",
                               "the partner must get one with $R as dNSName, SRVName or XmppAddr" OR_DIALBACK },
    [XMPP_FAULT_CERT_UNKNOWN_CA] = { "the certificate of $R comes from an authority that is not trusted here, or the "
                                     "intermediate certificates are not sent with it",
                                     "the partner must send the whole chain of a certificate from an authority that "
                                     "you "
                                     "trust, or add its root to trust-file, or, if the partner confirms this key, pin "
                                     "it: "
                                     "stoxctl partner set $P --add-pin $K" },
    [XMPP_FAULT_CERT_SELF_SIGNED] = { "the certificate of $R is self-signed",
                                      "the partner must get one from an authority, or, if he confirms this key by "
                                      "another "
                                      "way, pin it: stoxctl partner set $P --add-pin $K" },
    [XMPP_FAULT_CERT_REVOKED] = { "the certificate of $R is revoked by its authority",
                                  "the partner must get a new one; accept it in no other way" },
    [XMPP_FAULT_CERT_PIN] = { "the key that the server of $R shows is none of the partner's pins",
                              "ask the partner by another way whether it has a new key; if it confirms this one: "
                              "stoxctl "
                              "partner set $P --add-pin $K" },
    [XMPP_FAULT_CERT_DANE] = { "the certificate of $R is none of those that its DNS names (DANE)",
                               "the partner must correct the TLSA records of its server, or the certificate" },
    [XMPP_FAULT_CERT_OTHER] = { "the certificate of $R cannot be accepted ($W)", "the partner must replace it" },
    [XMPP_FAULT_EXTERNAL_REFUSED] = { "the server of $R refuses our proof by certificate (SASL EXTERNAL)",
                                      "have the partner check that its server trusts the authority of our certificate "
                                      "and "
                                      "lets $L in, or allow dialback: stoxctl partner set $P --sasl optional "
                                      "--dialback true" },
    [XMPP_FAULT_EXTERNAL_NOT_OFFERED] = { "the server of $R does not offer proof by certificate (SASL EXTERNAL) to us",
                                          "have the partner check that its server offers it and trusts the authority "
                                          "of our "
                                          "certificate, or allow dialback: stoxctl partner set $P --sasl optional "
                                          "--dialback true" },
    [XMPP_FAULT_NO_METHOD] = { "your settings leave no way to prove $L to the server of $R ($W)",
                               "stoxctl matrix shows which combinations of tls, sasl and dialback do what; change them "
                               "with "
                               "stoxctl partner set $P" },
    [XMPP_FAULT_DIALBACK_INVALID] = { "the partner was told that our dialback key is wrong",
                                      SRV_OURS ", and all gateways of $L need the same secret: stoxctl gateway set "
                                               "--dialback-passphrase -" },
    [XMPP_FAULT_DIALBACK_BLOCKED] = { "the server of $R cannot reach ours to check our dialback key",
                                      SRV_OURS ", and TCP port 5269 must be open to it from the partner's server" },
    [XMPP_FAULT_DIALBACK_FAILED] = { "the server of $R does not accept our dialback ($W)",
                                     "the log of the partner's server says why" },
    [XMPP_FAULT_HOST_UNKNOWN] = { "the server that the DNS of $R names does not serve $R ($W)",
                                  "the partner must add the domain there, or correct " SRV_THEIRS },
    [XMPP_FAULT_NOT_ALLOWED] = { "the server of $R does not let us in ($W)",
                                 "the partner must list $L among the domains it federates with, and accept its "
                                 "certificate" },
    [XMPP_FAULT_STREAM_ERROR] = { "the server of $R ended the stream ($W)",
                                  "the log of the partner's server says why" },
    [XMPP_FAULT_CLOSED] = { "the server of $R closes the connection and gives no reason ($W)",
                            "the log of the partner's server says why; often it does not list $L, or does not trust "
                            "our "
                            "certificate" },
    [XMPP_FAULT_TIMEOUT] = { "the server of $R takes the connection and then says nothing more ($W)",
                             "what listens there hangs or is no XMPP server: the partner must look at it, and at the "
                             "host and "
                             "port in " SRV_THEIRS },
    [XMPP_FAULT_OUR_SETTINGS] = { "this gateway itself stopped the test ($W)", "start it again" },
    [XMPP_FAULT_NO_WAY_BACK] = { "we reach $R, but its server answers nothing within $S s and opens no stream to us",
                                 SRV_OURS
                                 ", TCP port 5269 must be open to it from the partner's server, and the partner must "
                                 "list $L among the domains it federates with" },
    [XMPP_FAULT_NO_ANSWER] = { "streams stand both ways, but the server of $R does not answer a ping (XEP-0199) within "
                               "$S s",
                               "messages pass, but nothing confirms them: the partner must let its server answer "
                               "pings" },
};

static const struct saying inbound_external = {
    "the server of $R does not prove itself to us by its certificate ($W)",
    "the log of this gateway says what it asked for" OR_DIALBACK,
};

/* What is said of the partner's own stream to us; of most faults it is the same. */
static const struct saying *say_inbound(enum xmpp_fault fault)
{
    static const struct saying
        dialback = { "the dialback of $R cannot be checked ($W)",
                     "the server that the DNS of $R names must be reachable from here and confirm the partner's key" },
        other = { "the stream that the server of $R opens to us fails ($W)", "the log of this gateway says more" };

    switch (fault) {
    case XMPP_FAULT_EXTERNAL_REFUSED: return &inbound_external;
    case XMPP_FAULT_DIALBACK_BLOCKED:
    case XMPP_FAULT_DIALBACK_INVALID:
    case XMPP_FAULT_DIALBACK_FAILED: return &dialback;
    case XMPP_FAULT_OUR_CERTIFICATE: return &sayings[fault];
    default: break;
    }
    if ((fault >= XMPP_FAULT_CERT_MISSING && fault <= XMPP_FAULT_CERT_OTHER) || fault == XMPP_FAULT_TLS_TOO_OLD)
        return &sayings[fault];
    return &other;
}

static void put(struct buf *b, const struct xmpp_verdict_case *c, const char *why, const char *template)
{
    for (const char *p = template; *p; p++) {
        if (*p != '$') {
            buf_char(b, *p);
            continue;
        }
        switch (*++p) {
        case 'L': buf_put(b, c->local); break;
        case 'R': buf_put(b, c->remote); break;
        case 'P': buf_put(b, c->partner); break;
        case 'K': buf_put(b, c->key.n ? c->key : SLICE("sha256/...")); break;
        case 'S': buf_u64(b, c->waited_s); break;
        default: buf_str(b, why && *why ? why : "no more is known"); break;
        }
    }
}

/* big: it begins with a word of ours, not with a name. */
static void finish(struct buf *b, bool big, struct xmpp_verdict *out)
{
    buf_char(b, '.');
    snprintf(out->text, sizeof(out->text), "%.*s", SLICE_FMT(buf_slice(b)));
    if (big && out->text[0] >= 'a' && out->text[0] <= 'z')
        out->text[0] = (char)(out->text[0] - 'a' + 'A');
}

void xmpp_verdict(const struct xmpp_verdict_case *c, struct xmpp_verdict *out)
{
    const struct saying *s;
    bool big = false;
    struct buf b;

    *out = (struct xmpp_verdict){ .fault = c->fault };
    buf_init(&b, XMPP_VERDICT_TEXT - 2);
    if (c->fault == XMPP_FAULT_NONE && c->answered) {
        out->works = true;
        buf_printf(&b, "%.*s works: its server believes %.*s (%s), and its answer came back on ", SLICE_FMT(c->remote),
                   SLICE_FMT(c->local), xmpp_method_name(c->method));
        if (c->both)
            buf_str(&b, "the same stream, which carries both directions");
        else
            buf_printf(&b, "its own stream to us (%s)", xmpp_method_name(c->back_method));
    } else if (c->fault == XMPP_FAULT_NONE && c->both) {
        out->fault = XMPP_FAULT_NO_ANSWER;
        put(&b, c, c->why,
            "A stream for both directions stands, but the server of $R does not answer a ping (XEP-0199) within $S s; "
            "messages pass, but nothing confirms them: the partner must let its server answer pings");
    } else if (c->fault == XMPP_FAULT_NONE && c->back_method == XMPP_METHOD_NONE && c->back_fault != XMPP_FAULT_NONE) {
        out->fault = c->back_fault;
        big = true;
        s = say_inbound(c->back_fault);
        put(&b, c, c->back_why, "we reach $R, but its own stream to us fails: ");
        put(&b, c, c->back_why, s->what);
        buf_str(&b, "; ");
        put(&b, c, c->back_why, s->remedy);
    } else {
        if (c->fault == XMPP_FAULT_NONE)
            out->fault = c->back_method == XMPP_METHOD_NONE ? XMPP_FAULT_NO_WAY_BACK : XMPP_FAULT_NO_ANSWER;
        s = &sayings[out->fault];
        big = s->what[0] != '$';
        put(&b, c, c->why, s->what);
        buf_str(&b, "; ");
        put(&b, c, c->why, s->remedy);
    }
    finish(&b, big, out);
    buf_free(&b);
}
