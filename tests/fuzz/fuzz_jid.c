/* Addresses: whatever is accepted prints, parses again to the same, and its domain survives the way through A-labels. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/text.h"
#include "xmpp/jid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct jid j, again;
    struct slice ascii, back;
    struct arena a;
    struct buf b;

    arena_init(&a, 1 << 20);
    buf_init(&b, 4096);
    if (jid_parse(&a, slice_of((const char *)data, n), &j)) {
        assert(j.domain.n && j.domain.n <= JID_PART_MAX && j.local.n <= JID_PART_MAX && j.resource.n <= JID_PART_MAX);
        jid_put(&b, &j);
        assert(buf_ok(&b) && text_is_utf8(buf_slice(&b)));
        assert(jid_parse(&a, buf_slice(&b), &again));
        assert(jid_eq(&j, &again));
        assert(jid_domain_to_ascii(&a, j.domain, &ascii));
        for (size_t i = 0; i < ascii.n; i++)
            assert((unsigned char)ascii.p[i] > ' ' && (unsigned char)ascii.p[i] < 0x7F);
        assert(jid_prep_domain(&a, ascii, &back) && slice_eq(back, j.domain));
    }
    buf_free(&b);
    arena_reset(&a);
    return 0;
}
