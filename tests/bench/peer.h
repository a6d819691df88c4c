/* What the SIP sides of the benchmarks of presence have in common: a UDP socket, and whom they speak to and for. */
#ifndef STOX_BENCH_PEER_H
#define STOX_BENCH_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct bench_peer {
    int fd;
    struct sockaddr_in gateway;
    char gateway_text[32], own_text[32];
    const char *sip_domain, *xmpp_domain;
};

/*
 * By the command line "PROGRAM GATEWAY [OWN SIP-DOMAIN XMPP-DOMAIN]", where GATEWAY and OWN are a port, or an address and a port. Room
 * for so many bytes that wait to be read. Standard output is written line by line. False: that is no such command line. Ends the program
 * if there is no socket.
 */
bool bench_peer_open(struct bench_peer *p, int argc, char **argv, int receive_bytes);

/* Until it is sent; to a gateway that is not there, too. */
void bench_peer_send(const struct bench_peer *p, const char *text, size_t n);

/* The next datagram, with a NUL behind it; how long it is, 0: it says nothing. -1: nothing has come for so long. */
long bench_peer_receive(const struct bench_peer *p, char *text, size_t size, int stall_ms);

#endif
