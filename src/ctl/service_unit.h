/* systemd's side of `stoxctl service`: the unit stoxd.service, when this machine has it. */
#ifndef STOX_CTL_SERVICE_UNIT_H
#define STOX_CTL_SERVICE_UNIT_H

#include "ctl/ctl.h"

#define SERVICE_UNIT "stoxd.service"

struct service_unit {
    bool loaded;      /* systemd runs here and knows the unit */
    bool active;      /* it has started it, or is about to */
    char state[40];   /* its words: "active", "failed" ...; empty: not loaded */
    char detail[200]; /* the unit's STATUS, or why it has failed; may be empty */
};

/* A daemon elsewhere (--server) is never this machine's unit. */
void service_unit_look(struct ctl *c, struct service_unit *out);

/* systemctl VERB stoxd.service; comes back when it is done. */
enum ctl_exit service_unit_do(struct ctl *c, const char *verb);

#endif
