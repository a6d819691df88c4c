/* Whatever parses as a URI must read the same when put together from its parts. Also name-addr, Via, parameters. */
#include <stdlib.h>

#include "sip/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void print(const struct sip_uri *u, struct buf *b)
{
    buf_put(b, u->scheme_text);
    buf_char(b, ':');
    buf_put(b, u->user);
    if (u->password.p) {
        buf_char(b, ':');
        buf_put(b, u->password);
    }
    if (u->has_user)
        buf_char(b, '@');
    buf_put(b, u->host);
    if (u->port)
        buf_printf(b, ":%u", u->port);
    buf_put(b, u->params);
    if (u->headers.p) {
        buf_char(b, '?');
        buf_put(b, u->headers);
    }
}

static void check_uri(const struct sip_uri *u)
{
    struct sip_uri again;
    struct buf b;

    if (u->scheme == SIP_SCHEME_TEL || u->scheme == SIP_SCHEME_OTHER)
        return;
    buf_init(&b, 1024 * 1024);
    print(u, &b);
    check(buf_ok(&b) && sip_uri_parse(buf_slice(&b), &again));
    check(u->scheme == again.scheme && u->has_user == again.has_user && slice_eq(u->user, again.user));
    check(slice_eq(u->password, again.password) && slice_eq(u->host, again.host) && u->port == again.port);
    check(slice_eq(u->params, again.params) && slice_eq(u->headers, again.headers));
    check(sip_uri_eq(u, &again) == sip_uri_eq(&again, u));
    buf_free(&b);
}

/* The input may hold two URIs, divided by a line feed, to be compared. */
static void check_pair(struct slice in)
{
    struct slice first, second;
    struct sip_uri a, b;

    if (slice_cut(in, '\n', &first, &second) && sip_uri_parse(first, &a) && sip_uri_parse(second, &b))
        check(sip_uri_eq(&a, &b) == sip_uri_eq(&b, &a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *copy = malloc(n ? n : 1);
    struct slice in = slice_of(copy, n), value, params;
    struct sip_name_addr na;
    struct sip_via via;
    struct sip_uri u;

    check(copy);
    if (n)
        memcpy(copy, data, n);
    if (sip_uri_parse(in, &u))
        check_uri(&u);
    if (sip_name_addr_parse(in, &na)) {
        check_uri(&na.uri);
        sip_gruu(&na, &value);
        if (sip_param(na.params, "tag", &value))
            check(value.n == 0 || (value.p >= copy && value.p + value.n <= copy + n));
    }
    sip_via_parse(in, &via);
    sip_media_type(in, &value, &params);
    sip_param(in, "lr", &value);
    check_pair(in);
    free(copy);
    return 0;
}
