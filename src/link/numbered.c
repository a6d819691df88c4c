#include "link/numbered.h"

#define LENGTH 4
#define MOVE_MIN 65536 /* what was taken is cleared away in pieces, lest each costs a move of all behind it */
#define REST_MAX 65536 /* memory of a link that has nothing to keep */

void link_numbered_init(struct link_numbered *n)
{
    *n = (struct link_numbered){ 0 };
    buf_init(&n->kept, LINK_KEPT_MAX);
}

void link_numbered_fini(struct link_numbered *n)
{
    buf_free(&n->kept);
}

static size_t kept(const struct link_numbered *n)
{
    return n->kept.n - n->front;
}

static void clear_away(struct link_numbered *n)
{
    buf_consume(&n->kept, n->front);
    n->written -= n->front;
    n->front = 0;
    if (n->kept.n == 0 && n->kept.cap > REST_MAX)
        buf_free(&n->kept);
}

static void tidy(struct link_numbered *n)
{
    if (kept(n) == 0 || (n->front >= MOVE_MIN && n->front >= kept(n)))
        clear_away(n);
}

bool link_numbered_add(struct link_numbered *n, const struct link_frame *frame)
{
    if (!link_frame_is_numbered(frame->type) || kept(n) > LINK_KEPT_MAX - LINK_FRAME_MAX)
        return false;
    if (n->kept.n > LINK_KEPT_MAX - LINK_FRAME_MAX) /* room that was not cleared away yet */
        clear_away(n);
    if (!link_frame_write(&n->kept, frame)) {
        n->kept.failed = false; /* for want of memory, which the next one may find */
        return false;
    }
    n->n_sent++;
    return true;
}

bool link_numbered_is_full(const struct link_numbered *n)
{
    return kept(n) >= LINK_KEPT_FULL;
}

struct slice link_numbered_unwritten(const struct link_numbered *n)
{
    return slice_from(buf_slice(&n->kept), n->written);
}

void link_numbered_wrote(struct link_numbered *n, size_t bytes)
{
    n->written += bytes;
}

/* Of the frame at the front: our own writing. */
static size_t length_of(const struct link_numbered *n)
{
    const unsigned char *p = (const unsigned char *)n->kept.p + n->front;

    return LENGTH + ((size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
}

static bool take_away(struct link_numbered *n, uint64_t taken)
{
    if (taken < n->n_acked || taken > n->n_sent)
        return false;
    for (; n->n_acked < taken; n->n_acked++)
        n->front += length_of(n);
    return true;
}

bool link_numbered_acked(struct link_numbered *n, uint64_t taken)
{
    bool possible = take_away(n, taken) && n->front <= n->written;

    if (possible)
        tidy(n);
    return possible;
}

bool link_numbered_again(struct link_numbered *n, uint64_t taken)
{
    if (!take_away(n, taken))
        return false;
    n->written = n->front;
    n->n_told = n->n_taken; /* HELLO has said it */
    tidy(n);
    return true;
}

bool link_numbered_owes(struct link_numbered *n, struct link_frame *out)
{
    if (n->n_told == n->n_taken)
        return false;
    n->n_told = n->n_taken;
    *out = (struct link_frame){ .type = LINK_ACK, .ack.taken = n->n_taken };
    return true;
}
