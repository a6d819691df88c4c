/* Content-Encoding: deflate (RFC 1950, as HTTP means it): what liblinphone does to who is typing and to IMDN. */
#include <zlib.h>

#include "map/content_parts.h"

#define INFLATED_MAX ((size_t)65536) /* whatever a few bytes claim to be */
#define STEP 4096

/* Until the stream's own end, which must be there, with nothing behind it. */
static enum map_content_fault run(z_stream *z, struct buf *out)
{
    int how = Z_OK;

    while (how != Z_STREAM_END) {
        if (!buf_reserve(out, STEP))
            return out->n + STEP > out->max ? MAP_CONTENT_MALFORMED : MAP_CONTENT_NO_MEMORY;
        z->next_out = (unsigned char *)out->p + out->n;
        z->avail_out = STEP;
        how = inflate(z, Z_NO_FLUSH);
        if (how == Z_MEM_ERROR)
            return MAP_CONTENT_NO_MEMORY;
        if ((how != Z_OK && how != Z_STREAM_END) || (how == Z_OK && z->avail_in == 0 && z->avail_out > 0))
            return MAP_CONTENT_MALFORMED;
        out->n += STEP - z->avail_out;
    }
    return z->avail_in ? MAP_CONTENT_MALFORMED : MAP_CONTENT_OK;
}

enum map_content_fault map_inflate(struct arena *a, struct slice *body)
{
    z_stream z = { .next_in = (unsigned char *)body->p, .avail_in = (unsigned)body->n };
    enum map_content_fault fault;
    struct buf out;

    if (inflateInit(&z) != Z_OK)
        return MAP_CONTENT_NO_MEMORY;
    buf_init(&out, INFLATED_MAX);
    fault = run(&z, &out);
    (void)inflateEnd(&z);
    if (fault == MAP_CONTENT_OK) {
        *body = arena_dup(a, buf_slice(&out));
        if (!body->p)
            fault = MAP_CONTENT_NO_MEMORY;
    }
    buf_free(&out);
    return fault;
}
