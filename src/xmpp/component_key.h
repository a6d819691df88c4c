/* What an external component proves itself with (XEP-0114 3). Pure. STOX-S2S-97. */
#ifndef STOX_XMPP_COMPONENT_KEY_H
#define STOX_XMPP_COMPONENT_KEY_H

#include <stdbool.h>

#include "base/slice.h"

#define COMPONENT_KEY_LEN 40

/* The text of <handshake/>: lower-case hex SHA-1 of the id of the server's header and the secret. False on memory. */
bool component_key(char out[COMPONENT_KEY_LEN + 1], struct slice stream_id, struct slice secret);

#endif
