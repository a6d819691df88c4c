/* What <see-other-host/> says: no more than a host and a port, and printed it is read the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xmpp/redirect.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    struct xmpp_redirect one, again;
    char *copy = malloc(n ? n : 1), text[sizeof(one.host) + 16];

    if (!copy)
        abort();
    if (n)
        memcpy(copy, data, n);
    if (xmpp_redirect_parse(slice_of(copy, n), &one)) {
        if (!memchr(one.host, '\0', sizeof(one.host)) || !one.host[0] || (one.is_ip && !one.port))
            abort();
        if (!one.port)
            snprintf(text, sizeof(text), "%s", one.host);
        else
            snprintf(text, sizeof(text), one.is_ip && strchr(one.host, ':') ? "[%s]:%u" : "%s:%u", one.host, one.port);
        if (!xmpp_redirect_parse(slice_str(text), &again) || strcmp(one.host, again.host) != 0 ||
            one.port != again.port || one.is_ip != again.is_ip)
            abort();
    }
    free(copy);
    return 0;
}
