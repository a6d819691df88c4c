/* A text that is a pin is the only text of that pin. */
#include <stdlib.h>
#include <string.h>

#include "base/pin.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    char *copy = malloc(n ? n : 1);
    unsigned char hash[PIN_HASH];
    char text[PIN_TEXT];

    if (!copy)
        abort();
    if (n)
        memcpy(copy, data, n);
    if (pin_parse(slice_of(copy, n), hash)) {
        if (!pin_print(hash, text) || !slice_is(slice_of(copy, n), text))
            abort();
    }
    free(copy);
    return 0;
}
