/*
 * The one message of the benchmark, in fixed columns: generator, floor program and sinks find numbers by offset, so that
 * none of them parses. 600 bytes, a size phones send.
 */
#ifndef STOX_BENCH_MESSAGE_H
#define STOX_BENCH_MESSAGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_USERS 256 /* pairs of people; the number modulo this picks one */

/* Writes MESSAGE number n (8 digits wherever it stands) into out, at least 1024 bytes. Returns its length. */
size_t bench_message(char *out, uint32_t n, const char *via_transport, const char *via_host);

/* The number in a request or response made from such a message: the eight digits behind "z9hG4bKbench". UINT32_MAX: none. */
uint32_t bench_number(const char *p, size_t n);

/* The 200 to a request (";tag=bench" in To, unless it has one), by copying the lines a response needs; returns its length, 0 when it does not fit. */
size_t bench_answer(char *out, size_t size, const char *request, size_t n);

/* The same with another first line, such as "SIP/2.0 404 Not Found" and its CR LF. */
size_t bench_respond(char *out, size_t size, const char *first, const char *request, size_t n);

/* The stanza the gateway makes of it, near enough in length. */
size_t bench_stanza(char *out, uint32_t n);

uint64_t bench_now_ns(void);

/* "5060", which is at 127.0.0.1, or "192.0.2.1:5060". False: it is neither. */
bool bench_address(const char *text, struct sockaddr_in *out);

/* As it stands in a Via. Returns out. */
const char *bench_address_text(const struct sockaddr_in *a, char out[32]);

/* Latencies, in buckets of 1/16 octave. */
struct bench_histogram {
    uint64_t n, buckets[1024];
};
void bench_count(struct bench_histogram *h, uint64_t ns);
double bench_percentile_us(const struct bench_histogram *h, double p);

#endif
