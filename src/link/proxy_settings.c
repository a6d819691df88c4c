/* What gateways have told: taken whole, used for all that federation asks. */
#include <stdio.h>

#include "link/proxy_parts.h"

#include "net/tls.h"

/* ---- what federation asks ---- */

static const struct proxy_session *session_of(const struct link_proxy *p, struct slice remote)
{
    list_each (it, &p->sessions) {
        const struct proxy_session *s = container_of(it, const struct proxy_session, link);

        if (s->copy && link_copy_partner(s->copy, remote))
            return s;
    }
    return NULL;
}

static const struct xmpp_partner *on_partner(void *owner, struct slice domain)
{
    const struct proxy_session *s = session_of(owner, domain);

    return s ? link_copy_partner(s->copy, domain) : NULL;
}

static const struct link_copy *copy_serving(const struct link_proxy *p, struct slice domain, struct slice *features)
{
    list_each (it, &p->sessions) {
        const struct proxy_session *s = container_of(it, const struct proxy_session, link);

        if (s->copy && link_copy_serves(s->copy, domain, features))
            return s->copy;
    }
    return NULL;
}

static bool on_serves(void *owner, struct slice domain)
{
    return copy_serving(owner, domain, NULL) != NULL;
}

static void on_features(void *owner, struct slice domain, struct buf *out)
{
    struct slice features;

    if (copy_serving(owner, domain, &features))
        buf_put(out, features);
}

static void on_each_partner(void *owner, xmpp_partner_fn *fn, void *arg)
{
    const struct link_proxy *p = owner;

    list_each (it, &p->sessions) {
        const struct proxy_session *s = container_of(it, const struct proxy_session, link);

        if (s->copy)
            link_copy_each_partner(s->copy, fn, arg);
    }
}

static void on_each_served(void *owner, void (*fn)(void *arg, struct slice domain), void *arg)
{
    const struct link_proxy *p = owner;

    list_each (it, &p->sessions) {
        const struct proxy_session *s = container_of(it, const struct proxy_session, link);

        if (s->copy)
            link_copy_each_served(s->copy, fn, arg);
    }
}

static bool on_listens(void *owner, const struct addr *to)
{
    const struct link_proxy *p = owner;

    for (size_t i = 0; i < p->n_listeners; i++)
        if (listener_takes(listener_local(p->listeners[i]), to))
            return true;
    return false;
}

/* Gateways of several installations have one each; that of all is the youngest one's, and counts for domains that nobody serves. */
static struct slice on_secret(void *owner, struct slice local)
{
    const struct link_copy *copy = copy_serving(owner, local, NULL);

    return copy ? link_copy_secret(copy) : (struct slice){ 0 };
}

const struct xmpp_ops proxy_ops = { .partner = on_partner,
                                    .serves = on_serves,
                                    .stanza = proxy_on_stanza,
                                    .settled = proxy_on_settled,
                                    .each_partner = on_each_partner,
                                    .each_served = on_each_served,
                                    .listens = on_listens,
                                    .watched = proxy_on_watched,
                                    .noted = proxy_on_noted,
                                    .link = proxy_on_link,
                                    .secret = on_secret,
                                    .features = on_features };

/* ---- certificates ---- */

struct making {
    struct link_proxy *p;
    struct tls_identities *set, *before;
    struct err *err;
    bool failed;
};

static void make_identity(void *arg, const struct link_identity *id)
{
    struct making *m = arg;
    const struct tls_own own = { .source = "link", .revision = id->revision, .chain = id->chain, .key = id->key };

    if (!m->failed && !tls_identities_same(m->set, id->name, &own, m->before))
        m->failed = tls_identities_add_own(m->set, m->p->conf.tls, id->name, &own, m->err) != 0;
}

static void make_of(struct making *m, const struct link_copy *copy)
{
    if (copy)
        link_copy_each_identity(copy, make_identity, m);
}

/* All there would be with next instead of what s has. NULL with a sentence. */
static struct tls_identities *identities_with(struct link_proxy *p, const struct proxy_session *s,
                                              const struct link_copy *next, struct err *err)
{
    struct making m = { .p = p, .set = tls_identities_new(), .before = tls_identities_in_use(p->conf.tls), .err = err };

    m.failed = !m.set || (m.before && !tls_identities_retain(m.set, m.before, SLICE(LINK_CERTIFICATE)));
    if (m.failed)
        err_memory(err, "taking the certificates");
    list_each (it, &p->sessions) {
        const struct proxy_session *each = container_of(it, const struct proxy_session, link);

        if (!m.failed)
            make_of(&m, each == s ? next : each->copy);
    }
    tls_identities_drop(m.before);
    if (!m.failed)
        return m.set;
    tls_identities_drop(m.set);
    return NULL;
}

/* ---- taking ---- */

/* Without a gateway that has told its settings partners are told to come later, and not that we have no such domain. */
void proxy_phase(struct link_proxy *p)
{
    enum link_phase least = p->n_sessions ? LINK_REST : LINK_SERVE;
    bool told = false;

    if (p->stopping)
        return;
    list_each (it, &p->sessions) {
        const struct proxy_session *s = container_of(it, const struct proxy_session, link);

        least = s->phase < least ? s->phase : least;
        told = told || s->copy;
    }
    if (least == LINK_REST)
        federation_rest(p->federation);
    else
        federation_refuse(p->federation, least == LINK_REFUSE || !told);
}

