#include "bridge/publish.h"

#include <stdio.h>

#include "bridge/admit.h"
#include "bridge/bridge_private.h"
#include "bridge/note.h"
#include "bridge/watch_x2s_parts.h"
#include "sip/event_values.h"

#define MEM 8192
#define ARENA_MAX (1024 * 1024)
#define EXPIRES_S 3600 /* RFC 3856 6.4 */

/* One PUBLISH, judged. status 0: it is to be carried out. */
struct wish {
    struct jid who;
    const struct route *route;
    struct publication *before;
    struct map_presences said;
    bool has_said;
    unsigned expires_s;
    struct admit_refusal no;
    char line[64]; /* of no.headers */
};

static bool refuse(struct wish *w, unsigned status, const char *reason)
{
    w->no = (struct admit_refusal){ .status = status, .reason = reason };
    return false;
}

static bool refuse_with(struct wish *w, unsigned status, const char *reason, struct slice headers)
{
    refuse(w, status, reason);
    w->no.headers = headers;
    return false;
}

/* RFC 3903 6, step 5: for how long? */
static bool take_expires(const struct bridge *b, const struct sip_msg *m, struct wish *w)
{
    const struct gateway *g = directory_gateway(b->directory);
    uint32_t expires_s;
    bool bad;

    w->expires_s = EXPIRES_S;
    if (sip_msg_expires(m, &expires_s, &bad))
        w->expires_s = expires_s;
    else if (bad)
        return refuse(w, 400, "Expires is no number of seconds");
    if (w->expires_s > 0 && w->expires_s < g->subscription_min_s) {
        (void)snprintf(w->line, sizeof(w->line), "Min-Expires: %u\r\n", g->subscription_min_s);
        return refuse_with(w, 423, NULL, slice_str(w->line));
    }
    if (w->expires_s > g->subscription_max_s)
        w->expires_s = g->subscription_max_s;
    return true;
}

/* Step 4: which publication? */
static bool take_tag(const struct bridge *b, const struct sip_msg *m, struct wish *w)
{
    struct slice tag;

    if (!sip_msg_if_match(m, &tag))
        return refuse(w, 400, "SIP-If-Match is no single entity-tag");
    if (!tag.n)
        return true;
    w->before = publication_find(b, &w->who, tag);
    return w->before || refuse(w, 412, "There is no publication with that entity-tag, publish anew");
}

static bool is_encoded(const struct sip_msg *m)
{
    const struct sip_header *h = sip_msg_header(m, SIP_H_CONTENT_ENCODING);

    return h && !slice_ieq(h->value, SLICE("identity"));
}

/* Step 6: what? */
static bool take_body(const struct bridge *b, const struct sip_msg *m, struct arena *a, struct wish *w)
{
    unsigned status;

    if (!m->body.n)
        return w->before || refuse(w, 400, "A first PUBLISH says something");
    if (is_encoded(m))
        return refuse_with(w, 415, NULL, SLICE("Accept-Encoding: identity\r\n"));
    status = watch_x2s_read(b, &w->who, a, m, &w->said, &w->has_said);
    if (status == 415)
        return refuse_with(w, 415, NULL, SLICE("Accept: application/pidf+xml\r\n"));
    if (status == 500)
        return refuse_with(w, 503, NULL, SLICE("Retry-After: 10\r\n"));
    if (status != 200)
        return refuse(w, status, "The body is no PIDF document");
    return w->has_said || refuse(w, 400, "The document is about somebody else");
}

static bool judge(struct bridge *b, const struct sip_request *request, struct arena *a, struct wish *w)
{
    if (!bridge_takes_presence(b))
        return refuse_with(w, 503, "The gateway is shutting down", SLICE("Retry-After: 5\r\n"));
    if (!admit_owner(b, request->msg, request->from, a, &w->who, &w->no))
        return false;
    w->route = directory_route_to(b->directory, w->who.domain);
    if (!w->route || !w->route->publish || !w->route->presence)
        return refuse(w, 403, "Presence is not published here");
    return take_expires(b, request->msg, w) && take_tag(b, request->msg, w) &&
           (w->expires_s == 0 || take_body(b, request->msg, a, w));
}

/* The new entity-tag; empty: no memory. */
static struct slice carry_out(struct bridge *b, struct wish *w, char tag[PUBLICATION_TAG + 1])
{
    const char *made;

    if (w->expires_s == 0) {
        if (w->before)
            publication_remove(w->before);
        rand_hex(tag, PUBLICATION_TAG); /* of nothing any more: 412 to who names it */
        return slice_str(tag);
    }
    made = publication_put(b, &w->who, w->route->name, w->before, w->has_said ? &w->said : NULL, w->expires_s);
    return made ? slice_str(made) : slice_of(NULL, 0);
}

static void answer(struct bridge *b, const struct sip_request *request, const struct wish *w)
{
    const struct sip_msg *m = request->msg;

    b->publications.refused++;
    bridge_log_refusal(b, "sip-publication", m->from.uri_text, m->uri_text, w->no.status,
                       w->no.why      ? w->no.why
                       : w->no.reason ? w->no.reason
                                      : "see the status");
    sip_respond(request->txn, w->no.status, w->no.reason, w->no.headers);
}

void publish_take(struct bridge *b, const struct sip_request *request)
{
    char tag[PUBLICATION_TAG + 1], headers[128];
    _Alignas(16) char memory[MEM];
    struct wish w = { 0 };
    struct slice made;
    struct arena a;

    arena_init_on(&a, memory, sizeof(memory), ARENA_MAX);
    if (!judge(b, request, &a, &w)) {
        answer(b, request, &w);
        arena_reset(&a);
        return;
    }
    made = carry_out(b, &w, tag);
    if (made.n) {
        b->publications.taken++;
        (void)snprintf(headers, sizeof(headers), "SIP-ETag: %.*s\r\nExpires: %u\r\n", SLICE_FMT(made), w.expires_s);
        sip_respond(request->txn, 200, NULL, slice_str(headers));
    } else {
        sip_respond(request->txn, 503, NULL, SLICE("Retry-After: 10\r\n"));
    }
    arena_reset(&a);
}

static bool anybody_publishes(const struct bridge *b)
{
    const struct config_list *routes = config_list(directory_config(b->directory), &route_kind);

    for (size_t i = 0; i < routes->n; i++)
        if (((const struct route *)routes->v[i]->object)->publish)
            return true;
    return false;
}

enum sip_publishing publish_allowed(const struct bridge *b, struct slice host)
{
    _Alignas(16) char memory[2048];
    const struct route *route = NULL;
    struct slice domain;
    struct arena a;

    if (!host.n)
        return anybody_publishes(b) ? SIP_PUBLISHING_ALLOWED : SIP_PUBLISHING_FORBIDDEN;
    arena_init_on(&a, memory, sizeof(memory), 16384);
    if (jid_prep_domain(&a, host, &domain))
        route = directory_route_to(b->directory, domain);
    arena_reset(&a);
    if (route && route->publish)
        return SIP_PUBLISHING_ALLOWED;
    return route || directory_partner(b->directory, host) ? SIP_PUBLISHING_FORBIDDEN : SIP_PUBLISHING_UNSERVED;
}
