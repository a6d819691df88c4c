/* A body that says that it is deflated: what comes out is bounded, and lies in memory that is ours. */
#include <stdlib.h>

#include "map/content_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice body = slice_of((const char *)data, n);
    volatile size_t seen = 0;
    struct arena a;

    arena_init(&a, 1 << 20);
    if (map_inflate(&a, &body) == MAP_CONTENT_OK) {
        if (body.n > 65536)
            abort();
        for (size_t i = 0; i < body.n; i++)
            seen += (unsigned char)body.p[i];
        (void)seen;
    }
    arena_reset(&a);
    return 0;
}
