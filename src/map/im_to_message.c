#include "base/clock.h"
#include "base/text.h"
#include "map/im_parts.h"
#include "map/imdn.h"
#include "map/language.h"
#include "map/scratch.h"
#include "sip/writer.h"

/* What a message stanza says. */
struct message {
    const struct xml *body, *subject, *thread, *delay;
    struct slice text, subject_text, thread_text;
    struct slice language;
    bool encrypted;
    bool consumed; /* wrapped or withdrawn: nothing of it goes to SIP */
};

static enum map_im refuse(struct map_im_xmpp_refusal *r, const char *type, const char *condition, const char *text)
{
    *r = (struct map_im_xmpp_refusal){ type, condition, text };
    return MAP_IM_REFUSED;
}

/* Payloads that say how the whole stanza is to be taken (STOX-IM-11, 53, 54). */
static void look_at_payload(struct message *m, const struct xml *el)
{
    static const struct {
        const char *ns, *name;
        bool encrypted; /* else consumed */
    } payloads[] = {
        { "eu.siacs.conversations.axolotl", "encrypted", true },
        { "urn:xmpp:omemo:1", "encrypted", true },
        { "urn:xmpp:omemo:2", "encrypted", true },
        { "urn:xmpp:openpgp:0", "openpgp", true },
        { "jabber:x:encrypted", "x", true },
        { "urn:xmpp:eme:0", "encryption", true },
        { "urn:xmpp:carbons:2", "sent", false },
        { "urn:xmpp:carbons:2", "received", false },
        { "urn:xmpp:carbons:1", "sent", false },
        { "urn:xmpp:carbons:1", "received", false },
        { "urn:xmpp:message-retract:1", "retract", false },
    };

    if (xml_is(el, "urn:xmpp:delay", "delay")) {
        m->delay = m->delay ? m->delay : el;
        return;
    }
    if (xml_is(el, "urn:xmpp:fasten:0", "apply-to"))
        m->consumed |= xml_child(el, "urn:xmpp:message-retract:0", "retract") != NULL;
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        if (xml_is(el, payloads[i].ns, payloads[i].name)) {
            m->encrypted |= payloads[i].encrypted;
            m->consumed |= !payloads[i].encrypted;
        }
    }
}

/* The first of its name, unless a later one is the first in the stanza's language (STOX-IM-12). */
static void choose(const struct xml **chosen, const struct xml *el, struct slice language)
{
    struct slice own = xml_lang(el);

    if (!*chosen) {
        *chosen = el;
    } else if (xml_lang(*chosen).n && !slice_ieq(xml_lang(*chosen), language) &&
               (own.n == 0 || slice_ieq(own, language))) {
        *chosen = el;
    }
}

static bool read_text(struct arena *a, const struct xml *el, struct slice *text)
{
    *text = el ? xml_text(a, el) : SLICE("");
    return text->p != NULL;
}

static enum map_im read_stanza(struct arena *a, const struct xml *stanza, struct slice stream_lang, struct message *m,
                               struct map_im_xmpp_refusal *r)
{
    struct slice language = xml_lang(stanza).n ? xml_lang(stanza) : stream_lang;

    for (const struct xml *el = xml_first_child(stanza); el; el = xml_next(el)) {
        if (!slice_eq(el->ns, stanza->ns))
            look_at_payload(m, el);
        else if (slice_is(el->name, "body"))
            choose(&m->body, el, language);
        else if (slice_is(el->name, "subject"))
            choose(&m->subject, el, language);
        else if (slice_is(el->name, "thread"))
            m->thread = m->thread ? m->thread : el;
    }
    if (m->consumed)
        return MAP_IM_EMPTY;
    if (!read_text(a, m->body, &m->text) || !read_text(a, m->subject, &m->subject_text) ||
        !read_text(a, m->thread, &m->thread_text))
        return MAP_IM_NO_MEMORY;
    if (m->text.n == 0)
        return m->encrypted ? refuse(r, "modify", "not-acceptable", "Encrypted messages cannot be read here")
                            : MAP_IM_EMPTY;
    m->language = map_language_tag(xml_lang(m->body).n ? xml_lang(m->body) : xml_lang(stanza));
    return MAP_IM_OK;
}

static void put_headers(struct buf *b, const struct message *m)
{
    struct slice stamp = m->delay ? xml_attr(m->delay, "stamp") : SLICE("");
    int64_t wall_s;

    buf_str(b, "Content-Type: text/plain;charset=UTF-8\r\n");
    if (m->language.n)
        sip_put_header(b, "Content-Language", m->language);
    if (m->subject_text.n)
        sip_put_header(b, "Subject", m->subject_text);
    if (stamp.n && clock_parse_rfc3339(stamp, &wall_s)) {
        buf_str(b, "Date: ");
        clock_put_sip_date(b, wall_s);
        buf_str(b, "\r\n");
    }
}

static enum map_im write_message(struct arena *a, const struct map_conf *conf, const struct message *m,
                                 const struct jid *from, const struct jid *to, struct slice id,
                                 const struct map_fresh *fresh, struct map_im_message *out,
                                 struct map_im_xmpp_refusal *r)
{
    struct buf b;
    size_t at = 0;
    enum map_im result;

    if (!scratch_init(&b, a, map_im_address_size(from, to) + m->subject_text.n + m->language.n + 256))
        return MAP_IM_NO_MEMORY;
    result = map_im_address(&b, &at, a, conf, from, to, m->thread_text, id, fresh, out, r);
    if (result != MAP_IM_OK)
        return result;
    put_headers(&b, m);
    out->headers = map_im_cut(&b, &at);
    out->body = m->text;
    return buf_ok(&b) ? MAP_IM_OK : MAP_IM_NO_MEMORY;
}

enum map_im map_im_to_message(struct arena *a, const struct map_conf *conf, const struct xml *stanza,
                              const struct jid *from, const struct jid *to, struct slice stream_lang, uint64_t nonce,
                              struct map_im_message *out, struct map_im_xmpp_refusal *refusal)
{
    struct slice type = xml_attr(stanza, "type"), id = xml_attr(stanza, "id");
    struct message m = { 0 };
    struct map_fresh fresh;
    enum map_im result;

    *out = (struct map_im_message){ .report_errors = !slice_is(type, "headline") };
    if (slice_is(type, "error"))
        return MAP_IM_EMPTY;
    if (slice_is(type, "groupchat") || to->local.n == 0)
        return refuse(refusal, "cancel", "service-unavailable", "");
    result = read_stanza(a, stanza, stream_lang, &m, refusal);
    if (result != MAP_IM_OK)
        return result;
    out->threaded = m.thread_text.n > 0;
    map_receipts_asked(stanza, &out->asks_received, &out->asks_displayed);
    map_fresh_init(&fresh, conf, nonce, id);
    return write_message(a, conf, &m, from, to, id, &fresh, out, refusal);
}
