#include <errno.h>

#include "base/clock.h"
#include "base/text.h"
#include "map/ids.h"
#include "map/im.h"
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

/* Takes what was written since *at. */
static struct slice cut(const struct buf *b, size_t *at)
{
    struct slice s = slice_from(buf_slice(b), *at);

    *at = b->n;
    return s;
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
    return errno == ENOMEM ? MAP_IM_NO_MEMORY : refuse(r, "modify", "jid-malformed", "");
}

static enum map_im write_message(struct arena *a, const struct map_conf *conf, const struct message *m,
                                 const struct jid *from, const struct jid *to, struct slice id,
                                 const struct map_fresh *fresh, struct map_im_message *out,
                                 struct map_im_xmpp_refusal *r)
{
    struct buf b;
    size_t at = 0, size = uri_size(from) + 2 * uri_size(to) + m->subject_text.n + m->language.n + 1024;

    if (!scratch_init(&b, a, size))
        return MAP_IM_NO_MEMORY;
    errno = 0;
    if (!map_jid_to_uri(&b, to, true, &conf->aliases))
        return unwritable(r);
    out->uri = cut(&b, &at);
    buf_char(&b, '<');
    buf_put(&b, out->uri);
    buf_char(&b, '>');
    out->to = cut(&b, &at);
    buf_char(&b, '<');
    if (!map_jid_to_uri(&b, from, true, &conf->aliases))
        return unwritable(r);
    buf_str(&b, ">;tag=");
    map_put_u64_hex(&b, fresh->tag);
    out->from = cut(&b, &at);
    if (!put_call_id(&b, a, conf, from, to, m->thread_text, fresh, out))
        return MAP_IM_NO_MEMORY;
    out->call_id = cut(&b, &at);
    if (id.n) {
        buf_str(&b, "z9hG4bK");
        map_put_u64_hex(&b, fresh->nonce);
        map_put_u64_hex(&b, fresh->branch);
    }
    out->branch = cut(&b, &at);
    put_headers(&b, m);
    out->headers = cut(&b, &at);
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
    map_fresh_init(&fresh, conf, nonce, id);
    return write_message(a, conf, &m, from, to, id, &fresh, out, refusal);
}
