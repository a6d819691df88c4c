/*
 * A session description, or Lync's document of who types. Whatever it is, it is read or refused; our answer to an offer that was
 * read is itself one, with as many lines and no line end smuggled into it.
 */
#include <stdlib.h>

#include "map/keyboard.h"
#include "map/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void sdp(struct slice text)
{
    struct map_sdp offer, again;
    struct buf b;

    if (map_sdp_read(text, &offer) != MAP_SDP_OK)
        return;
    buf_init(&b, 4 * text.n + 4096);
    map_sdp_put(&b, &offer, SLICE("h"), UINT64_MAX);
    if (!buf_ok(&b) || map_sdp_read(buf_slice(&b), &again) != MAP_SDP_OK || again.n != offer.n ||
        again.chosen != offer.chosen)
        abort();
    for (unsigned i = 0; i < offer.n; i++)
        if (!slice_eq(again.lines[i].media, offer.lines[i].media))
            abort();
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice text = slice_of((const char *)data, n);
    bool typing;

    sdp(text);
    (void)map_keyboard_read(text, &typing);
    return 0;
}
