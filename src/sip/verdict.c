#include "sip/verdict.h"

#include <stdio.h>

#define HOPS "stoxctl route set $R --next-hop HOST:PORT"

/* $R: the route, $D: the SIP domain, $H: the server, $W: why. */
static const struct saying {
    const char *what, *remedy;
} sayings[] = {
    [SIP_FAULT_DNS_NO_NAME] = { "$W", "correct the name, or say where the server is: " HOPS },
    [SIP_FAULT_DNS_NO_SERVER] = { "$W", "add SRV records such as _sip._tcp.$D to the DNS, or say where the server "
                                        "is: " HOPS },
    [SIP_FAULT_DNS_NO_SUCH_HOST] = { "$W", "add an address for that host to the DNS, or correct the SRV record" },
    [SIP_FAULT_DNS_NOT_OFFERED] = { "$W", "correct the SRV records, allow another transport (stoxctl route set $R "
                                          "--transport "
                                          "any), or say where the server is: " HOPS },
    [SIP_FAULT_DNS_FAILED] = { "DNS does not answer ($W)",
                               "check the name servers in dns-servers or /etc/resolv.conf, and "
                               "the way to them" },
    [SIP_FAULT_LEADS_TO_US] = { "the DNS leads to this gateway itself ($W)",
                                "correct the records of the SIP server, which must be another than the gateway's" },
    [SIP_FAULT_NOT_ALLOWED] = { "the DNS leads where no name may lead ($W)",
                                "list the network of the SIP servers: stoxctl route set $R --add-sources NETWORK" },
    [SIP_FAULT_CONNECT_REFUSED] = { "nothing listens at $H",
                                    "start the SIP server there, or correct host, port and transport: "
                                    "stoxctl route set $R" },
    [SIP_FAULT_CONNECT_TIMEOUT] = { "$H does not answer at all ($W)", "a firewall drops the connection or the machine "
                                                                      "is down: open that port from here to it" },
    [SIP_FAULT_CONNECT_FAILED] = { "$H cannot be reached ($W)", "check the network and the routes of this machine" },
    [SIP_FAULT_TLS_NOT_OFFERED] = { "what listens at $H does not speak TLS",
                                    "give the port of SIP over TLS (usually 5061), turn TLS on there, or use another "
                                    "transport: "
                                    "stoxctl route set $R --transport tcp" },
    [SIP_FAULT_TLS_FAILED] = { "the TLS handshake with $H fails ($W)",
                               "check that SIP over TLS is what listens there, and which versions and ciphers it has" },
    [SIP_FAULT_OUR_CERTIFICATE] = { "$H refuses our certificate ($W)", "let that server trust the authority of it, or "
                                                                       "give the gateway another: stoxctl gateway set "
                                                                       "--sip-certificate FILE --sip-key FILE" },
    [SIP_FAULT_CERT_MISSING] = { "$H shows no certificate", "give that server one" },
    [SIP_FAULT_CERT_EXPIRED] = { "the certificate of $H has expired ($W)", "renew it there" },
    [SIP_FAULT_CERT_NOT_YET] = { "the certificate of $H is not valid yet ($W)",
                                 "check the clock of this machine first; if it is right, the certificate must be "
                                 "issued anew" },
    [SIP_FAULT_CERT_NAME] = { "the certificate of $H is for another name ($W)",
                              "if that server is the right one: stoxctl route set $R --add-tls-names NAME with the "
                              "name that it "
                              "shows; otherwise its certificate must be issued anew" },
    [SIP_FAULT_CERT_UNKNOWN_CA] = { "the certificate of $H comes from an authority that is not trusted here ($W)",
                                    "put its root into trust-file, or let the server send its intermediate "
                                    "certificates" },
    [SIP_FAULT_CERT_OTHER] = { "the certificate of $H cannot be accepted ($W)", "it must be replaced there" },
    [SIP_FAULT_CLOSED] = { "$H closes the connection ($W)",
                           "the log of that server says why; often it does not list this gateway" },
    [SIP_FAULT_NO_ANSWER] = { "$H answers nothing to OPTIONS ($W)", "over UDP a firewall may drop it or the machine be "
                                                                    "down; check the transport, and that the server "
                                                                    "lists this gateway's address" },
    [SIP_FAULT_FORBIDDEN] = { "$H refuses this gateway ($W)", "let that server take this gateway for a trusted one: by "
                                                              "its address or its certificate" },
    [SIP_FAULT_UNAVAILABLE] = { "$H says that it cannot serve now ($W)",
                                "look at that server: it is overloaded, in "
                                "maintenance, or cannot reach what is behind it" },
    [SIP_FAULT_TIMED_OUT] = { "$H answers that something behind it does not ($W)",
                              "look at what that server sends to" },
    [SIP_FAULT_OURSELVES] = { "this gateway itself stopped the test ($W)", "start it again" },
};

static void put(struct buf *b, const struct sip_verdict_case *c, const char *template)
{
    for (const char *p = template; *p; p++) {
        if (*p != '$') {
            buf_char(b, *p);
            continue;
        }
        switch (*++p) {
        case 'R': buf_put(b, c->route); break;
        case 'D': buf_put(b, c->domain); break;
        case 'H': buf_str(b, c->hop); break;
        default: buf_str(b, c->why && *c->why ? c->why : "no more is known"); break;
        }
    }
}

void sip_verdict(const struct sip_verdict_case *c, char out[SIP_VERDICT_TEXT])
{
    const struct saying *s = &sayings[c->fault];
    struct buf b;

    buf_init(&b, SIP_VERDICT_TEXT - 2);
    if (c->works_by[0])
        buf_printf(&b, "the way to %.*s works: %s answers", SLICE_FMT(c->domain), c->works_by);
    if (c->works_by[0] && c->fault != SIP_FAULT_NONE)
        buf_str(&b, "; but ");
    if (c->fault != SIP_FAULT_NONE) {
        put(&b, c, s->what);
        buf_str(&b, "; ");
        put(&b, c, s->remedy);
    }
    buf_char(&b, '.');
    snprintf(out, SIP_VERDICT_TEXT, "%.*s", SLICE_FMT(buf_slice(&b)));
    if (c->works_by[0])
        out[0] = 'T';
    buf_free(&b);
}
