/* What waits for partners, as administrators see it. */
#include <stdio.h>

#include "xmpp/pair.h"
#include "xmpp/stream_parts.h"

struct walk {
    const struct xmpp *x;
    xmpp_queue_fn *fn;
    void *arg;
};

static uint64_t oldest_of(const struct xmpp_pair *p)
{
    const struct list *const lists[] = { &p->window, &p->again, &p->owed, &p->queue };
    uint64_t oldest = UINT64_MAX;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (!list_empty(lists[i])) {
            uint64_t since = container_of(lists[i]->next, const struct xmpp_out, link)->since_ms;

            oldest = since < oldest ? since : oldest;
        }
    return oldest;
}

static size_t written_of(const struct xmpp_pair *p)
{
    size_t n = 0;

    list_each (it, &p->window)
        n++;
    return n;
}

static void say_without_stream(const struct xmpp_pair *p, struct xmpp_queue_info *info, char out[XMPP_QUEUE_TEXT])
{
    bool holds = xmpp_backoff_holds(&p->backoff, loop_now(p->x->loop));

    if (timer_running(&p->retry)) {
        info->until_ms = p->retry.due_ms;
        snprintf(out, XMPP_QUEUE_TEXT, "the next attempt to open a stream");
    } else if (p->place.at) {
        snprintf(out, XMPP_QUEUE_TEXT, "its turn to open a stream: so many begin in a second");
    } else if (p->n == 0 && holds) {
        info->until_ms = p->backoff.until_ms;
        snprintf(out, XMPP_QUEUE_TEXT, "back-off: the last set-up failed, and what is sent before is refused at once");
    } else {
        snprintf(out, XMPP_QUEUE_TEXT, p->resume ? "the resumption of its stream" : "a stream");
    }
}

/* What it waits for, in words, and until when. */
static void say(const struct xmpp_pair *p, struct xmpp_queue_info *info, char out[XMPP_QUEUE_TEXT])
{
    const struct xmpp_stream *s = p->stream;

    out[0] = '\0';
    if (!s) {
        say_without_stream(p, info, out);
        return;
    }
    info->stream = s->serial;
    if (p->ready && info->n_written)
        snprintf(out, XMPP_QUEUE_TEXT, "the partner's acknowledgement (%s)", xmpp_confirm_name(p->confirm));
    else if (p->ready)
        snprintf(out, XMPP_QUEUE_TEXT, "room on its stream");
    else if (p->rides)
        snprintf(out, XMPP_QUEUE_TEXT, "the partner's answer to dialback");
    else {
        info->until_ms = p->establish_by_ms;
        snprintf(out, XMPP_QUEUE_TEXT, "the set-up of its stream: %s", xmpp_stream_awaited(s->state));
    }
}

static void on_pair(struct hash_node *node, void *arg)
{
    const struct xmpp_pair *p = container_of(node, const struct xmpp_pair, node);
    const struct walk *w = arg;
    char waits[XMPP_QUEUE_TEXT];
    struct xmpp_queue_info info = { .local = p->local, .remote = p->remote, .n = p->n, .bytes = p->bytes };

    if (p->n == 0 && (p->stream || !xmpp_backoff_holds(&p->backoff, loop_now(p->x->loop))))
        return;
    info.since_ms = p->n ? oldest_of(p) : loop_now(p->x->loop);
    info.n_written = written_of(p);
    say(p, &info, waits);
    info.waits_for = waits;
    w->fn(w->arg, &info);
}

bool xmpp_walk_queue(struct xmpp *x, uint64_t *at, size_t n, xmpp_queue_fn *fn, void *arg)
{
    struct walk w = { x, fn, arg };

    return hash_walk(&x->pairs, at, n, on_pair, &w);
}
