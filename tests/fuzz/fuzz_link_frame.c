/*
 * What one end of a link receives, frame after frame, from either end: whatever is taken lies within the bytes, and is written
 * again to the same ones.
 */
#include <stdlib.h>

#include "link/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void try(enum link_role sender, struct slice bytes, struct buf *again)
{
    char why[LINK_FAULT_TEXT];
    enum link_fault fault;
    struct link_read r;

    while ((fault = link_frame_read(bytes, sender, &r)) == LINK_FINE) {
        buf_clear(again);
        if (r.n > bytes.n || !link_frame_write(again, &r.frame) || !slice_eq(buf_slice(again), slice_first(bytes, r.n)))
            abort();
        bytes = slice_from(bytes, r.n);
    }
    if (fault == LINK_MORE && bytes.n >= LINK_FRAME_MAX)
        abort(); /* it would wait for ever */
    (void)link_fault_text(fault, &r, why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice bytes = slice_of((const char *)data, n);
    struct buf again;

    buf_init(&again, LINK_FRAME_MAX);
    try(LINK_GATEWAY, bytes, &again);
    try(LINK_PROXY, bytes, &again);
    buf_free(&again);
    return 0;
}
