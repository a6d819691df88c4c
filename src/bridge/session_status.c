/* What passes in a session besides texts: who is typing, gone, and that a text has come back. */
#include <stdlib.h>

#include "bridge/session_parts.h"
#include "bridge/typing.h"
#include "bridge/watch_s2x.h"
#include "map/keyboard.h"
#include "map/typing.h"

static const struct slice nothing;

/* ---- toward SIP ---- */

/* Nobody waits for it; without memory it is not told. */
static void tell_sip(struct im_session *s, enum sip_method method, const char *headers, const struct buf *body)
{
    struct sip_content content = { slice_str(headers), buf_slice(body) };

    if (buf_ok(body) && s->state == SESSION_UP && s->known)
        (void)sip_dialog_send(s->dialog, method, &content, NULL, NULL);
}

/* Lync's clients show it for some seconds, and want to be told again while it lasts. */
static void tell(void *arg, bool active, unsigned refresh_s)
{
    struct im_session *s = arg;
    struct buf *out = &s->bridge->scratch;
    bool keyboard = s->keyboard || s->takes & MAP_SDP_LYNC;

    im_session_judge(s);
    if (!keyboard && !(s->takes & MAP_SDP_COMPOSING)) /* never what was not agreed (STOX-SES-25) */
        return;
    buf_clear(out);
    if (keyboard) {
        map_keyboard_put(out, active);
        tell_sip(s, SIP_INFO, "Content-Type: " MAP_KEYBOARD_TYPE "\r\n", out);
    } else {
        map_composing_put(out, active, refresh_s);
        tell_sip(s, SIP_MESSAGE, "Content-Type: " MAP_COMPOSING_TYPE "\r\n", out);
    }
}

void im_session_attach(struct im_session *s)
{
    static const struct typing_way way = { .tell = tell, .gap_ms = 1000, .refresh_ms = 0 };
    struct jid remote = im_session_remote(s), local = im_session_local(s);

    s->attached = typing_attach(s->bridge, &remote, &local, &way, s);
}

void im_session_detach(struct im_session *s)
{
    struct jid remote = im_session_remote(s), local = im_session_local(s);

    if (s->attached)
        typing_detach(s->bridge, &remote, &local, s);
    s->attached = false;
}

/* Tells that a text has come back. uri: of the one who did not get it. */
static void report(struct im_session *s, struct slice id)
{
    struct bridge *b = s->bridge;
    struct jid remote = im_session_remote(s);
    struct buf uri;

    remote.resource = nothing;
    buf_init(&uri, 8 * JID_PART_MAX);
    buf_clear(&b->scratch);
    if (map_jid_to_uri(&uri, &remote, false, &b->map.aliases) && buf_ok(&uri)) {
        map_ms_imdn_put(&b->scratch, id, buf_slice(&uri), 480);
        tell_sip(s, SIP_NOTIFY, "Content-Type: " MAP_MS_IMDN_TYPE "\r\n", &b->scratch);
    }
    buf_free(&uri);
}

struct bounce {
    struct slice id;
    uint64_t hash;
    bool told;
};

static void look_for(struct im_session *s, void *arg)
{
    struct bounce *bounce = arg;

    for (size_t i = 0; i < SESSION_RECENT && s->state == SESSION_UP && !bounce->told; i++) {
        if (s->recent[i] != bounce->hash)
            continue;
        s->recent[i] = 0;
        report(s, bounce->id);
        bounce->told = true;
    }
}

bool im_session_bounced(struct bridge *b, const struct xmpp_stanza *error)
{
    struct bounce bounce = { .id = xml_attr(error->el, "id") };

    if (!bounce.id.n || !b->sessions.by_pair.n)
        return false;
    bounce.hash = im_session_call_hash(b, bounce.id);
    im_session_each(b, error->from, error->to, look_for, &bounce);
    return bounce.told;
}

