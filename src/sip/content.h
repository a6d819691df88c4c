/* A body with the header lines that describe it: a value, without anything of the stack. */
#ifndef STOX_SIP_CONTENT_H
#define STOX_SIP_CONTENT_H

#include "base/slice.h"

/* Header lines (Content-Type ...), each with CRLF, already safe. */
struct sip_content {
    struct slice headers, body;
    unsigned max_forwards; /* of a request; 0: 70 */
};

#endif
