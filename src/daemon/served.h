/* Our certificates as handshakes show them, each once, whatever the number of domains that show it. */
#ifndef STOX_DAEMON_SERVED_H
#define STOX_DAEMON_SERVED_H

#include "net/tls.h"

#define SERVED_WARN_DAYS 30
#define SERVED_URGENT_DAYS 7

struct served {
    const char *source; /* its file, or the name it is stored under; borrowed from the set */
    const X509 *leaf;
    int64_t until_s;
    int days; /* left; negative: it has expired */
};

struct served_list {
    struct served *v; /* what expires first comes first */
    size_t n;
};

/* False on memory. set outlives the list. */
bool served_of(const struct tls_identities *set, int64_t now_s, struct served_list *out);
void served_fini(struct served_list *list);

#endif
