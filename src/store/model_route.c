/* Routes: the ways to SIP users. */
#include "store/model_rows.h"

static const char *const transports[] = { "udp", "tcp", "tls", "any", NULL };
static const char *const im_modes[] = { "pager", "session", "auto", NULL };
static const char *const imdn_modes[] = { "never", "auto", "always", NULL };
static const char *const added_by[] = { "subscription", "message", NULL };
static const char *const identities[] = {
    "auto", "address", "certificate", "both", "digest", "address-and-digest", NULL
};

static const struct setting settings[] = {
    { .name = "next-hop",
      .type = SETTING_HOSTS,
      .group = "way",
      FIELD(route, next_hops),
      .max = 8,
      .lone = true,
      .brief = "SIP servers that get the messages, the first one first",
      .help =
          "Each an address, address:port, name or name:port. An address without port means port 5061 when transport is "
          "tls, otherwise 5060. A name without port is looked up as RFC 3263 says (SRV, then its "
          "addresses). The next one is tried when one cannot be reached, answers 503 or nothing; see health-interval. "
          "Empty: the servers that the SIP domain's DNS names (RFC 3263: NAPTR, SRV, addresses); those have to be "
          "public "
          "addresses or in sources." },
    { .name = "transport",
      .type = SETTING_CHOICE,
      .group = "way",
      FIELD(route, transport),
      .def = "tls",
      .choices = transports,
      .brief = "How to speak to the next hop",
      .help =
          "Over tls the next hop's certificate must be valid and name one of tls-names, and listen-sip-tls has to be "
          "set, "
          "so that it can reach us. tcp and udp are neither private nor proven. Over UDP, messages that make a request "
          "of more than 1300 bytes are refused (RFC 3428 8). any: as its DNS says, UDP where that says "
          "nothing, "
          "and TCP for what is too long for UDP." },
    { .name = "health-interval",
      .type = SETTING_UINT,
      .group = "way",
      FIELD(route, health_s),
      .def = "60",
      .min = 0,
      .max = 3600,
      .unit = "s",
      .brief = "How often each next hop is asked whether it lives",
      .help = "By OPTIONS, where next-hop is given; 0: never. Any answer but 408 and 503 will do. One that has failed "
              "twice in "
              "a row is tried last until it has answered twice in a row: stoxctl route status shows it." },
    { .name = "sources",
      .type = SETTING_NETS,
      .group = "senders",
      FIELD(route, sources),
      .max = 64,
      .brief = "Addresses and networks that may speak for this route's domains",
      .help = "Empty: the addresses among next-hop only; where those are names, or are found in DNS, sources must be "
              "given unless "
              "certificates tell who speaks. All others get nothing (UDP) or 403 (TCP, TLS). See identify-by." },
    { .name = "identify-by",
      .type = SETTING_CHOICE,
      .group = "senders",
      FIELD(route, identify_by),
      .def = "auto",
      .choices = identities,
      .brief = "What tells that a source may speak for this route's domains",
      .help =
          "address: it is one of sources. certificate: it comes over TLS with a valid certificate that names one of "
          "tls-names. both: the two together. digest: each request proves by a password who it is from, wherever it "
          "comes from (digest-user, and password of a sip-user). address-and-digest: that too, and only from sources. "
          "auto: certificate when transport is tls, otherwise address." },
    { .name = "digest-user",
      .type = SETTING_TEXT,
      .group = "senders",
      FIELD(route, digest_user),
      .def = "",
      .max = 200,
      .brief = "Name that this route's SIP server proves by its password (SIP digest)",
      .help = "With identify-by digest or address-and-digest. It may then send for every user of the route's domains. "
              "Single users have a password of their own: stoxctl sip-user set." },
    { .name = "digest-password",
      .type = SETTING_TEXT,
      .group = "senders",
      FIELD(route, digest_password),
      .def = "",
      .max = 200,
      .secret = true,
      .brief = "Password of digest-user",
      .help = "Long and random: a SIP server's needs not be remembered." },
    { .name = "digest-md5",
      .type = SETTING_BOOL,
      .group = "senders",
      FIELD(route, digest_md5),
      .def = "no",
      .brief = "Whether MD5 will do for digest with this route, both ways",
      .help = "no: SHA-256 only (RFC 8760). yes: MD5 too, for older systems; SHA-256 is still offered first." },
    { .name = "next-hop-user",
      .type = SETTING_TEXT,
      .group = "way",
      FIELD(route, next_hop_user),
      .def = "",
      .max = 200,
      .brief = "Name that we prove to the next hop when it asks for digest authentication",
      .help = "Empty: a next hop that asks is told nothing, and messages to it are refused." },
    { .name = "next-hop-password",
      .type = SETTING_TEXT,
      .group = "way",
      FIELD(route, next_hop_password),
      .def = "",
      .max = 200,
      .secret = true,
      .brief = "Password of next-hop-user",
      .help = "As the next hop has it." },
    { .name = "next-hop-route",
      .type = SETTING_BOOL,
      .group = "way",
      FIELD(route, next_hop_route),
      .def = "no",
      .brief = "Whether a Route header names the next hop (RFC 3261 8.1.2)",
      .help = "yes when next-hop is an outbound proxy that hands on what its Route header (with lr) says, wherever the "
              "recipient's domain is served. Most servers need none: they look at the recipient's address." },
    { .name = "trust-identity",
      .type = SETTING_BOOL,
      .group = "senders",
      FIELD(route, trust_identity),
      .def = "no",
      .brief = "Whether P-Asserted-Identity says who sends, instead of From (RFC 3325)",
      .help =
          "yes only when this SIP system sets that header itself and removes what its users put there. Its address "
          "must be one of the route's domains all the same. Requests to it have the header too: it is inside of the "
          "trust domain then, and all others are outside." },
    { .name = "message-rate",
      .type = SETTING_UINT,
      .group = "senders",
      FIELD(route, message_rate),
      .def = "0",
      .max = 1000000,
      .unit = "messages/s",
      .brief = "Messages a second from this route's SIP system, all its users together, on average",
      .help = "0: no limit. Ten seconds' worth may come at once; what is more is answered with 480." },
    { .name = "tls-names",
      .type = SETTING_DOMAINS,
      .group = "way",
      FIELD(route, tls_names),
      .max = 64,
      .brief = "Names of hosts, one of which a certificate of this route must show",
      .help =
          "As a Lync pool or an Edge shows them: exact names, no wildcards. The first one is asked for when we "
          "connect. Empty: a next hop must show the name by which next-hop has it; where that is an address, or its "
          "name "
          "comes from DNS, and from those who connect to us, the certificate must be for the SIP domain itself (RFC "
          "5922)." },
    { .name = "im",
      .type = SETTING_CHOICE,
      .group = "messages",
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
      .group = "messages",
      FIELD(route, session_idle_s),
      .def = "600",
      .min = 5,
      .max = 86400,
      .unit = "s",
      .brief = "Silence after which a conversation's INVITE session is ended",
      .help = "The next message opens a new one." },
    { .name = "session-end-offline",
      .type = SETTING_BOOL,
      .group = "messages",
      FIELD(route, session_end_offline),
      .def = "no",
      .brief = "Whether an INVITE session ends as soon as the XMPP client in it goes offline",
      .help = "no: it ends after session-idle, and what is written meanwhile goes to the user's other clients." },
    { .name = "session-limit",
      .type = SETTING_UINT,
      .group = "messages",
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
      .group = "messages",
      FIELD(route, imdn),
      .def = "auto",
      .choices = imdn_modes,
      .brief = "Whether receipts pass between this SIP system and XMPP",
      .help =
          "SIP has them as IMDN in message/cpim (RFC 5438). auto: a SIP user is asked for them once his side has sent "
          "or asked for one. always: everybody is asked at first; whose side answers 415 gets the message once more "
          "as plain text, and is not asked again for a day. never: none pass, in either direction." },
    { .name = "presence",
      .type = SETTING_BOOL,
      .group = "presence",
      FIELD(route, presence),
      .def = "yes",
      .brief = "Whether presence passes between this SIP system and XMPP",
      .help = "no: for a SIP system without presence. Its users cannot be watched, and their SUBSCRIBEs are answered "
              "403." },
    { .name = "publish",
      .type = SETTING_BOOL,
      .group = "presence",
      FIELD(route, publish),
      .def = "no",
      .brief = "Whether users of this SIP system publish their presence here (PUBLISH, RFC 3903)",
      .help = "For SIP systems without a presence server. yes: partners' users are told what was published, and no "
              "SUBSCRIBE is sent; whoever may ask by the type of his partner may watch (but see publish-approval). no: "
              "PUBLISH is answered 405." },
    { .name = "publish-approval",
      .type = SETTING_BOOL,
      .group = "presence",
      FIELD(route, publish_approval),
      .def = "no",
      .brief = "Whether a partner's user who asks to watch waits until ours has added him",
      .help = "With publish. yes: he waits until the user whom he asks has added him, by contact-added-by; that is the "
              "approval. Clients that subscribe to presence.winfo here (RFC 3857) are told who waits. no: he may watch "
              "at once." },
    { .name = "contact-added-by",
      .type = SETTING_CHOICE,
      .group = "presence",
      FIELD(route, added_by),
      .def = "subscription",
      .choices = added_by,
      .brief = "How a user of this SIP system adds a partner's user to his contacts",
      .help = "What partners of type public-unverified wait for. subscription: by subscribing to his presence (a SIP "
              "client does so "
              "for each contact in its list). message: also by writing to him first; for systems without presence." },
    { .name = "subscription-rate",
      .type = SETTING_UINT,
      .group = "presence",
      FIELD(route, subscription_rate),
      .def = "0",
      .max = 1000000,
      .unit = "subscriptions/s",
      .brief = "SUBSCRIBEs outside of dialogs a second from this route's SIP system, on average",
      .help = "0: no limit. Ten seconds' worth may come at once; what is more is answered with 480." },
    { .name = "receipt-on-200",
      .type = SETTING_BOOL,
      .group = "messages",
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
