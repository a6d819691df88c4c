#include "sip/route_set.h"

#include "sip/scan.h"
#include "sip/writer.h"

bool sip_msg_contact(const struct sip_msg *m, struct slice *uri)
{
    struct sip_name_addr contact;
    struct slice value, other;
    size_t pos = 0;

    if (!sip_msg_next_value(m, SIP_H_CONTACT, &pos, &value) || sip_msg_next_value(m, SIP_H_CONTACT, &pos, &other) ||
        !sip_name_addr_parse(value, &contact) ||
        (contact.uri.scheme != SIP_SCHEME_SIP && contact.uri.scheme != SIP_SCHEME_SIPS))
        return false;
    *uri = contact.uri_text;
    return true;
}

bool sip_route_set_put(struct buf *b, const struct sip_msg *m)
{
    struct slice routes[SIP_ROUTES_MAX];
    size_t n = 0;

    for (size_t pos = 0;; n++) {
        struct slice value;

        if (!sip_msg_next_value(m, SIP_H_RECORD_ROUTE, &pos, &value))
            break;
        if (n == SIP_ROUTES_MAX)
            return false;
        routes[n] = value;
    }
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_put(b, SLICE(", "));
        sip_put_safe(b, routes[m->is_request ? i : n - 1 - i]);
    }
    return true;
}

/* The first route. False: there is none, or none that can be read. */
static bool first_route(struct slice routes, struct sip_name_addr *first, struct slice *rest)
{
    struct slice element;

    *rest = routes;
    return sip_take_element(rest, &element) && sip_name_addr_parse(element, first) && first->uri_text.n;
}

static bool is_loose(const struct sip_uri *uri)
{
    struct slice value;

    return sip_param(uri->params, "lr", &value);
}

void sip_route_put(struct buf *lines, struct slice routes, struct slice target, struct slice *uri)
{
    struct sip_name_addr first;
    struct slice rest;

    *uri = target;
    if (!routes.n)
        return;
    buf_put(lines, SLICE("Route: "));
    if (!first_route(routes, &first, &rest) || is_loose(&first.uri)) {
        buf_put(lines, routes);
    } else {
        *uri = first.uri_text;
        rest = sip_trim(rest);
        if (rest.n) {
            buf_put(lines, rest);
            buf_put(lines, SLICE(", "));
        }
        buf_char(lines, '<');
        sip_put_safe(lines, target);
        buf_char(lines, '>');
    }
    buf_put(lines, SLICE("\r\n"));
}

void sip_route_uri(struct slice routes, struct slice target, struct slice *uri)
{
    struct sip_name_addr first;
    struct slice rest;

    *uri = first_route(routes, &first, &rest) && !is_loose(&first.uri) ? first.uri_text : target;
}

struct slice sip_route_next(struct slice routes, struct slice target)
{
    struct sip_name_addr first;
    struct slice rest;

    return first_route(routes, &first, &rest) ? first.uri_text : target;
}
