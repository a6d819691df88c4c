/* Line one is the Content-Type, the rest the body. What is read is bounded by the input and lies in memory that is ours. */
#include <stdlib.h>

#include "map/content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t sum(struct slice s)
{
    size_t total = 0;

    for (size_t i = 0; i < s.n; i++)
        total += (unsigned char)s.p[i];
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice type, body;
    struct arena a;
    struct map_content c;
    volatile size_t seen;

    slice_cut(slice_of((const char *)data, n), '\n', &type, &body);
    arena_init(&a, 1 << 20);
    if (map_content_read(&a, slice_trim(type), (struct slice){ 0 }, body, &c) == MAP_CONTENT_OK) {
        if (c.text.n > 3 * n || c.subject.n > n || c.language.n > n)
            abort();
        seen = sum(c.text) + sum(c.subject) + sum(c.language) + sum(c.cpim_from.user) + sum(c.cpim_to.host);
        (void)seen;
    }
    arena_reset(&a);
    return 0;
}
