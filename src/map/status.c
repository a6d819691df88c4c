#include "map/status.h"

#include "map/im_parts.h"
#include "map/scratch.h"
#include "map/typing.h"

#define PLAIN "Content-Type: text/plain;charset=UTF-8\r\n"
#define OTHERS_SIZE 512 /* what stands around the variable parts of a document or of CPIM */

bool map_is_status(const struct xml *message)
{
    static const char *const beside[] = { "urn:xmpp:hints", "urn:xmpp:sid:0", "urn:xmpp:delay",
                                          "http://jabber.org/protocol/nick" };
    struct map_receipts receipts;

    for (const struct xml *el = xml_first_child(message); el; el = xml_next(el)) {
        bool known = slice_eq(el->ns, message->ns) && slice_is(el->name, "thread");

        for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++)
            known = known || slice_is(el->ns, beside[i]);
        if (!known && !map_chat_state_is(el) && !map_receipt_is(el))
            return false;
    }
    map_receipts_of(message, &receipts);
    return map_chat_state_of(message) != MAP_CHAT_NONE || receipts.n;
}

/* The addresses of a request, on a buf that has room for more. */
static enum map_im begin(struct buf *b, size_t *at, size_t more, struct arena *a, const struct map_conf *conf,
                         const struct jid *from, const struct jid *to, struct slice thread, uint64_t nonce,
                         struct map_im_message *out)
{
    struct map_im_xmpp_refusal refusal;
    struct map_fresh fresh;

    *out = (struct map_im_message){ 0 };
    *at = 0;
    map_fresh_init(&fresh, conf, nonce, slice_of(NULL, 0));
    if (!scratch_init(b, a, map_im_address_size(from, to) + more))
        return MAP_IM_NO_MEMORY;
    return map_im_address(b, at, a, conf, from, to, thread, slice_of(NULL, 0), &fresh, out, &refusal);
}

enum map_im map_composing_to_message(struct arena *a, const struct map_conf *conf, const struct jid *from,
                                     const struct jid *to, struct slice thread, uint64_t nonce, bool active,
                                     unsigned refresh_s, struct map_im_message *out)
{
    struct buf b;
    size_t at;
    enum map_im result = begin(&b, &at, OTHERS_SIZE, a, conf, from, to, thread, nonce, out);

    if (result != MAP_IM_OK)
        return result;
    map_composing_put(&b, active, refresh_s);
    out->body = map_im_cut(&b, &at);
    out->headers = SLICE("Content-Type: " MAP_COMPOSING_TYPE "\r\n");
    return buf_ok(&b) ? MAP_IM_OK : MAP_IM_NO_MEMORY;
}

/* The bare address as URI, in memory of its own. .p NULL: it has none, or no memory. */
static struct slice bare_uri(struct arena *a, const struct map_conf *conf, const struct jid *jid)
{
    struct jid bare = { .local = jid->local, .domain = jid->domain };
    struct buf b;

    if (!scratch_init(&b, a, map_im_address_size(&bare, &bare)) || !map_jid_to_uri(&b, &bare, false, &conf->aliases) ||
        !buf_ok(&b))
        return slice_of(NULL, 0);
    return buf_slice(&b);
}

enum map_im map_imdn_to_message(struct arena *a, const struct map_conf *conf, const struct jid *from,
                                const struct jid *to, uint64_t nonce, struct map_imdn_about *about,
                                struct map_im_message *out)
{
    struct buf b;
    size_t at, more = OTHERS_SIZE + about->n_routes * (MAP_IMDN_URI_MAX + 32);
    enum map_im result;

    about->recipient = bare_uri(a, conf, from);
    about->sender = bare_uri(a, conf, to);
    about->now_wall_s = conf->now_wall_s;
    if (!about->recipient.p || !about->sender.p)
        return MAP_IM_NO_MEMORY;
    /* The recipient stands in CPIM and, with each octet escaped at worst, in the document. */
    more += 7 * about->recipient.n + about->sender.n + 6 * (about->message_id.n + about->date.n) + about->own_id.n;
    result = begin(&b, &at, more, a, conf, from, to, slice_of(NULL, 0), nonce, out);
    if (result != MAP_IM_OK)
        return result;
    if (about->n_routes)
        out->uri = about->routes[0];
    map_imdn_put(&b, about);
    out->body = map_im_cut(&b, &at);
    out->headers = SLICE("Content-Type: message/cpim\r\n");
    return buf_ok(&b) ? MAP_IM_OK : MAP_IM_NO_MEMORY;
}

/* 128 bits that derive from the text's own nonce. */
static struct slice message_id(struct arena *a, const struct map_conf *conf, uint64_t nonce)
{
    struct map_fresh fresh;
    struct buf b;

    if (!scratch_init(&b, a, 32))
        return slice_of(NULL, 0);
    map_fresh_init(&fresh, conf, nonce, SLICE("imdn"));
    map_put_u64_hex(&b, fresh.branch);
    map_put_u64_hex(&b, fresh.call_id[1]);
    return buf_slice(&b);
}

/* The Content-Type, and Content-Language if there is one, go inside; the other lines stay outside. */
static struct slice type_lines(const struct map_im_message *text)
{
    struct slice rest = slice_from(text->headers, sizeof(PLAIN) - 1);

    if (!slice_starts(rest, SLICE("Content-Language: ")))
        return slice_first(text->headers, sizeof(PLAIN) - 1);
    return slice_first(text->headers, sizeof(PLAIN) - 1 + slice_find(rest, '\n') + 1);
}

enum map_im map_im_ask(struct arena *a, const struct map_conf *conf, const struct jid *from, const struct jid *to,
                       uint64_t nonce, const struct map_im_message *text, struct map_asking *out)
{
    struct map_imdn_request request = { .from = bare_uri(a, conf, from),
                                        .to = bare_uri(a, conf, to),
                                        .message_id = message_id(a, conf, nonce),
                                        .date_wall_s = conf->now_wall_s,
                                        .received = text->asks_received,
                                        .displayed = text->asks_displayed,
                                        .type = type_lines(text),
                                        .text = text->body };
    struct buf b;
    size_t at = 0;

    if (!request.from.p || !request.to.p || !request.message_id.p ||
        !scratch_init(&b, a, request.from.n + request.to.n + text->headers.n + text->body.n + OTHERS_SIZE))
        return MAP_IM_NO_MEMORY;
    out->message_id = request.message_id;
    buf_str(&b, "Content-Type: message/cpim\r\n");
    buf_put(&b, slice_from(text->headers, request.type.n));
    out->headers = map_im_cut(&b, &at);
    map_imdn_put_request(&b, &request);
    out->body = map_im_cut(&b, &at);
    return buf_ok(&b) ? MAP_IM_OK : MAP_IM_NO_MEMORY;
}
