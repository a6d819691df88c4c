#include "base/clock.h"
#include "base/text.h"
#include "map/content.h"
#include "map/ids.h"
#include "map/im.h"
#include "map/language.h"
#include "map/typing.h"
#include "xmpp/writer.h"

#define DELAY_AFTER_S 60 /* STOX-IM-47 */

/* What a MESSAGE says, ready to be written. */
struct message {
    struct map_content content;
    struct slice subject, language;
    struct slice known_thread; /* what the Call-ID is known to stand for; empty: itself */
    bool has_date;             /* of the request, or of CPIM */
    int64_t date_wall_s;
};

static enum map_im refuse(struct map_im_sip_refusal *r, unsigned status, const char *reason, const char *headers)
{
    *r = (struct map_im_sip_refusal){ status, reason, headers };
    return MAP_IM_REFUSED;
}

static struct slice value_of(const struct sip_msg *msg, enum sip_header_id id)
{
    const struct sip_header *h = sip_msg_header(msg, id);

    return h ? h->value : (struct slice){ 0 };
}

/* The sender says that the body may be ignored by whoever cannot read it (STOX-IM-39). */
static bool is_optional(const struct sip_msg *msg)
{
    struct slice disposition = value_of(msg, SIP_H_CONTENT_DISPOSITION), value;

    return sip_param(slice_from(disposition, slice_find(disposition, ';')), "handling", &value) &&
           slice_ieq(value, SLICE("optional"));
}

static enum map_im read_content(struct arena *a, const struct sip_msg *msg, struct map_content *content,
                                struct map_im_sip_refusal *r)
{
    enum map_content_fault fault = map_content_read(a, value_of(msg, SIP_H_CONTENT_TYPE),
                                                    value_of(msg, SIP_H_CONTENT_ENCODING), msg->body, content);

    switch (fault) {
    case MAP_CONTENT_OK: return content->text.n || content->kind != MAP_CONTENT_TEXT ? MAP_IM_OK : MAP_IM_EMPTY;
    case MAP_CONTENT_NO_MEMORY: return MAP_IM_NO_MEMORY;
    case MAP_CONTENT_MALFORMED: return refuse(r, 400, "Malformed Body", "");
    case MAP_CONTENT_TYPE:
    case MAP_CONTENT_CHARSET:
    case MAP_CONTENT_ENCODING: break;
    }
    if (is_optional(msg))
        return MAP_IM_EMPTY;
    if (fault == MAP_CONTENT_ENCODING)
        return refuse(r, 415, "Unsupported Content-Encoding", "Accept-Encoding: identity, deflate\r\n");
    return refuse(r, 415, fault == MAP_CONTENT_TYPE ? "Unsupported Media Type" : "Unsupported Charset",
                  "Accept: " MAP_CONTENT_ACCEPT "\r\n");
}

/* An address inside CPIM must be the one outside (STOX-IM-40). */
static enum map_im check_cpim_address(struct arena *a, const struct map_conf *conf, const struct sip_uri *inner,
                                      const struct jid *outer, struct map_im_sip_refusal *r)
{
    struct jid jid;

    if (inner->scheme_text.n == 0)
        return MAP_IM_OK;
    switch (map_uri_to_jid(a, inner, (struct slice){ 0 }, &conf->aliases, &jid)) {
    case MAP_ADDRESS_NO_MEMORY: return MAP_IM_NO_MEMORY;
    case MAP_ADDRESS_OK:
        if (jid_bare_eq(&jid, outer))
            return MAP_IM_OK;
        break;
    case MAP_ADDRESS_SCHEME:
    case MAP_ADDRESS_SIPS:
    case MAP_ADDRESS_MALFORMED: break;
    }
    return refuse(r, 403, "CPIM Identity Mismatch", "");
}

/* RFC 3428 7: the time counts from Date, without one from now. */
static bool is_expired(const struct sip_msg *msg, const struct map_conf *conf, const struct message *m)
{
    struct slice expires = value_of(msg, SIP_H_EXPIRES);
    uint64_t seconds;

    return expires.n && slice_u64(expires, UINT32_MAX, &seconds) && m->has_date &&
           conf->now_wall_s > m->date_wall_s + (int64_t)seconds;
}

/* Octets of s once it is written as XML. */
static size_t written_size(struct slice s)
{
    size_t n = 0;
    uint32_t ch;

    for (size_t at = 0; at < s.n;) {
        size_t from = at;

        if (!text_next(s, &at, &ch)) {
            at++;
            n += 3;
        } else if (ch < 0x20) {
            n += text_xml_char(ch) ? 1 : 3;
        } else {
            n += ch == '\'' || ch == '"' ? 6 : ch == '&' ? 5 : ch == '<' || ch == '>' ? 4 : at - from;
        }
    }
    return n;
}

/* Not worth a pass over the text unless it could matter. */
static bool exceeds(size_t max, struct slice a, struct slice b)
{
    return a.n + b.n > max / 6 && written_size(a) + written_size(b) > max;
}

/* The limit is the text's alone: what comes with it must not make one of exactly that length too long. */
static bool is_too_big(const struct map_conf *conf, const struct message *m, struct slice thread)
{
    return exceeds(conf->body_max, m->content.text, slice_of(NULL, 0)) || exceeds(conf->body_max, m->subject, thread);
}

/* One that is remembered must not make a message too long that would be carried without it. */
static struct slice choose_thread(const struct map_conf *conf, const struct message *m, struct slice call_id,
                                  struct slice known, struct buf *decoded)
{
    if (known.n && !exceeds(conf->body_max, m->subject, known))
        return known;
    return map_call_id_to_thread(decoded, call_id) ? buf_slice(decoded) : call_id;
}

