/* The rdata of NAPTR, SRV and CAA records, each behind its type and its length: what is taken is text that ends. */
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "net/dns_record.h"

#define RECORDS_MAX 32

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void check_caa(struct slice rdata)
{
    struct dns_caa caa;

    if (!dns_parse_caa(rdata, &caa))
        return;
    check(caa.tag[0] && memchr(caa.tag, 0, sizeof(caa.tag)) && memchr(caa.value, 0, sizeof(caa.value)));
    for (const char *p = caa.value; *p; p++)
        check(*p >= ' ' && *p <= '~');
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    struct dns_naptr *naptr = calloc(RECORDS_MAX, sizeof(*naptr));
    struct dns_srv *srv = calloc(RECORDS_MAX, sizeof(*srv));
    char *copy = malloc(n ? n : 1);
    size_t n_naptr = 0, n_srv = 0;
    struct slice rest = slice_of(copy, n);

    check(copy && naptr && srv);
    if (n)
        memcpy(copy, data, n);
    while (rest.n > 1 && n_naptr < RECORDS_MAX && n_srv < RECORDS_MAX) {
        size_t len = (unsigned char)rest.p[1];
        bool is_naptr = rest.p[0] & 1, is_caa = rest.p[0] & 2;

        rest = slice_from(rest, 2);
        len = len < rest.n ? len : rest.n;
        if (is_caa)
            check_caa(slice_first(rest, len));
        else if (is_naptr)
            n_naptr += dns_parse_naptr(slice_first(rest, len), &naptr[n_naptr]);
        else
            n_srv += dns_parse_srv(slice_first(rest, len), &srv[n_srv]);
        rest = slice_from(rest, len);
    }
    dns_naptr_order(naptr, n_naptr);
    dns_srv_order(srv, n_srv, rand_below);
    for (size_t i = 0; i < n_naptr; i++) {
        check(memchr(naptr[i].service, 0, sizeof(naptr[i].service)) && memchr(naptr[i].replacement, 0, 256));
        check(i == 0 || naptr[i - 1].order <= naptr[i].order);
    }
    for (size_t i = 0; i < n_srv; i++)
        check(memchr(srv[i].target, 0, sizeof(srv[i].target)) && (i == 0 || srv[i - 1].priority <= srv[i].priority));
    free(naptr);
    free(srv);
    free(copy);
    return 0;
}
