#include "daemon/interfaces.h"

#include <uv.h>

size_t interfaces_read(struct addr out[INTERFACES_MAX])
{
    uv_interface_address_t *v = NULL;
    int n = 0;
    size_t n_out = 0;

    if (uv_interface_addresses(&v, &n) != 0)
        return 0;
    for (int i = 0; i < n && n_out < INTERFACES_MAX; i++)
        n_out += addr_from_sockaddr((const struct sockaddr *)&v[i].address, &out[n_out]);
    uv_free_interface_addresses(v, n);
    return n_out;
}
