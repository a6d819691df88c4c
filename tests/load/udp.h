/* UDP sockets of the load programs. What cannot work ends the program, with a line that says why. */
#ifndef STOX_LOAD_UDP_H
#define STOX_LOAD_UDP_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

void udp_die(const char *what);

/* "10.99.0.9:5060" */
struct sockaddr_in udp_address(const char *text);

/* A socket bound there, with 16 MiB each way: what is lost is lost by plan. */
int udp_bound(const char *text);

/* Sends one datagram, waiting for room; one that nobody listens to is lost. */
void udp_send(int fd, const char *data, size_t n, const struct sockaddr_in *to);

uint64_t udp_now_ns(void); /* monotonic */

#endif
