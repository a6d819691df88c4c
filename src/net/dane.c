#include "net/dane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool dane_parse(struct slice rdata, struct dane_record *out)
{
    if (rdata.n < 4)
        return false;
    out->usage = (uint8_t)rdata.p[0];
    out->selector = (uint8_t)rdata.p[1];
    out->matching = (uint8_t)rdata.p[2];
    out->data = slice_from(rdata, 3);
    return true;
}

bool dane_is_usable(const struct dane_record *r)
{
    static const size_t length[] = { 0, 32, 64 }; /* all of it, SHA-256, SHA-512 */

    if (r->usage > DANE_EE || r->selector > 1 || r->matching > 2 || r->data.n == 0)
        return false;
    return length[r->matching] == 0 || r->data.n == length[r->matching];
}

struct dane *dane_new(const char *target, const struct dane_record *records, size_t n)
{
    size_t bytes = 0, at = 0;
    struct dane *d;

    for (size_t i = 0; i < n; i++)
        bytes += records[i].data.n;
    d = calloc(1, sizeof(*d) + bytes);
    if (!d)
        return NULL;
    snprintf(d->target, sizeof(d->target), "%s", target);
    for (size_t i = 0; i < n && d->n < DANE_RECORDS_MAX; i++) {
        struct dane_record *to = &d->records[d->n];

        if (!dane_is_usable(&records[i]))
            continue;
        *to = records[i];
        memcpy(d->bytes + at, to->data.p, to->data.n);
        to->data.p = d->bytes + at;
        at += to->data.n;
        d->n++;
    }
    return d;
}
