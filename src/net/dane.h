/*
 * What DNS says of a server's certificate (TLSA: RFC 6698, RFC 7671, RFC 7673), as records and as the answer that goes
 * with one connection. Only what DNSSEC has validated may come here.
 */
#ifndef STOX_NET_DANE_H
#define STOX_NET_DANE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define DANE_RECORDS_MAX 16

enum dane_usage { DANE_PKIX_TA, DANE_PKIX_EE, DANE_TA, DANE_EE };

struct dane_record {
    uint8_t usage, selector, matching; /* as on the wire */
    struct slice data;
};

/* The rdata of TLSA; data points into it. False: it is malformed. */
bool dane_parse(struct slice rdata, struct dane_record *out);

/* Of a kind we know, and its data as long as its kind asks (RFC 6698 4.1). Others are as if they were not there. */
bool dane_is_usable(const struct dane_record *r);

/* What is known of a server found by a secure SRV record, or by a secure denial of one. One block: free() is enough. */
struct dane {
    char target[256];                             /* the server's name, lower case, without trailing dot */
    size_t n;                                     /* usable records; 0: only the name counts (RFC 7673 4.1) */
    struct dane_record records[DANE_RECORDS_MAX]; /* data is in bytes */
    char bytes[];
};

/* The usable ones of n records, copied. NULL on memory. */
struct dane *dane_new(const char *target, const struct dane_record *records, size_t n);

#endif
