#include "base/pin.h"

#include <string.h>

#include "base/text.h"

#define PREFIX "sha256/"

bool pin_parse(struct slice text, unsigned char hash[PIN_HASH])
{
    struct buf b;
    bool ok;

    if (text.n != PIN_TEXT - 1 || !slice_starts(text, SLICE(PREFIX)))
        return false;
    buf_init(&b, 2 * PIN_TEXT);
    ok = text_unbase64(&b, slice_from(text, sizeof(PREFIX) - 1)) && b.n == PIN_HASH;
    if (ok)
        memcpy(hash, b.p, PIN_HASH);
    buf_free(&b);
    return ok;
}

bool pin_print(const unsigned char hash[PIN_HASH], char out[PIN_TEXT])
{
    struct buf b;
    bool ok;

    buf_init(&b, 2 * PIN_TEXT);
    buf_str(&b, PREFIX);
    text_put_base64(&b, hash, PIN_HASH);
    buf_char(&b, '\0');
    ok = buf_ok(&b) && b.n == PIN_TEXT;
    memcpy(out, ok ? b.p : "", ok ? PIN_TEXT : 1);
    buf_free(&b);
    return ok;
}