static enum map_im read_message(struct arena *a, const struct map_conf *conf, const struct sip_msg *msg,
                                const struct jid *from, const struct jid *to, struct message *m,
                                struct map_im_sip_refusal *r)
{
    enum map_im result = read_content(a, msg, &m->content, r);

    if (result != MAP_IM_OK)
        return result;
    if (m->content.has_cpim) {
        result = check_cpim_address(a, conf, &m->content.cpim_from, from, r);
        if (result == MAP_IM_OK)
            result = check_cpim_address(a, conf, &m->content.cpim_to, to, r);
        if (result != MAP_IM_OK)
            return result;
    }
    m->has_date = clock_parse_sip_date(value_of(msg, SIP_H_DATE), &m->date_wall_s);
    if (is_expired(msg, conf, m))
        return refuse(r, 480, "Message Expired", "");
    if (m->content.has_date) {
        m->has_date = true;
        m->date_wall_s = m->content.date_wall_s;
    }
    m->subject = m->content.subject.p ? m->content.subject : value_of(msg, SIP_H_SUBJECT);
    m->language = map_language_tag(m->content.language.n ? m->content.language : value_of(msg, SIP_H_CONTENT_LANGUAGE));
    return MAP_IM_OK;
}

static void put_stanza(struct buf *out, const struct map_conf *conf, const struct message *m, const struct jid *from,
                       const struct jid *to, struct slice id, struct slice thread)
{
    const struct map_imdn_ask *ask = &m->content.imdn;

    buf_str(out, "<message");
    xml_put_attr_jid(out, "from", from);
    xml_put_attr_jid(out, "to", to);
    xml_put_attr(out, "id", id);
    if (conf->pager_chat)
        buf_str(out, " type='chat'");
    if (m->language.n)
        xml_put_attr(out, "xml:lang", m->language);
    buf_char(out, '>');
    if (m->subject.n)
        xml_put_text_element(out, "subject", m->subject);
    xml_put_text_element(out, "body", m->content.text);
    xml_put_text_element(out, "thread", thread);
    if (m->has_date && conf->now_wall_s - m->date_wall_s > DELAY_AFTER_S) {
        buf_str(out, "<delay xmlns='urn:xmpp:delay'");
        xml_put_attr(out, "from", from->domain);
        buf_str(out, " stamp='");
        clock_put_rfc3339(out, m->date_wall_s);
        buf_str(out, "'/>");
    }
    if (conf->receipts && map_imdn_asks(ask))
        map_receipt_put_asks(out, ask->positive, ask->display);
    buf_str(out, "</message>");
}

/* A document that tells a status. */
static enum map_im read_status(struct arena *a, const struct map_content *content, struct map_im_stanza *made,
                               struct map_im_sip_refusal *r)
{
    struct map_composing composing;
    enum map_document_fault fault;

    made->is_imdn = content->kind == MAP_CONTENT_IMDN;
    if (made->is_imdn) {
        fault = map_imdn_read(a, content->text, &made->imdn);
    } else {
        fault = map_composing_read(content->text, &composing);
        made->composing = composing.active;
        made->refresh_s = composing.refresh_s;
    }
    switch (fault) {
    case MAP_DOCUMENT_OK: return MAP_IM_STATUS;
    case MAP_DOCUMENT_NO_MEMORY: return MAP_IM_NO_MEMORY;
    case MAP_DOCUMENT_MALFORMED: break;
    }
    return refuse(r, 400, made->is_imdn ? "Malformed Notification" : "Malformed isComposing Document", "");
}

static enum map_im write_text(struct arena *a, const struct map_conf *conf, const struct sip_msg *msg,
                              const struct jid *from, const struct jid *to, const struct message *m, struct buf *out,
                              struct map_im_stanza *made, struct map_im_sip_refusal *refusal)
{
    char decoded[MAP_THREAD_MAX];
    struct buf plain = { .p = decoded, .cap = sizeof(decoded), .max = sizeof(decoded) };
    struct slice thread = choose_thread(conf, m, msg->call_id, m->known_thread, &plain);
    size_t start = out->n;

    if (is_too_big(conf, m, thread))
        return refuse(refusal, 413, "Message Too Large", "");
    made->id = map_stanza_id(a, conf, msg);
    made->thread = arena_dup(a, thread);
    if (!made->id.p || !made->thread.p)
        return MAP_IM_NO_MEMORY;
    put_stanza(out, conf, m, from, to, made->id, thread);
    if (buf_ok(out))
        return MAP_IM_OK;
    out->n = start;
    return MAP_IM_NO_MEMORY;
}

enum map_im map_im_to_stanza(struct arena *a, const struct map_conf *conf, const struct sip_msg *msg,
                             const struct jid *from, const struct jid *to, struct slice thread, struct buf *out,
                             struct map_im_stanza *made, struct map_im_sip_refusal *refusal)
{
    struct message m = { .known_thread = thread };
    enum map_im result;

    *made = (struct map_im_stanza){ 0 };
    if (slice_is(from->domain, "anonymous.invalid"))
        return refuse(refusal, 403, "Anonymous Sender", "");
    if (to->local.n == 0)
        return refuse(refusal, 404, "Not Found", "");
    if (msg->body.n == 0)
        return MAP_IM_EMPTY;
    result = read_message(a, conf, msg, from, to, &m, refusal);
    if (result != MAP_IM_OK)
        return result;
    made->ask = m.content.imdn;
    return m.content.kind == MAP_CONTENT_TEXT ? write_text(a, conf, msg, from, to, &m, out, made, refusal)
                                              : read_status(a, &m.content, made, refusal);
}
