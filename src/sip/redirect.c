#include "sip/redirect.h"

#include <stdlib.h>

#include "sip/stack.h"

#define Q_WHOLE 1000 /* q is counted in thousandths */

struct place {
    char *uri; /* owned */
    size_t n;
    unsigned q;
};

/* v[0] is where the request went at first; those before i_next have been tried. */
struct sip_redirects {
    struct place v[SIP_REDIRECTS_MAX + 1];
    size_t n, i_next;
};

void sip_redirects_free(struct sip_redirects *r)
{
    for (size_t i = 0; r && i < r->n; i++)
        free(r->v[i].uri);
    free(r);
}

/* qvalue: "1", "0.7", at most three digits behind the point. What is none counts as the default. */
static unsigned q_of(struct slice params)
{
    struct slice q;
    unsigned value = 0, unit = Q_WHOLE;

    if (!sip_param(params, "q", &q) || !q.n || (q.p[0] != '0' && q.p[0] != '1'))
        return Q_WHOLE;
    if (q.p[0] == '1')
        return Q_WHOLE;
    for (size_t i = 2; i < q.n && unit > 1 && q.p[i] >= '0' && q.p[i] <= '9'; i++) {
        unit /= 10;
        value += unit * (unsigned)(q.p[i] - '0');
    }
    return value;
}

static bool same(struct slice a, struct slice b)
{
    struct sip_uri x, y;

    return slice_eq(a, b) || (sip_uri_parse(a, &x) && sip_uri_parse(b, &y) && sip_uri_eq(&x, &y));
}

static bool is_known(const struct sip_redirects *r, struct slice uri)
{
    for (size_t i = 0; i < r->n; i++)
        if (same(slice_of(r->v[i].uri, r->v[i].n), uri))
            return true;
    return false;
}

/* Behind what has been tried, by q; equal ones as they came. Without memory it is not tried. */
static void add(struct sip_redirects *r, struct slice uri, unsigned q)
{
    size_t at = r->n;
    char *copy;

    if (r->n == SIP_REDIRECTS_MAX + 1 || !uri.n || uri.n > SIP_REDIRECT_URI_MAX || is_known(r, uri))
        return;
    copy = malloc(uri.n);
    if (!copy)
        return;
    memcpy(copy, uri.p, uri.n);
    for (; at > r->i_next && r->v[at - 1].q < q; at--)
        r->v[at] = r->v[at - 1];
    r->v[at] = (struct place){ copy, uri.n, q };
    r->n++;
}

/* A URI that a Request-URI may be: it brings no header lines and no method of its own (19.1.5), and no strings of its own kind. */
static bool may_be(struct sip *sip, struct slice route, const struct sip_name_addr *contact, enum sip_scheme scheme)
{
    struct slice value;

    return contact->uri.scheme == scheme && !contact->uri.headers.n && !contact->uri.password.n &&
           !sip_param(contact->uri.params, "method", &value) && sip->conf.ops->leads &&
           sip->conf.ops->leads(sip->conf.owner, route, &contact->uri);
}

static void take(struct sip *sip, struct sip_redirects *r, struct slice route, const struct sip_msg *m,
                 enum sip_scheme scheme)
{
    struct sip_name_addr contact;
    struct slice value;

    for (size_t pos = 0; sip_msg_next_value(m, SIP_H_CONTACT, &pos, &value);)
        if (sip_name_addr_parse(value, &contact) && may_be(sip, route, &contact, scheme))
            add(r, contact.uri_text, q_of(contact.params));
}

bool sip_redirected(struct sip *sip, struct sip_redirects **redirects, struct slice route, struct slice uri,
                    const struct sip_msg *m, struct slice *next)
{
    struct sip_redirects *r = *redirects;
    bool sent_on = m->status >= 300 && m->status <= 302;
    struct sip_uri first;

    /* One of several places has refused it: the next one may take it, unless nobody will (6xx). */
    if (!sent_on && (!r || m->status < 300 || m->status >= 600))
        return false;
    if (!r) {
        *redirects = r = calloc(1, sizeof(*r));
        if (!r)
            return false;
        add(r, uri, Q_WHOLE);
        r->i_next = r->n;
    }
    if (sent_on && sip_uri_parse(uri, &first))
        take(sip, r, route, m, first.scheme);
    if (!r->i_next || r->i_next == r->n)
        return false;
    *next = slice_of(r->v[r->i_next].uri, r->v[r->i_next].n);
    r->i_next++;
    return true;
}
