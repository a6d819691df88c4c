/* Who is kept apart. */
#include "store/model_rows.h"

static const struct setting settings[] = {
    { .name = "partners",
      .type = SETTING_DOMAINS,
      FIELD(block, partners),
      .max = 100,
      .flag = "partner",
      .brief = "Partners that it counts with, when not with all",
      .help =
          "For somebody on SIP who may talk to the other partners. Of somebody with an XMPP partner it says nothing." },
    { .name = "description",
      .type = SETTING_TEXT,
      FIELD(block, description),
      .def = "",
      .brief = "Free text",
      .help = "Why, and until when: for those who look through the list later." },
};

const struct setting_kind block_kind = { .name = "block",
                                         .noun = "block",
                                         .plural = "blocks",
                                         .make = "add",
                                         .title = "address",
                                         .title_type = SETTING_WHO,
                                         .title_at = offsetof(struct block, name),
                                         .size = sizeof(struct block),
                                         .max_objects = 100000,
                                         .brief = "Somebody on either side, or a whole domain, who may not talk to the "
                                                  "other side",
                                         .settings = settings,
                                         .n = COUNT(settings) };
