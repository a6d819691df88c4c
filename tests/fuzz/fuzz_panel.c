/* The two headers that decide how a file of the panel is sent: what they are understood to say stands in them. */
#include <stdlib.h>

#include "admin/panel.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool holds(struct slice text, struct slice wanted)
{
    for (size_t i = 0; i + wanted.n <= text.n; i++)
        if (slice_ieq(slice_of(text.p + i, wanted.n), wanted))
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct slice header = slice_of((const char *)data, n);

    if (panel_takes_gzip(header) && !holds(header, SLICE("gzip")))
        abort();
    if (panel_has_tag(header, SLICE("0123abcd")) && !holds(header, SLICE("\"0123abcd\"")))
        abort();
    return 0;
}
