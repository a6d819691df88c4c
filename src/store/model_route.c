/* Routes: the ways to SIP users. */
#include "store/model.h"

#define FIELD(type, field) .at = offsetof(struct type, field)
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const char *const transports[] = { "udp", "tcp", "tls", NULL };
static const char *const im_modes[] = { "pager", "session", "auto", NULL };
static const char *const imdn_modes[] = { "never", "auto", "always", NULL };
static const char *const identities[] = { "auto", "address", "certificate", "both", NULL };

static const struct setting settings[] = {
    { .name = "next-hop",
      .type = SETTING_ADDR,
      FIELD(route, next_hop),
      .def = NULL,
      .default_port = 5060,
      .brief = "Address of the SIP server that gets the messages",
      .help = "address or address:port. SIP over TLS is usually at port 5061, which must be given." },
    { .name = "transport",
      .type = SETTING_CHOICE,
      FIELD(route, transport),
      .def = "udp",
      .choices = transports,
      .brief = "How to speak to the next hop",
      .help =
          "Over UDP, messages that make a request of more than 1300 bytes are refused (RFC 3428 8). Over tls the next "
          "hop's certificate must be valid and name one of tls-names." },
    { .name = "sources",
      .type = SETTING_NETS,
      FIELD(route, sources),
      .max = 64,
      .brief = "Addresses and networks that may speak for this route's domains",
      .help =
          "Empty: only the next hop's own address. All others get nothing (UDP) or 403 (TCP, TLS). See identify-by." },
    { .name = "identify-by",
      .type = SETTING_CHOICE,
      FIELD(route, identify_by),
      .def = "auto",
      .choices = identities,
      .brief = "What tells that a source may speak for this route's domains",
      .help =
          "address: it is one of sources. certificate: it comes over TLS with a valid certificate that names one of "
          "tls-names. both: the two together. auto: certificate when transport is tls, otherwise address." },
    { .name = "tls-names",
      .type = SETTING_DOMAINS,
      FIELD(route, tls_names),
      .max = 64,
      .brief = "Names of hosts, one of which a certificate of this route must show",
      .help = "As a Lync pool or an Edge shows them: exact names, no wildcards. The first one is asked for when we "
              "connect. "
              "Empty: the certificate must be for the SIP domain itself (RFC 5922)." },
    { .name = "im",
      .type = SETTING_CHOICE,
      FIELD(route, im),
      .def = "pager",
      .choices = im_modes,
      .brief = "How this SIP system likes instant messages",
      .help =
          "pager: each message is one SIP MESSAGE. session: conversations are INVITE sessions with MESSAGE inside, as "
          "Lync, "
          "Skype for Business and Cisco hold them. auto: sessions with those who take them; whoever refuses the INVITE "
          "with 405, 415, 488, 501 or 606, or does not answer it, gets MESSAGE for two hours. With session and auto "
          "both "
          "kinds are taken from this system; with pager its INVITEs are answered 405." },
    { .name = "session-idle",
      .type = SETTING_UINT,
      FIELD(route, session_idle_s),
      .def = "600",
      .min = 5,
      .max = 86400,
      .unit = "s",
      .brief = "Silence after which a conversation's INVITE session is ended",
      .help = "The next message opens a new one." },
    { .name = "session-limit",
      .type = SETTING_UINT,
      FIELD(route, session_limit),
      .def = "100000",
      .min = 1,
      .max = 10000000,
      .unit = "sessions",
      .brief = "INVITE sessions at the same time by this route",
      .help =
          "Toward SIP, one more is refused with 480; a message that needs one is refused with resource-constraint. The "
          "gateway's session-limit counts those of all routes." },
    { .name = "imdn",
      .type = SETTING_CHOICE,
      FIELD(route, imdn),
      .def = "auto",
      .choices = imdn_modes,
      .brief = "Whether receipts pass between this SIP system and XMPP",
      .help =
          "SIP has them as IMDN in message/cpim (RFC 5438). auto: a SIP user is asked for them once his side has sent "
          "or asked for one. always: everybody is asked at first; whose side answers 415 gets the message once more "
          "as plain text, and is not asked again for a day. never: none pass, in either direction." },
    { .name = "receipt-on-200",
      .type = SETTING_BOOL,
      FIELD(route, receipt_on_200),
      .def = "no",
      .brief = "Take 200 OK to a message as its receipt",
      .help = "Only where the next hop's 200 comes from the user's own device, and never from a server that stores the "
              "message: XMPP users are told that their message was received. Not when IMDN is asked for." },
};

const struct setting_kind route_kind = { .name = "route",
                                         .noun = "route",
                                         .plural = "routes",
                                         .title = "name",
                                         .title_type = SETTING_NAME,
                                         .title_at = offsetof(struct route, name),
                                         .size = sizeof(struct route),
                                         .max_objects = 1000,
                                         .brief = "How SIP users are reached, and who may speak for them",
                                         .settings = settings,
                                         .n = COUNT(settings) };

enum route_identify route_identifies_by(const struct route *r)
{
    if (r->identify_by != ROUTE_BY_AUTO)
        return (enum route_identify)r->identify_by;
    return r->transport == ROUTE_TLS ? ROUTE_BY_CERTIFICATE : ROUTE_BY_ADDRESS;
}
