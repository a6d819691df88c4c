/* What the makers of MESSAGE requests share: im_to_message.c for texts, status.c for what is none. */
#ifndef STOX_MAP_IM_PARTS_H
#define STOX_MAP_IM_PARTS_H

#include "map/ids.h"
#include "map/im.h"

/* Upper bound of what map_im_address writes for these two. */
size_t map_im_address_size(const struct jid *from, const struct jid *to);

/*
 * Appends Request-URI, To, From, Call-ID and branch to b, in this order, and sets the slices of out; *at is where they began
 * and is moved behind them. thread empty: a fresh Call-ID; id empty: no branch. r is filled in with MAP_IM_REFUSED.
 */
enum map_im map_im_address(struct buf *b, size_t *at, struct arena *a, const struct map_conf *conf,
                           const struct jid *from, const struct jid *to, struct slice thread, struct slice id,
                           const struct map_fresh *fresh, struct map_im_message *out, struct map_im_xmpp_refusal *r);

/* Takes what was written since *at, and moves it to the end. */
struct slice map_im_cut(const struct buf *b, size_t *at);

#endif