bool im_session_remember(struct im_session *s, struct slice id)
{
    if (!(s->takes & MAP_SDP_MS_IMDN))
        return false;
    s->recent[s->next_recent] = im_session_call_hash(s->bridge, id);
    s->next_recent = (s->next_recent + 1) % SESSION_RECENT;
    return true;
}

/* ---- toward XMPP ---- */

void im_session_info(struct im_session *s, const struct sip_request *request)
{
    const struct sip_header *h = sip_msg_header(request->msg, SIP_H_CONTENT_TYPE);
    struct jid remote = im_session_remote(s), local = im_session_local(s);
    struct slice type, params;
    bool typing;

    if (!request->msg->body.n) {
        sip_respond(request->txn, 200, NULL, nothing);
        return;
    }
    if (!h || !sip_media_type(h->value, &type, &params) || !slice_ieq(type, SLICE(MAP_KEYBOARD_TYPE))) {
        sip_respond(request->txn, 415, NULL, SLICE("Accept: " MAP_KEYBOARD_TYPE "\r\n"));
        return;
    }
    switch (map_keyboard_read(request->msg->body, &typing)) {
    case MAP_DOCUMENT_OK: break;
    case MAP_DOCUMENT_MALFORMED: sip_respond(request->txn, 400, "Malformed KeyboardActivity Document", nothing); return;
    case MAP_DOCUMENT_NO_MEMORY: sip_respond(request->txn, 503, NULL, SLICE("Retry-After: 10\r\n")); return;
    }
    s->keyboard = true;
    typing_from_sip(s->bridge, &remote, &local, typing, 0);
    sip_respond(request->txn, 200, NULL, nothing);
}

void im_session_tell_gone(struct im_session *s)
{
    struct jid remote = im_session_remote(s), local = im_session_local(s);

    if (s->spoken)
        typing_gone_from_sip(s->bridge, &remote, &local);
}

static void end_gone(struct im_session *s, void *arg)
{
    const uint64_t *call = arg;

    if (s->state == SESSION_UP && (!*call || s->call == *call || s->alias == *call))
        im_session_end_soon(s, "the XMPP user is gone", 0);
}

void im_session_gone(struct bridge *b, const struct xmpp_stanza *stanza)
{
    const struct xml *el = xml_child(stanza->el, "jabber:server", "thread");
    struct slice thread = el ? xml_text(stanza->arena, el) : nothing;
    uint64_t call = 0;

    if (!b->sessions.by_pair.n)
        return;
    buf_clear(&b->key);
    if (thread.n && map_thread_to_call_id(&b->key, thread) && buf_ok(&b->key))
        call = im_session_call_hash(b, buf_slice(&b->key));
    im_session_each(b, stanza->from, stanza->to, end_gone, &call);
}

struct offline {
    struct jid who;
    enum watch_s2x_sight sight; /* of him, now that this client is away */
};

/* Whoever writes in it may come back from another client, as long as one is there. */
static void end_offline(struct im_session *s, void *arg)
{
    const struct offline *gone = arg;
    const struct route *route = directory_route_to(s->bridge->directory, im_session_name(s, SESSION_LOCAL_DOMAIN));
    bool all = !gone->who.resource.n || gone->sight == WATCH_S2X_AWAY, his;

    his = s->n_client && slice_eq(gone->who.resource, slice_of(s->client, s->n_client));
    if (!all && !his)
        return;
    free(s->client);
    s->client = NULL;
    s->n_client = 0;
    if (gone->who.resource.n && gone->sight == WATCH_S2X_THERE)
        return;
    if (s->state == SESSION_UP && route && route->session_end_offline)
        im_session_end_soon(s, "the XMPP user is offline", 0);
}

void im_session_offline(struct bridge *b, const struct jid *from, const struct jid *to)
{
    struct offline gone = { .who = *from };

    if (!b->sessions.by_pair.n)
        return;
    gone.sight = watch_s2x_sight(b, to, from);
    im_session_each(b, from, to, end_offline, &gone);
}
