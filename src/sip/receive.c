/* The way of a received message through the stack, in the order that sip.h gives. */
#include "sip/stack.h"

#define LOG_BURST 5 /* lines of one kind in 10 s that peers can cause at will */

static void log_source(struct sip *sip, struct log_limit *limit, const char *event, const char *reason,
                       const struct sip_source *source)
{
    char from[ADDR_TEXT], shows[SIP_CERT_TEXT] = "";
    unsigned held;

    if (source->n_names)
        sip_cert_put_names(source->names, source->n_names, shows, sizeof(shows));
    if (log_allowed(limit, loop_now(sip->loop), LOG_BURST, &held))
        log_info(sip->loop->log, event, LOG_Z("from", addr_text(&source->addr, from)),
                 LOG_Z("transport", sip_transport_name(source->transport)), LOG_Z("shows", shows),
                 LOG_Z("reason", reason), LOG_U("not-logged", held));
}

static void refuse(struct sip *sip, const struct sip_server_id *id, const struct sip_msg *m,
                   const struct sip_source *source, unsigned status, const char *reason)
{
    sip->counters.refused++;
    sip_servers_reply(&sip->servers, id, m, source, status, reason, buf_slice(&sip->headers));
}

static enum sip_next take_stranger(struct sip *sip, const struct sip_msg *m, const struct sip_source *source)
{
    struct sip_server_id id;

    sip->counters.dropped_unknown_source++;
    log_source(sip, &sip->log_stranger, "sip-stranger", "no route has this source address or certificate", source);
    /* A datagram's source may be forged: it gets nothing. A connection's is real. */
    if (source->transport == SIP_UDP)
        return SIP_GO_ON;
    if (m->method_id != SIP_ACK) {
        sip_servers_identify(&sip->servers, m, m->method, &id);
        buf_clear(&sip->headers);
        refuse(sip, &id, m, source, 403, NULL);
    }
    return SIP_CLOSE;
}

static enum sip_next take_malformed(struct sip *sip, enum sip_parse parse, const struct sip_msg *m, const char *fault,
                                    const struct sip_source *source)
{
    struct sip_server_id id;
    unsigned status;

    sip->counters.malformed++;
    log_source(sip, &sip->log_malformed, "sip-malformed", fault ? fault : "", source);
    if (m->method_id != SIP_ACK && !slice_is(m->cseq_method, "ACK")) {
        sip_servers_identify(&sip->servers, m, m->method, &id);
        buf_clear(&sip->headers);
        switch (parse) {
        case SIP_PARSE_VERSION: refuse(sip, &id, m, source, 505, NULL); break;
        case SIP_PARSE_TOO_BIG: refuse(sip, &id, m, source, 513, NULL); break;
        case SIP_PARSE_BAD:
            /* What nobody knows is 501 however it looks (RFC 4475 3.1.2.18); anything else is a bad request first. */
            status = m->method_id == SIP_UNKNOWN ? sip_inspect_method(sip, m) : 400;
            refuse(sip, &id, m, source, status, status == 400 ? fault : NULL);
            break;
        default: refuse(sip, &id, m, source, 400, fault); break;
        }
    }
    return parse == SIP_PARSE_TOO_BIG || parse == SIP_PARSE_FRAMING ? SIP_CLOSE : SIP_GO_ON;
}

static void take_message(struct sip *sip, const struct sip_incoming *in)
{
    struct sip_request request = { .msg = in->m, .from = in->peer, .route = in->route };

    if (sip_servers_full(&sip->servers)) {
        /* Only a datagram can come here: streams are not read while the table is full. */
        sip->counters.dropped_full++;
        log_source(sip, &sip->log_full, "sip-full", "too many transactions, the request was dropped", in->source);
        return;
    }
    request.txn = sip_servers_add(&sip->servers, in->id, in->m, in->source);
    if (!request.txn) {
        buf_clear(&sip->headers);
        buf_put(&sip->headers, SLICE("Retry-After: 10\r\n"));
        refuse(sip, in->id, in->m, in->source, 503, NULL);
        return;
    }
    sip->conf.ops->message(sip->conf.owner, &request);
}

/* The administrator reads which domain that was: one that is no partner's any more, for example. */
static void refuse_unserved(struct sip *sip, const struct sip_incoming *in)
{
    static const char why[] = "neither a partner nor a domain of ours has that name",
                      reason[] = "This gateway does not serve that domain";
    const struct sip_request request = { .msg = in->m, .from = in->peer, .route = in->route };
    unsigned held;

    if (log_allowed(&sip->log_unserved, loop_now(sip->loop), LOG_BURST, &held))
        log_info(sip->loop->log, "sip-unserved", LOG_S("from", in->m->from.uri_text), LOG_S("to", in->m->uri_text),
                 LOG_U("status", 404), LOG_Z("why", why), LOG_U("not-logged", held));
    if (in->m->method_id == SIP_MESSAGE && sip->conf.ops->unserved)
        sip->conf.ops->unserved(sip->conf.owner, &request, reason, why);
    refuse(sip, in->id, in->m, in->source, 404, reason);
}

static bool is_repeat(struct sip *sip, const struct sip_incoming *in)
{
    return in->m->method_id == SIP_INVITE ? sip_invites_repeat(&sip->invites, in)
                                          : sip_servers_repeat(&sip->servers, in->id, in->m, in->source);
}

