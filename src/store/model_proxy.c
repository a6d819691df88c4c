/* Proxies in the perimeter that the gateway links with (docs/PERIMETER.md). */
#include "store/model_rows.h"

static const struct setting settings[] = {
    { .name = "address",
      .type = SETTING_ADDR,
      FIELD(proxy, address),
      .def = NULL,
      .default_port = 23456,
      .group = "link",
      .brief = "Inner IP address and port at which the proxy takes the gateway's link",
      .help =
          "listen-link of the proxy's bootstrap file. The gateway opens the connection; the proxy opens none to the "
          "inside. No name of a host: the firewall between them has an address, too." },
    { .name = "pin",
      .type = SETTING_TEXT,
      FIELD(proxy, pin),
      .def = "",
      .max = 100,
      .group = "link",
      .brief = "Pin of the proxy's link key: sha256/ and the base64 of the SHA-256 of its public key",
      .help = "stoxd --role proxy --make-key prints it on the proxy's machine. Without it the gateway does not dial. "
              "Whoever "
              "shows another key at this address is refused." },
    { .name = "priority",
      .type = SETTING_UINT,
      FIELD(proxy, priority),
      .def = "10",
      .max = 65535,
      .group = "link",
      .brief = "Of the linked proxies the one with the least priority sends to partners",
      .help = "Where partners come in is what SRV records say: give them the same order. When the proxy that sends is "
              "lost, the next one goes on within seconds." },
    { .name = "outer-xmpp",
      .type = SETTING_ADDRS,
      FIELD(proxy, xmpp),
      .max = 16,
      .default_port = 5269,
      .group = "outside",
      .brief = "Outer addresses at which partners reach this proxy",
      .help =
          "What its listen-xmpp comes to, seen from the Internet. The gateway uses them for the DNS records that it "
          "prints and checks, and nowhere else." },
    { .name = "outer-xmpps",
      .type = SETTING_ADDRS,
      FIELD(proxy, xmpps),
      .max = 16,
      .default_port = 5270,
      .group = "outside",
      .brief = "The same for streams inside TLS from the first byte",
      .help = "What its listen-xmpps comes to. Empty: it takes none." },
    { .name = "enabled",
      .type = SETTING_BOOL,
      FIELD(proxy, enabled),
      .def = "yes",
      .group = "link",
      .brief = "Whether the gateway links with it",
      .help = "no: the link is closed, and the proxy turns partners away until it is yes again." },
    { .name = "description",
      .type = SETTING_TEXT,
      FIELD(proxy, description),
      .def = "",
      .brief = "Free text",
      .help = "Shown in lists." },
};

const struct setting_kind proxy_kind = { .name = "proxy",
                                         .noun = "proxy",
                                         .plural = "proxies",
                                         .title = "name",
                                         .title_type = SETTING_NAME,
                                         .title_at = offsetof(struct proxy, name),
                                         .size = sizeof(struct proxy),
                                         .max_objects = PROXIES_MAX,
                                         .brief =
                                             "A proxy in the perimeter that carries partners' streams for a gateway "
                                             "inside",
                                         .settings = settings,
                                         .n = COUNT(settings) };
