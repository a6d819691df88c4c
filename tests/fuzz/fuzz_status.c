/*
 * A document that tells who types or what was received. Whatever it is, it is read or refused; what is written of what was read
 * is read as the same.
 */
#include <stdlib.h>

#include "map/typing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void composing(struct slice text)
{
    struct map_composing c, again;
    struct buf b;

    if (map_composing_read(text, &c) != MAP_DOCUMENT_OK)
        return;
    if (!c.active)
        c.refresh_s = 0; /* it is only said of active */
    buf_init(&b, 1000);
    map_composing_put(&b, c.active, c.refresh_s);
    if (!buf_ok(&b) || map_composing_read(buf_slice(&b), &again) != MAP_DOCUMENT_OK || c.active != again.active ||
        c.refresh_s != again.refresh_s)
        abort();
    buf_free(&b);
}

static void imdn(struct arena *a, struct slice text)
{
    struct map_imdn d, again;
    struct map_content content;
    struct map_imdn_about about = { .sender = SLICE("sip:a@b"), .recipient = SLICE("sip:c@d"), .own_id = SLICE("o") };
    struct buf b;

    if (map_imdn_read(a, text, &d) != MAP_DOCUMENT_OK || d.state == MAP_IMDN_OTHER || d.message_id.n > MAP_IMDN_ID_MAX)
        return;
    about.message_id = d.message_id;
    about.state = d.state;
    buf_init(&b, 10000);
    map_imdn_put(&b, &about);
    if (!buf_ok(&b) ||
        map_content_read(a, SLICE("message/cpim"), (struct slice){ 0 }, buf_slice(&b), &content) != MAP_CONTENT_OK ||
        content.kind != MAP_CONTENT_IMDN || map_imdn_read(a, content.text, &again) != MAP_DOCUMENT_OK ||
        !slice_eq(again.message_id, d.message_id) || again.state != d.state)
        abort();
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a;

    arena_init(&a, 1 << 20);
    composing(slice_of((const char *)data, n));
    imdn(&a, slice_of((const char *)data, n));
    arena_reset(&a);
    return 0;
}
