/* Domains whose users are on SIP. */
#include "store/model_rows.h"

static const struct setting settings[] = {
    { .name = "route",
      .type = SETTING_NAME,
      FIELD(sip_domain, route),
      .def = NULL,
      .brief = "The route that reaches this domain's users",
      .help = "The name of a route block." },
    { .name = "certificate",
      .type = SETTING_FILE,
      FIELD(sip_domain, certificate),
      .def = "",
      .brief = "This domain's certificate: a PEM file with its chain, leaf first, or the name of a stored one",
      .help =
          "It must name the domain itself. Without it partners can use neither TLS nor SASL with us. Looked at again "
          "every minute, and read anew when it was replaced; one that is broken leaves the one before in use. A value "
          "without a slash names a stored certificate (stoxctl cert list)." },
    { .name = "key",
      .type = SETTING_FILE,
      FIELD(sip_domain, key),
      .def = "",
      .brief = "PEM file with the private key of the certificate",
      .help = "Readable only by the service user. A stored certificate has its key with it." },
};

const struct setting_kind sip_domain_kind = { .name = "sip-domain",
                                              .noun = "domain",
                                              .plural = "domains",
                                              .title = "domain",
                                              .title_type = SETTING_DOMAIN,
                                              .title_at = offsetof(struct sip_domain, name),
                                              .size = sizeof(struct sip_domain),
                                              .max_objects = 10000,
                                              .brief = "A domain whose users are on SIP",
                                              .settings = settings,
                                              .n = COUNT(settings) };
