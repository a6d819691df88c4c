/* The rdata of TLSA records, each behind its length: what is usable is copied whole and nothing else is. */
#include <stdlib.h>
#include <string.h>

#include "net/dane.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void check(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    struct dane_record records[2 * DANE_RECORDS_MAX] = { 0 };
    char *copy = malloc(n ? n : 1);
    size_t n_records = 0, usable = 0;
    struct slice rest = slice_of(copy, n);
    struct dane *d;

    check(copy != NULL);
    if (n)
        memcpy(copy, data, n);
    while (rest.n > 0 && n_records < 2 * DANE_RECORDS_MAX) {
        size_t len = (unsigned char)rest.p[0];

        rest = slice_from(rest, 1);
        len = len < rest.n ? len : rest.n;
        n_records += dane_parse(slice_first(rest, len), &records[n_records]);
        rest = slice_from(rest, len);
    }
    d = dane_new("target.example", records, n_records);
    check(d != NULL);
    for (size_t i = 0; i < n_records && usable < DANE_RECORDS_MAX; i++) {
        if (dane_is_usable(&records[i])) {
            check(usable < d->n && slice_eq(d->records[usable].data, records[i].data));
            usable++;
        }
    }
    check(usable == d->n);
    free(d);
    free(copy);
    return 0;
}
