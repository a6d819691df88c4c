#include <errno.h>

#include "map/im_parts.h"

struct slice map_im_cut(const struct buf *b, size_t *at)
{
    struct slice s = slice_from(buf_slice(b), *at);

    *at = b->n;
    return s;
}

/* The thread's Call-ID, or a fresh one. */
static bool put_call_id(struct buf *b, struct arena *a, const struct map_conf *conf, const struct jid *from,
                        const struct jid *to, struct slice thread, const struct map_fresh *fresh,
                        struct map_im_message *out)
{
    struct slice digest;

    if (thread.n == 0) {
        map_put_u64_hex(b, fresh->call_id[0]);
        map_put_u64_hex(b, fresh->call_id[1]);
        return true;
    }
    if (map_thread_to_call_id(b, thread))
        return true;
    digest = map_call_id_digest(a, conf, from, to, thread);
    buf_put(b, digest);
    out->thread = thread;
    return digest.p != NULL;
}

/* Upper bound of an address as URI: each byte of user and resource escaped, an internationalized host as long as DNS
 * allows. */
static size_t uri_size(const struct jid *j)
{
    return 16 + 3 * (j->local.n + j->resource.n) + j->domain.n + 256;
}

/* errno was 0 before the attempt: what libidn2 lacks in memory must not be told as a fault of the name. */
static enum map_im unwritable(struct map_im_xmpp_refusal *r)
{
    if (errno == ENOMEM)
        return MAP_IM_NO_MEMORY;
    *r = (struct map_im_xmpp_refusal){ .type = "modify", .condition = "jid-malformed", .text = "" };
    return MAP_IM_REFUSED;
}

size_t map_im_address_size(const struct jid *from, const struct jid *to)
{
    return uri_size(from) + 2 * uri_size(to) + MAP_CALL_ID_MAX + 256;
}

enum map_im map_im_address(struct buf *b, size_t *at, struct arena *a, const struct map_conf *conf,
                           const struct jid *from, const struct jid *to, struct slice thread, struct slice id,
                           const struct map_fresh *fresh, struct map_im_message *out, struct map_im_xmpp_refusal *r)
{
    errno = 0;
    if (!map_jid_to_uri(b, to, true, &conf->aliases))
        return unwritable(r);
    out->uri = map_im_cut(b, at);
    buf_char(b, '<');
    buf_put(b, out->uri);
    buf_char(b, '>');
    out->to = map_im_cut(b, at);
    buf_char(b, '<');
    if (!map_jid_to_uri(b, from, true, &conf->aliases))
        return unwritable(r);
    buf_str(b, ">;tag=");
    map_put_u64_hex(b, fresh->tag);
    out->from = map_im_cut(b, at);
    if (!put_call_id(b, a, conf, from, to, thread, fresh, out))
        return MAP_IM_NO_MEMORY;
    out->call_id = map_im_cut(b, at);
    if (id.n) {
        buf_str(b, "z9hG4bK");
        map_put_u64_hex(b, fresh->nonce);
        map_put_u64_hex(b, fresh->branch);
    }
    out->branch = map_im_cut(b, at);
    return MAP_IM_OK;
}
