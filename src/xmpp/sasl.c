#include "xmpp/sasl.h"

#include "base/text.h"
#include "xmpp/jid.h"

const char *xmpp_sasl_name(enum xmpp_sasl r)
{
    switch (r) {
    case XMPP_SASL_OK: return "success";
    case XMPP_SASL_ABORTED: return "aborted";
    case XMPP_SASL_INCORRECT_ENCODING: return "incorrect-encoding";
    case XMPP_SASL_INVALID_AUTHZID: return "invalid-authzid";
    case XMPP_SASL_INVALID_MECHANISM: return "invalid-mechanism";
    case XMPP_SASL_MALFORMED_REQUEST: return "malformed-request";
    case XMPP_SASL_TEMPORARY_AUTH_FAILURE: return "temporary-auth-failure";
    }
    return "not-authorized";
}

enum xmpp_sasl xmpp_sasl_judge(struct slice response, struct slice domain)
{
    char mem[2048];
    struct arena arena;
    struct buf text;
    struct jid jid;
    enum xmpp_sasl r;

    if (response.n == 0 || slice_is(response, "="))
        return XMPP_SASL_OK;
    buf_init(&text, 4 * JID_PART_MAX);
    arena_init_on(&arena, mem, sizeof(mem), 64 * 1024);
    if (!text_unbase64(&text, response))
        r = buf_ok(&text) ? XMPP_SASL_INCORRECT_ENCODING : XMPP_SASL_INVALID_AUTHZID;
    else if (!buf_ok(&text) || !jid_parse(&arena, buf_slice(&text), &jid))
        r = XMPP_SASL_INVALID_AUTHZID;
    else if (jid.local.n || jid.resource.n || !slice_eq(jid.domain, domain))
        r = XMPP_SASL_INVALID_AUTHZID;
    else
        r = XMPP_SASL_OK;
    arena_reset(&arena);
    buf_free(&text);
    return r;
}