static void hand_on(struct sip *sip, const struct sip_incoming *in)
{
    if (in->m->method_id == SIP_SUBSCRIBE || in->m->method_id == SIP_NOTIFY)
        sip_subs_take(sip, in);
    else if (in->m->method_id == SIP_PUBLISH)
        sip_subs_publish(sip, in);
    else if (in->m->to_tag.n)
        sip_dialog_request(sip, sip_dialogs_find(sip, in->m->call_id, in->m->to_tag), in);
    else if (in->m->method_id == SIP_INVITE)
        sip_dialogs_invite(sip, in);
    else
        take_message(sip, in);
}

/* A datagram whose source nobody knows gets no more bytes than it had: its source may be forged (threats D12). */
static size_t most_for(const struct sip_msg *m, const struct sip_source *source, bool known)
{
    return known || source->transport != SIP_UDP ? SIZE_MAX : (size_t)(m->body.p + m->body.n - m->method.p);
}

/* Without a transaction, so that those who prove nothing take no memory (RFC 3261 26.3.2.4). */
static void challenge(struct sip *sip, const struct sip_msg *m, const struct sip_server_id *id,
                      const struct sip_source *source, bool known, const struct sip_challenge *answer)
{
    sip->counters.refused++;
    if (!sip_servers_reply_within(&sip->servers, id, m, source, answer, most_for(m, source, known)))
        log_source(
            sip, &sip->log_large, "sip-not-challenged",
            "the challenge would be longer than the request, and its source may be forged (let it use TCP or TLS, or "
            "list its address in the sources of its route)",
            source);
}

static enum sip_proving prove(struct sip *sip, const struct sip_msg *m, struct sip_peer *peer,
                              struct sip_challenge *answer)
{
    if (!sip->conf.ops->prove || m->method_id == SIP_ACK || m->method_id == SIP_CANCEL)
        return SIP_PROVING_NONE;
    buf_clear(&sip->headers);
    return sip->conf.ops->prove(sip->conf.owner, m, peer, answer);
}

/*
 * RFC 3261 17.2.3 gives it to the transaction, whose answer is another request's: it would be told 200 and reach nobody. It
 * broke 8.1.1.7, and so it is a bad request; 482 is for copies of one request (8.2.2.2).
 */
static void refuse_reused(struct sip *sip, const struct sip_incoming *in)
{
    log_source(sip, &sip->log_branch, "sip-branch-reused",
               "a request that is still known here has the same branch in its Via: this one was answered 400 and goes "
               "nowhere (its client has to give each request a branch of its own)",
               in->source);
    buf_clear(&sip->headers);
    refuse(sip, in->id, in->m, in->source, 400, "Branch is that of another request");
}

static void take_proven(struct sip *sip, const struct sip_incoming *in)
{
    unsigned status;

    if (sip_reuses_branch(sip, in->m, in->id)) {
        refuse_reused(sip, in);
        return;
    }
    status = sip_inspect(sip, in->m, in->id);
    if (!status)
        hand_on(sip, in);
    else if (status < 300)
        sip_servers_reply(&sip->servers, in->id, in->m, in->source, status, NULL, buf_slice(&sip->headers));
    else if (status == 404)
        refuse_unserved(sip, in);
    else
        refuse(sip, in->id, in->m, in->source, status, NULL);
}

/* What is not challenged and not answered by inspection. True: it was that. */
static bool is_settled(struct sip *sip, const struct sip_incoming *in)
{
    if (in->m->method_id == SIP_ACK) { /* never answered */
        sip_dialogs_ack(sip, in);
        return true;
    }
    return is_repeat(sip, in) || (in->m->method_id == SIP_CANCEL && sip_dialogs_cancel(sip, in));
}

/* known: by its source. */
static enum sip_next take_request(struct sip *sip, const struct sip_msg *m, const struct sip_source *source, bool known,
                                  struct slice route)
{
    struct sip_challenge answer = { .headers = &sip->headers };
    struct sip_peer peer = sip_peer_of(source);
    struct sip_server_id id;
    struct sip_incoming in = { .m = m, .id = &id, .source = source, .peer = &peer, .route = route };
    enum sip_proving proving;

    sip_servers_identify(&sip->servers, m, m->method, &id);
    if (known && is_settled(sip, &in)) {
        sip->counters.requests_in++;
        return SIP_GO_ON;
    }
    proving = prove(sip, m, &peer, &answer);
    if (!known && proving == SIP_PROVING_NONE)
        return take_stranger(sip, m, source);
    sip->counters.requests_in++;
    if (proving == SIP_PROVING_DONE)
        in.route = answer.route;
    if (proving == SIP_PROVING_REFUSED)
        challenge(sip, m, &id, source, known, &answer);
    else
        take_proven(sip, &in);
    return SIP_GO_ON;
}

static bool is_known(struct sip *sip, const struct sip_source *source, struct slice *route)
{
    const struct sip_peer peer = sip_peer_of(source);

    return sip->conf.ops->source(sip->conf.owner, &peer, route);
}

enum sip_next sip_take(struct sip *sip, enum sip_parse parse, const struct sip_msg *m, const char *fault,
                       const struct sip_source *source)
{
    struct slice route = { 0 };
    bool known;

    if (parse == SIP_PARSE_MORE || parse == SIP_PARSE_DROP || (parse != SIP_PARSE_OK && !m->is_request)) {
        sip->counters.dropped_garbage++;
        return SIP_GO_ON;
    }
    if (!m->is_request) {
        if (!sip_clients_response(&sip->clients, m))
            sip->counters.dropped_stray_response++;
        return SIP_GO_ON;
    }
    /* Strangers come first of all: what they sent is not worth an answer, however it is formed, unless it may prove them. */
    known = is_known(sip, source, &route);
    if (parse == SIP_PARSE_OK)
        return take_request(sip, m, source, known, route);
    return known ? take_malformed(sip, parse, m, fault, source) : take_stranger(sip, m, source);
}