void proxy_use_settings(struct link_proxy *p)
{
    static const struct xmpp_limits none = { .connection_limit = 1000,
                                             .partner_connection_limit = 20,
                                             .establish_s = 60,
                                             .inactivity_s = 600,
                                             .keepalive_s = 300 };
    const struct proxy_session *last = NULL;

    list_each (it, &p->sessions)
        if (container_of(it, struct proxy_session, link)->copy)
            last = container_of(it, const struct proxy_session, link);
    federation_set_limits(p->federation, last ? link_copy_limits(last->copy) : &none);
    if (last)
        (void)federation_set_secret(p->federation, link_copy_secret(last->copy)); /* the table bounds it */
    federation_reconsider(p->federation);
}

static void say_used(struct proxy_session *s, bool used, const char *why)
{
    char room[LINK_WHY_MAX];
    const struct link_frame f = { .type = LINK_SETTINGS_USED,
                                  .settings_used = { s->next_version, used,
                                                     link_frame_text(slice_str(why), sizeof(room), room) } };

    if (s->session.line)
        (void)link_line_write(s->session.line, &f);
}

static void refuse(struct proxy_session *s, const char *why)
{
    if (strncmp(s->refused, why, sizeof(s->refused) - 1) != 0) /* it tells them again and again */
        log_error(s->proxy->conf.loop->log, "settings-not-used", LOG_Z("gateway", s->name),
                  LOG_U("version", s->next_version), LOG_Z("why", why),
                  LOG_Z("effect", "those it told before stay in use; this is logged again when the reason is another "
                                  "one"));
    snprintf(s->refused, sizeof(s->refused), "%s", why);
    say_used(s, false, why);
    link_copy_free(s->next);
    s->next = NULL;
    s->next_version = 0;
    s->learns = false; /* its predecessor's stay */
    proxy_flush(s);
}

/* It counts for all that is there and all that comes. */
static void use(struct proxy_session *s)
{
    struct link_proxy *p = s->proxy;
    struct link_copy *before = s->copy;
    struct err err = { "" };
    struct tls_identities *identities = identities_with(p, s, s->next, &err);

    if (!identities) {
        refuse(s, err.text);
        return;
    }
    tls_use_identities(p->conf.tls, identities);
    tls_identities_drop(identities);
    list_each (it, &p->sessions)
        proxy_pauses(container_of(it, struct proxy_session, link), false);
    s->copy = s->next;
    s->next = NULL;
    s->learns = false;
    s->refused[0] = '\0';
    proxy_use_settings(p);
    list_each (it, &p->sessions)
        proxy_pauses(container_of(it, struct proxy_session, link), true);
    link_copy_free(before);
    log_info(p->conf.loop->log, "settings-in-use", LOG_Z("gateway", s->name), LOG_U("version", s->next_version));
    say_used(s, true, "");
    s->next_version = 0;
    proxy_phase(p);
    proxy_tell_links(s);
    proxy_judge_anew(s);
    proxy_take_over(p);
}

static void begin(struct proxy_session *s, uint64_t version)
{
    link_copy_free(s->next);
    s->next = link_copy_new();
    s->next_version = version;
    if (!s->next)
        refuse(s, "out of memory");
}

void proxy_on_setting(struct proxy_session *s, const struct link_frame *f)
{
    struct err err = { "" };

    if (s->leaving) /* its successor says what counts */
        return;
    if (f->type == LINK_SETTINGS)
        begin(s, f->settings.version);
    else if (!s->next) /* of a version that was refused */
        return;
    else if (f->type != LINK_SETTINGS_END && !link_copy_take(s->next, f, &err))
        refuse(s, err.text);
    else if (f->type == LINK_SETTINGS_END && !link_copy_end(s->next, f->settings_end.frames, &err))
        refuse(s, err.text);
    else if (f->type == LINK_SETTINGS_END)
        use(s);
}

/* ---- revocation lists ---- */

/* Lists stay when their gateway goes: they are true without it. One that says that it has none takes away none of another's. */
static bool are_anothers(const struct proxy_session *s)
{
    list_each (it, &s->proxy->sessions) {
        const struct proxy_session *each = container_of(it, const struct proxy_session, link);

        if (each != s && each->has_lists)
            return true;
    }
    return false;
}

static void use_lists(struct proxy_session *s)
{
    struct link_proxy *p = s->proxy;
    struct err err = { "" };
    struct tls_crls *crls = s->lists_n ? tls_crls_read(buf_slice(&s->lists), &err) : NULL;

    buf_free(&s->lists);
    buf_init(&s->lists, LINK_REVOCATIONS_MAX);
    if (s->lists_n && !crls) {
        log_error(p->conf.loop->log, "revocation-lists-not-used", LOG_Z("gateway", s->name), LOG_Z("why", err.text),
                  LOG_Z("effect", "those told before stay in use"));
        return;
    }
    s->has_lists = crls != NULL;
    if (!crls && are_anothers(s))
        return;
    log_info(p->conf.loop->log, "revocation-lists", LOG_Z("gateway", s->name),
             LOG_U("lists", crls ? tls_crls_count(crls) : 0));
    tls_use_crls(p->conf.tls, crls);
    federation_revocations_changed(p->federation);
}

void proxy_on_revocations(struct proxy_session *s, const struct link_revocations_frame *f)
{
    buf_clear(&s->lists);
    s->lists_n = f->bytes;
    if (f->bytes == 0)
        use_lists(s);
}

void proxy_on_revocation_part(struct proxy_session *s, const struct link_revocation_part_frame *f)
{
    if (f->pem.n > s->lists_n - s->lists.n) {
        proxy_complain(s, LINK_BAD_FRAME, "REVOCATION_PART: more comes than was said");
        return;
    }
    buf_put(&s->lists, f->pem);
    if (!buf_ok(&s->lists))
        proxy_complain(s, LINK_CUT, "out of memory");
    else if (s->lists.n == s->lists_n)
        use_lists(s);
}
