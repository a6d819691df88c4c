/*
 * Datagrams from one process to the next while both use the same UDP sockets: the old one reads them, keeps what belongs to its
 * transactions, and passes on the rest, in order. When it is done it closes the relay, and the new one reads by itself.
 */
#ifndef STOX_NET_RELAY_H
#define STOX_NET_RELAY_H

#include "net/udp.h"

struct relay;

/* The old one's end; fd is one of a pair of stream sockets, owned from now on, closed if this fails (NULL: no memory). */
struct relay *relay_open(struct loop *loop, int fd);
/* Keeps the datagram until the other process takes it; while much waits, all UDP sockets are held still. False: it is gone. */
bool relay_pass(struct relay *r, const struct addr *local, const struct addr *from, const char *p, size_t n);
/* Holds the sockets, writes what waits, a second at most, and closes. NULL is fine. */
void relay_close(struct relay *r);

/*
 * The new one's end: what comes is given to the loop's UDP sockets by their local address. These must be still; at the end of the relay
 * they begin to read, and *self, which has the relay until then, becomes NULL. fd is owned likewise; false: no memory.
 */
bool relay_follow(struct loop *loop, int fd, struct relay **self);

#endif
