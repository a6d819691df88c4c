/* Start lines: RFC 3261 7.1, 7.2. */
#include "sip/msg_parts.h"
#include "sip/scan.h"

static const struct slice methods[] = {
    [SIP_UNKNOWN] = { "UNKNOWN", 7 }, [SIP_MESSAGE] = { "MESSAGE", 7 },   [SIP_OPTIONS] = { "OPTIONS", 7 },
    [SIP_INVITE] = { "INVITE", 6 },   [SIP_ACK] = { "ACK", 3 },           [SIP_CANCEL] = { "CANCEL", 6 },
    [SIP_BYE] = { "BYE", 3 },         [SIP_REGISTER] = { "REGISTER", 8 }, [SIP_SUBSCRIBE] = { "SUBSCRIBE", 9 },
    [SIP_NOTIFY] = { "NOTIFY", 6 },   [SIP_INFO] = { "INFO", 4 },         [SIP_UPDATE] = { "UPDATE", 6 },
    [SIP_PRACK] = { "PRACK", 5 },     [SIP_REFER] = { "REFER", 5 },       [SIP_PUBLISH] = { "PUBLISH", 7 },
};

#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

const char *sip_method_name(enum sip_method m)
{
    return methods[(size_t)m < N_METHODS ? m : SIP_UNKNOWN].p;
}

/* Case counts: "message" is an unknown method. */
enum sip_method sip_method_of(struct slice name)
{
    for (size_t i = SIP_UNKNOWN + 1; i < N_METHODS; i++) {
        if (slice_eq(name, methods[i]))
            return (enum sip_method)i;
    }
    return SIP_UNKNOWN;
}

/* SIP-Version. False: another protocol. */
static bool version_parse(struct slice s, bool *is_2_0)
{
    uint64_t major, minor;

    *is_2_0 = slice_is(s, "SIP/2.0");
    if (*is_2_0)
        return true;
    if (s.n < 4 || !slice_istarts(s, SLICE("SIP/")))
        return false;
    sip_take_n(&s, 4);
    if (!sip_take_number(&s, &major) || !sip_take_char(&s, '.') || !sip_take_number(&s, &minor) || s.n)
        return false;
    *is_2_0 = major == 2 && minor == 0;
    return true;
}

/* The space behind the code may be missing along with the phrase (TORT-noreason and some servers). */
static void status_line(struct sip_parser *ps, struct slice line)
{
    struct sip_msg *m = ps->m;
    struct slice version, rest;
    uint64_t status;
    bool is_2_0;

    if (!slice_cut(line, ' ', &version, &rest) || !version_parse(version, &is_2_0)) {
        sip_fault(ps, SIP_PARSE_DROP, "Not SIP");
        return;
    }
    if (!is_2_0)
        sip_fault(ps, SIP_PARSE_VERSION, "SIP version of a response is not 2.0");
    if (sip_span(rest, SIP_C_DIGIT) != 3 || (rest.n > 3 && rest.p[3] != ' ')) {
        sip_fault(ps, SIP_PARSE_BAD, "Status code is not three digits");
        return;
    }
    sip_take_number(&rest, &status);
    if (status < 100 || status > 699)
        sip_fault(ps, SIP_PARSE_BAD, "Status code is out of range");
    m->status = (unsigned)status;
    sip_take_char(&rest, ' ');
    m->reason = rest;
}

/*
 * What stands between the first and the last space is the URI, whatever it holds. Spaces at the end are forgiven
 * (TORT-trws).
 */
static void request_line(struct sip_parser *ps, struct slice line)
{
    struct sip_msg *m = ps->m;
    size_t n = sip_span(line, SIP_C_TOKEN);
    struct slice version;
    bool is_2_0;

    m->is_request = true;
    m->method = slice_first(line, n);
    line = sip_trim(slice_from(line, n + 1));
    for (n = line.n; n && line.p[n - 1] != ' '; n--)
        ;
    version = slice_from(line, n);
    if (n == 0 || !version_parse(version, &is_2_0)) {
        sip_fault(ps, SIP_PARSE_DROP, "Not SIP");
        return;
    }
    if (!is_2_0)
        sip_fault(ps, SIP_PARSE_VERSION, "SIP version is not 2.0");
    m->method_id = sip_method_of(m->method);
    m->uri_text = slice_first(line, n - 1);
}

void sip_start_line(struct sip_parser *ps, struct slice line)
{
    size_t n = sip_span(line, SIP_C_TOKEN);

    if (n == 3 && slice_istarts(line, SLICE("SIP/")))
        status_line(ps, line);
    else if (n && n < line.n && line.p[n] == ' ')
        request_line(ps, line);
    else
        sip_fault(ps, SIP_PARSE_DROP, "Not SIP");
}
