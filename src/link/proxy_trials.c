/* Set-ups that have failed, and tests that a gateway's administrators have asked for. */
#include <stdlib.h>

#include "link/proxy_parts.h"
#include "xmpp/probe.h"

struct proxy_probe {
    struct list link;
    uint64_t id; /* the gateway's */
    uint64_t ours;
};

/* ---- set-ups that have failed ---- */

static void say_attempt(void *arg, const struct xmpp_attempt_info *info)
{
    struct proxy_session *s = arg;
    char why[LINK_WHY_MAX], address[64];
    const struct link_frame f = { .type = LINK_ATTEMPT,
                                  .attempt = { .inbound = info->inbound,
                                               .local = info->local,
                                               .remote = info->remote,
                                               .address =
                                                   link_frame_text(slice_str(info->address), sizeof(address), address),
                                               .why = link_frame_text(slice_str(info->why), sizeof(why), why),
                                               .fault = info->fault,
                                               .began_ms = info->began_ms,
                                               .ended_ms = loop_now(s->proxy->conf.loop) - info->age_ms } };

    if (f.attempt.ended_ms < s->attempts_ms || !s->copy || !link_copy_partner(s->copy, info->remote))
        return;
    if (proxy_say(s, &f))
        proxy_say_steps(s, info->trace);
}

/* One that ends in this very turn may be told twice, and none is missed. */
void proxy_show_attempts(struct proxy_session *s)
{
    if (!s->session.line || !link_line_has_room(s->session.line))
        return;
    federation_each_attempt(s->proxy->federation, say_attempt, s);
    if (link_line_has_room(s->session.line))
        s->attempts_ms = loop_now(s->proxy->conf.loop);
}

/* ---- tests ---- */

static void probe_free(struct proxy_session *s, struct proxy_probe *probe)
{
    list_unlink(&probe->link);
    s->n_probes--;
    free(probe);
}

static void say_not(struct proxy_session *s, uint64_t id, const char *why)
{
    const struct link_frame f = {
        .type = LINK_PROBED,
        .probed = { .id = id, .done = true, .fault = XMPP_FAULT_OUR_SETTINGS, .verdict = slice_str(why) }
    };

    (void)proxy_say(s, &f);
}

void proxy_on_probe(struct proxy_session *s, const struct link_probe_frame *f)
{
    const char *why = "the proxy has no memory for it, or runs as many tests as it may";
    struct proxy_probe *probe = s->n_probes < XMPP_PROBES_RUNNING ? calloc(1, sizeof(*probe)) : NULL;

    if (probe && s->copy && link_copy_serves(s->copy, f->local, NULL) && link_copy_partner(s->copy, f->remote))
        probe->ours = federation_probe_start(s->proxy->federation, f->local, f->remote, &why);
    else if (probe)
        why = "the settings that the proxy was told have no such pair of domains";
    if (!probe || !probe->ours) {
        say_not(s, f->id, why);
        free(probe);
        return;
    }
    probe->id = f->id;
    list_push(&s->probes, &probe->link);
    s->n_probes++;
}

struct telling {
    struct proxy_session *s;
    struct proxy_probe *probe;
    bool over; /* it need not be told again */
};

static void say_probe(void *arg, const struct xmpp_probe_info *info)
{
    struct telling *t = arg;
    char room[LINK_VERDICT_MAX];
    const struct link_frame f = {
        .type = LINK_PROBED,
        .probed = { .id = t->probe->id,
                    .done = info->done,
                    .works = info->done && info->works,
                    .fault = info->done ? info->fault : XMPP_FAULT_NONE,
                    .verdict = info->done ? link_frame_text(slice_str(info->verdict), sizeof(room), room) : SLICE(""),
                    .began_ms = info->began_ms,
                    .took_ms = info->took_ms }
    };

    if (!proxy_say(t->s, &f))
        return;
    proxy_say_steps(t->s, info->trace);
    t->over = info->done;
}

void proxy_show_probes(struct proxy_session *s)
{
    list_each_safe (it, tmp, &s->probes) {
        struct telling t = { .s = s, .probe = container_of(it, struct proxy_probe, link) };

        if (!federation_probe_show(s->proxy->federation, t.probe->ours, say_probe, &t) || t.over)
            probe_free(s, t.probe);
    }
}

void proxy_probes_drop_all(struct proxy_session *s)
{
    while (!list_empty(&s->probes))
        probe_free(s, container_of(s->probes.next, struct proxy_probe, link));
}
