#include "sip/texts.h"

#include <stdlib.h>

struct slice sip_texts_get(const char *block, const uint16_t *n, size_t i)
{
    size_t at = 0;

    for (size_t k = 0; k < i; k++)
        at += n[k];
    return slice_of(block ? block + at : NULL, n[i]);
}

size_t sip_texts_size(const struct slice *parts, size_t n_parts)
{
    size_t n = 0;

    for (size_t i = 0; i < n_parts; i++)
        n += parts[i].n;
    return n;
}

bool sip_texts_set(char **block, uint16_t *n, const struct slice *parts, size_t n_parts, size_t max)
{
    size_t size = sip_texts_size(parts, n_parts), at = 0;
    char *text = size <= max ? malloc(size + 1) : NULL;

    if (!text)
        return false;
    for (size_t i = 0; i < n_parts; i++) {
        if (parts[i].n)
            memcpy(text + at, parts[i].p, parts[i].n);
        n[i] = (uint16_t)parts[i].n;
        at += parts[i].n;
    }
    free(*block);
    *block = text;
    return true;
}
