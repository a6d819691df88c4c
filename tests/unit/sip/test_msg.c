/* The first code that strangers' bytes meet: what a message says, what is wrong with it, where it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sip/msg.h"

#define VIA "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
#define FROM "From: <sip:a@b>;tag=1\r\n"
#define TO "To: <sip:c@d>\r\n"
#define ID "Call-ID: x@y\r\n"
#define CSEQ "CSeq: 1 MESSAGE\r\n"
#define START "MESSAGE sip:c@d SIP/2.0\r\n"
#define BASE START VIA FROM TO ID CSEQ
#define EMPTY "Content-Length: 0\r\n\r\n"

static const char message[] = "MESSAGE sip:juliet@fabrikam.example;user=ip SIP/2.0\r\n"
                              "Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK776;rport, SIP/2.0/TCP [2001:db8::1]\r\n"
                              "Max-Forwards: 70\r\n"
                              "From: \"Romeo\" <sip:romeo@contoso.example>;tag=49583\r\n"
                              "To: <sip:juliet@fabrikam.example>\r\n"
                              "Call-ID: asd88asd77a@192.0.2.10\r\n"
                              "CSeq: 17 MESSAGE\r\n"
                              "Subject: balcony,\r\n tonight\r\n"
                              "Content-Type: text/plain; charset=utf-8\r\n"
                              "Content-Length: 14\r\n"
                              "\r\n"
                              "Art thou there";

static struct parsed {
    struct sip_msg m;
    struct arena arena;
    char *bytes;
    size_t used;
    const char *fault;
    enum sip_parse outcome;
} p;

static void clear(void)
{
    arena_reset(&p.arena);
    free(p.bytes);
    p.bytes = NULL;
}

/* Parses a copy of exactly n bytes. */
static enum sip_parse parse_n(const char *text, size_t n, bool is_stream)
{
    clear();
    p.bytes = malloc(n ? n : 1);
    assert_non_null(p.bytes);
    memcpy(p.bytes, text, n);
    arena_init(&p.arena, 64 * 1024);
    p.outcome = sip_msg_parse(&p.m, &p.arena, p.bytes, n, is_stream, &p.used, &p.fault);
    return p.outcome;
}

static enum sip_parse parse(const char *text, bool is_stream)
{
    return parse_n(text, strlen(text), is_stream);
}

static void is(struct slice got, const char *wanted)
{
    if (!slice_is(got, wanted))
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_FMT(got), wanted);
}

static void check_message(void)
{
    assert_int_equal(p.outcome, SIP_PARSE_OK);
    assert_null(p.fault);
    assert_true(p.m.is_request && p.m.uri_ok);
    assert_int_equal(p.m.method_id, SIP_MESSAGE);
    is(p.m.uri_text, "sip:juliet@fabrikam.example;user=ip");
    is(p.m.uri.user, "juliet");
    is(p.m.uri.params, ";user=ip");
    assert_int_equal(p.m.n_vias, 2);
    is(p.m.via.transport, "UDP");
    is(p.m.via.host, "192.0.2.10");
    assert_int_equal(p.m.via.port, 5062);
    is(p.m.via.branch, "z9hG4bK776");
    assert_true(p.m.via.has_rport);
    assert_int_equal(p.m.max_forwards, 70);
    is(p.m.from.display, "Romeo");
    is(p.m.from_text, "\"Romeo\" <sip:romeo@contoso.example>;tag=49583");
    is(p.m.from_tag, "49583");
    is(p.m.to.uri.host, "fabrikam.example");
    assert_int_equal(p.m.to_tag.n, 0);
    is(p.m.call_id, "asd88asd77a@192.0.2.10");
    assert_int_equal(p.m.cseq, 17);
    is(p.m.cseq_method, "MESSAGE");
    assert_int_equal(p.m.n_headers, 9);
    is(sip_msg_header(&p.m, SIP_H_SUBJECT)->value, "balcony,   tonight");
    assert_null(sip_msg_header(&p.m, SIP_H_ROUTE));
    is(p.m.body, "Art thou there");
}

static void reads_a_message(void **state)
{
    parse(message, false);
    check_message();
    parse(message, true);
    check_message();
    assert_int_equal(p.used, strlen(message));
}

static void reads_a_response(void **state)
{
    parse("SIP/2.0 404 Not Found\r\n" VIA FROM TO ID CSEQ EMPTY, true);
    assert_int_equal(p.outcome, SIP_PARSE_OK);
    assert_int_equal(p.m.status, 404);
    is(p.m.reason, "Not Found");
    is(p.m.cseq_method, "MESSAGE");
}

#define AND_REST "\r\n" VIA FROM TO ID

static const struct {
    const char *line; /* to CSeq's value */
    enum sip_parse outcome;
} start_lines[] = {
    { "MESSAGE sip:c@d SIP/2.0" AND_REST CSEQ, SIP_PARSE_OK },
    { "MESSAGE sip:c@d sip/2.0" AND_REST CSEQ, SIP_PARSE_OK },
    { "MESSAGE sip:c@d SIP/2.0 \t " AND_REST CSEQ, SIP_PARSE_OK },
    { "MESSAGE sip:c@d SIP/02.00" AND_REST CSEQ, SIP_PARSE_OK },
    { "message sip:c@d SIP/2.0" AND_REST CSEQ, SIP_PARSE_BAD },
    { "MESSAGE sip:c@d SIP/2.1" AND_REST CSEQ, SIP_PARSE_VERSION },
    { "MESSAGE sip:c@d SIP/1.0" AND_REST CSEQ, SIP_PARSE_VERSION },
    { "MESSAGE sip:c@d SIP/99999999999999999999.0" AND_REST CSEQ, SIP_PARSE_VERSION },
    { "MESSAGE  SIP/2.0" AND_REST CSEQ, SIP_PARSE_DROP },
    { "MESSAGE   SIP/2.0" AND_REST CSEQ, SIP_PARSE_DROP },
    { "MESSAGE sip:c@d" AND_REST CSEQ, SIP_PARSE_DROP },
    { "MESSAGE" AND_REST CSEQ, SIP_PARSE_DROP },
    { "MESSAGE sip:c@d SIP/2.0x" AND_REST CSEQ, SIP_PARSE_DROP },
    { "MESSAGE sip:c@d SIP/2." AND_REST CSEQ, SIP_PARSE_DROP },
    { "MESSAGE sip:c@d HTTP/1.1" AND_REST CSEQ, SIP_PARSE_DROP },
    { "GET / HTTP/1.1" AND_REST CSEQ, SIP_PARSE_DROP },
    { " MESSAGE sip:c@d SIP/2.0" AND_REST CSEQ, SIP_PARSE_DROP },
    { "MES(SAGE sip:c@d SIP/2.0" AND_REST CSEQ, SIP_PARSE_DROP },
    { "MESSAGE\tsip:c@d SIP/2.0" AND_REST CSEQ, SIP_PARSE_DROP },
    { "MESSAGE sip:c@d SIP/2.0\r\n " AND_REST CSEQ, SIP_PARSE_BAD },
    { "MESSAGE sip:c@d \tSIP/2.0" AND_REST CSEQ, SIP_PARSE_DROP },
    { "MESSAGE sip:\x01@d SIP/2.0" AND_REST CSEQ, SIP_PARSE_DROP },
    { "\x16\x03\x01" AND_REST CSEQ, SIP_PARSE_DROP },
    { "SIP/2.0 200 OK" AND_REST CSEQ, SIP_PARSE_OK },
    { "SIP/2.0 200 " AND_REST CSEQ, SIP_PARSE_OK },
    { "SIP/2.0 200" AND_REST CSEQ, SIP_PARSE_OK },
    { "SIP/2.0 100 Trying" AND_REST CSEQ, SIP_PARSE_OK },
    { "SIP/2.0 699 X" AND_REST CSEQ, SIP_PARSE_OK },
    { "SIP/2.0 099 X" AND_REST CSEQ, SIP_PARSE_DROP },
    { "SIP/2.0 700 X" AND_REST CSEQ, SIP_PARSE_DROP },
    { "SIP/2.0 20 X" AND_REST CSEQ, SIP_PARSE_DROP },
    { "SIP/2.0 2000 X" AND_REST CSEQ, SIP_PARSE_DROP },
    { "SIP/2.0 4294967496 X" AND_REST CSEQ, SIP_PARSE_DROP },
    { "SIP/2.0 -20 X" AND_REST CSEQ, SIP_PARSE_DROP },
    { "SIP/2.0  200 OK" AND_REST CSEQ, SIP_PARSE_DROP },
    { "SIP/3.0 200 OK" AND_REST CSEQ, SIP_PARSE_DROP },
    { "SIP/2.0" AND_REST CSEQ, SIP_PARSE_DROP },
};

static void judges_start_lines(void **state)
{
    char text[512];

    for (size_t i = 0; i < sizeof(start_lines) / sizeof(start_lines[0]); i++) {
        snprintf(text, sizeof(text), "%s" EMPTY, start_lines[i].line);
        for (int is_stream = 0; is_stream < 2; is_stream++) {
            if (parse(text, is_stream) != start_lines[i].outcome)
                fail_msg("%s: %d %s", start_lines[i].line, p.outcome, p.fault);
        }
    }
}

static const struct {
    const char *text;
    enum sip_parse outcome; /* as datagram */
    const char *fault;
} faults[] = {
    { START FROM TO ID CSEQ EMPTY, SIP_PARSE_DROP, "Missing Via" },
    { START VIA TO ID CSEQ EMPTY, SIP_PARSE_BAD, "Missing From" },
    { START VIA FROM ID CSEQ EMPTY, SIP_PARSE_BAD, "Missing To" },
    { START VIA FROM TO CSEQ EMPTY, SIP_PARSE_BAD, "Missing Call-ID" },
    { START VIA FROM TO ID EMPTY, SIP_PARSE_BAD, "Missing CSeq" },
    { START "Via: SIP/2.0/UDP\r\n" FROM TO ID CSEQ EMPTY, SIP_PARSE_DROP, "Bad Via" },
    { START "Via: \r\n" FROM TO ID CSEQ EMPTY, SIP_PARSE_DROP, "Empty Via" },
    { START "Via: SIP/2.0/UDP h;branch\r\n" FROM TO ID CSEQ EMPTY, SIP_PARSE_BAD, "Bad Via" },
    { START "Via: SIP/2.0/UDP h;branch=a;branch=b\r\n" FROM TO ID CSEQ EMPTY, SIP_PARSE_BAD, "Bad Via" },
    { START VIA ",\r\n" FROM TO ID CSEQ EMPTY, SIP_PARSE_BAD, "A line is no header" },
    { START VIA "From: sip:a@b;tag=1;tag=2\r\n" TO ID CSEQ EMPTY, SIP_PARSE_BAD, "Bad tag in From" },
    { START VIA "From: sip:a@b;tag\r\n" TO ID CSEQ EMPTY, SIP_PARSE_BAD, "Bad tag in From" },
    { START VIA FROM "To: sip:a@b;tag=1;TAG=1\r\n" ID CSEQ EMPTY, SIP_PARSE_BAD, "Bad tag in To" },
    { START VIA FROM TO "Call-ID: a b\r\n" CSEQ EMPTY, SIP_PARSE_BAD, "Bad Call-ID" },
    { START VIA FROM TO "Call-ID: a,b\r\n" CSEQ EMPTY, SIP_PARSE_BAD, "Bad Call-ID" },
    { START VIA FROM TO "Call-ID:\r\n" CSEQ EMPTY, SIP_PARSE_BAD, "Bad Call-ID" },
    { START VIA FROM TO ID "CSeq: MESSAGE\r\n" EMPTY, SIP_PARSE_BAD, "Bad CSeq number" },
    { START VIA FROM TO ID "CSeq: 1\r\n" EMPTY, SIP_PARSE_BAD, "Bad CSeq number" },
    { START VIA FROM TO ID "CSeq: 1MESSAGE\r\n" EMPTY, SIP_PARSE_BAD, "Bad CSeq number" },
    { START VIA FROM TO ID "CSeq: 1 MESSAGE x\r\n" EMPTY, SIP_PARSE_BAD, "Bad CSeq method" },
    { START VIA FROM TO ID "CSeq: 1 message\r\n" EMPTY, SIP_PARSE_BAD, "CSeq has another method" },
    { BASE ID EMPTY, SIP_PARSE_BAD, "A header that may stand once stands twice" },
    { BASE "i: x@y\r\n" EMPTY, SIP_PARSE_BAD, "A header that may stand once stands twice" },
    { BASE "c: text/plain\r\nContent-Type: text/html\r\n" EMPTY, SIP_PARSE_BAD,
      "A header that may stand once stands twice" },
    { BASE "Content-Length: 0\r\nl: 00\r\n\r\n", SIP_PARSE_BAD, "A header that may stand once stands twice" },
    { BASE "Content-Length: 0\r\nl: 1\r\n\r\nx", SIP_PARSE_FRAMING, "Two Content-Lengths" },
    { BASE "no colon\r\n" EMPTY, SIP_PARSE_BAD, "A line is no header" },
    { BASE ": no name\r\n" EMPTY, SIP_PARSE_BAD, "A line is no header" },
    { BASE "a b: c\r\n" EMPTY, SIP_PARSE_BAD, "A line is no header" },
    { BASE "a(b): c\r\n" EMPTY, SIP_PARSE_BAD, "A line is no header" },
    { BASE "X: a\x01"
           "b\r\n" EMPTY,
      SIP_PARSE_BAD, "Control character in a header" },
    { BASE "X: a\nRoute: b\r\n" EMPTY, SIP_PARSE_FRAMING, "Line does not end in CRLF" },
    { BASE "X: a\rRoute: b\r\n" EMPTY, SIP_PARSE_FRAMING, "Line does not end in CRLF" },
    { BASE "X: a\r\r\n" EMPTY, SIP_PARSE_FRAMING, "Line does not end in CRLF" },
    { BASE "X: \\\r\\\n\r\n" EMPTY, SIP_PARSE_FRAMING, "Line does not end in CRLF" },
    { BASE "X: \"\\\x01\"\r\n" EMPTY, SIP_PARSE_OK, NULL },
    { BASE "X: \ta\tb\t\r\n" EMPTY, SIP_PARSE_OK, NULL },
    { BASE "X:\r\n" EMPTY, SIP_PARSE_OK, NULL },
    { BASE "X:\r\n \r\n\t\r\n" EMPTY, SIP_PARSE_OK, NULL },
    { BASE "Max-Forwards: x\r\n" EMPTY, SIP_PARSE_OK, NULL },
};

static void names_the_fault(void **state)
{
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        for (int is_stream = 0; is_stream < 2; is_stream++) {
            if (parse(faults[i].text, is_stream) != faults[i].outcome)
                fail_msg("%s: %d %s", faults[i].text, p.outcome, p.fault ? p.fault : "");
            assert_true(p.fault == faults[i].fault || strcmp(p.fault, faults[i].fault) == 0);
        }
    }
}

/* The method is checked before the rest (RFC 3261 8.2.1), so it must be known of faulty requests, too. */
static void tells_the_method_of_faulty_requests(void **state)
{
    parse("NEWMETHOD <sip:c@d> SIP/2.0\r\n" VIA EMPTY, false);
    assert_int_equal(p.outcome, SIP_PARSE_BAD);
    assert_int_equal(p.m.method_id, SIP_UNKNOWN);
    is(p.m.method, "NEWMETHOD");
    assert_false(p.m.uri_ok);
}

static void drops_faulty_responses(void **state)
{
    static const char *const texts[] = {
        "SIP/2.0 200 OK\r\n" VIA FROM TO ID EMPTY,
        "SIP/2.0 200 OK\r\n" VIA FROM TO ID CSEQ CSEQ EMPTY,
        "SIP/2.0 200 OK\r\n" VIA FROM TO ID "CSeq: 4294967296 MESSAGE\r\n" EMPTY,
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(parse(texts[i], false), SIP_PARSE_DROP);
        assert_int_equal(parse(texts[i], true), SIP_PARSE_DROP);
        assert_int_equal(p.used, strlen(texts[i]));
    }
    /* Where the next message begins is not known: the stream cannot go on. */
    assert_int_equal(parse("SIP/2.0 200 OK\r\n" VIA FROM TO ID CSEQ "\r\n", true), SIP_PARSE_DROP);
    assert_int_equal(p.used, 0);
    assert_int_equal(parse("GET / HTTP/1.1\r\n", true), SIP_PARSE_DROP);
    assert_int_equal(p.used, 0);
    assert_int_equal(parse("\x16\x03\x01", true), SIP_PARSE_DROP);
    assert_int_equal(p.used, 0);
}

static const struct {
    const char *name;
    enum sip_header_id id;
} names[] = {
    { "Accept", SIP_H_ACCEPT },
    { "Allow", SIP_H_ALLOW },
    { "Call-ID", SIP_H_CALL_ID },
    { "i", SIP_H_CALL_ID },
    { "Contact", SIP_H_CONTACT },
    { "m", SIP_H_CONTACT },
    { "Content-Disposition", SIP_H_CONTENT_DISPOSITION },
    { "Content-Encoding", SIP_H_CONTENT_ENCODING },
    { "e", SIP_H_CONTENT_ENCODING },
    { "Content-Language", SIP_H_CONTENT_LANGUAGE },
    { "Content-Length", SIP_H_CONTENT_LENGTH },
    { "l", SIP_H_CONTENT_LENGTH },
    { "Content-Type", SIP_H_CONTENT_TYPE },
    { "c", SIP_H_CONTENT_TYPE },
    { "CSeq", SIP_H_CSEQ },
    { "Date", SIP_H_DATE },
    { "Event", SIP_H_EVENT },
    { "o", SIP_H_EVENT },
    { "Expires", SIP_H_EXPIRES },
    { "From", SIP_H_FROM },
    { "f", SIP_H_FROM },
    { "Max-Forwards", SIP_H_MAX_FORWARDS },
    { "P-Asserted-Identity", SIP_H_P_ASSERTED_IDENTITY },
    { "Privacy", SIP_H_PRIVACY },
    { "Proxy-Require", SIP_H_PROXY_REQUIRE },
    { "Record-Route", SIP_H_RECORD_ROUTE },
    { "Require", SIP_H_REQUIRE },
    { "Retry-After", SIP_H_RETRY_AFTER },
    { "Route", SIP_H_ROUTE },
    { "Subject", SIP_H_SUBJECT },
    { "s", SIP_H_SUBJECT },
    { "Supported", SIP_H_SUPPORTED },
    { "k", SIP_H_SUPPORTED },
    { "To", SIP_H_TO },
    { "t", SIP_H_TO },
    { "Via", SIP_H_VIA },
    { "v", SIP_H_VIA },
    { "Warning", SIP_H_WARNING },
    { "x", SIP_H_OTHER },
    { "u", SIP_H_OTHER },
    { "Viaa", SIP_H_OTHER },
    { "Content-Lengtx", SIP_H_OTHER },
    { "Content_Length", SIP_H_OTHER },
    { "P-Preferred-Identity", SIP_H_OTHER },
};

static void knows_header_names(void **state)
{
    char text[256], name[32];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (int style = 0; style < 3; style++) {
            for (size_t c = 0; c <= strlen(names[i].name); c++) {
                char l = names[i].name[c];
                bool letter = (l | 0x20) >= 'a' && (l | 0x20) <= 'z';

                name[c] = (char)(letter && style == 1 ? l | 0x20 : letter && style == 2 ? l & ~0x20 : l);
            }
            snprintf(text, sizeof(text), START "%s : v\r\n\r\n", name);
            parse(text, false);
            assert_int_equal(p.m.n_headers, 1);
            if (p.m.headers[0].id != names[i].id)
                fail_msg("%s", name);
            is(p.m.headers[0].name, name);
        }
    }
}

#define ZEROS50 "00000000000000000000000000000000000000000000000000"
#define NINES50 "99999999999999999999999999999999999999999999999999"
#define X8(s) s s s s s s s s

/* Numbers at the edges of every type (outcome of Content-Length as datagram, as stream; CSeq; Max-Forwards). */
static const struct {
    const char *digits;
    enum sip_parse datagram, stream, cseq;
    int max_forwards;
} numbers[] = {
    { "0", SIP_PARSE_OK, SIP_PARSE_OK, SIP_PARSE_OK, 0 },
    { "1", SIP_PARSE_OK, SIP_PARSE_OK, SIP_PARSE_OK, 1 },
    { "00000000000000000000000000000001", SIP_PARSE_OK, SIP_PARSE_OK, SIP_PARSE_OK, 1 },
    { X8(ZEROS50), SIP_PARSE_OK, SIP_PARSE_OK, SIP_PARSE_OK, 0 },
    { "2", SIP_PARSE_BAD, SIP_PARSE_MORE, SIP_PARSE_OK, 2 },
    { "255", SIP_PARSE_BAD, SIP_PARSE_MORE, SIP_PARSE_OK, 255 },
    { "256", SIP_PARSE_BAD, SIP_PARSE_MORE, SIP_PARSE_OK, -1 },
    { "32768", SIP_PARSE_BAD, SIP_PARSE_MORE, SIP_PARSE_OK, -1 },
    { "262144", SIP_PARSE_BAD, SIP_PARSE_MORE, SIP_PARSE_OK, -1 },
    { "262145", SIP_PARSE_BAD, SIP_PARSE_TOO_BIG, SIP_PARSE_OK, -1 },
    { "2147483647", SIP_PARSE_BAD, SIP_PARSE_TOO_BIG, SIP_PARSE_OK, -1 },
    { "2147483649", SIP_PARSE_BAD, SIP_PARSE_TOO_BIG, SIP_PARSE_OK, -1 },
    { "4294967295", SIP_PARSE_BAD, SIP_PARSE_TOO_BIG, SIP_PARSE_OK, -1 },
    { "4294967296", SIP_PARSE_BAD, SIP_PARSE_TOO_BIG, SIP_PARSE_BAD, -1 },
    { "4294967297", SIP_PARSE_BAD, SIP_PARSE_TOO_BIG, SIP_PARSE_BAD, -1 },
    { "9223372036854775808", SIP_PARSE_BAD, SIP_PARSE_TOO_BIG, SIP_PARSE_BAD, -1 },
    { "18446744073709551615", SIP_PARSE_BAD, SIP_PARSE_TOO_BIG, SIP_PARSE_BAD, -1 },
    { "18446744073709551616", SIP_PARSE_BAD, SIP_PARSE_TOO_BIG, SIP_PARSE_BAD, -1 },
    { "18446744073709551617", SIP_PARSE_BAD, SIP_PARSE_TOO_BIG, SIP_PARSE_BAD, -1 },
    { X8(NINES50), SIP_PARSE_BAD, SIP_PARSE_TOO_BIG, SIP_PARSE_BAD, -1 },
    { "-1", SIP_PARSE_FRAMING, SIP_PARSE_FRAMING, SIP_PARSE_BAD, -1 },
    { "+1", SIP_PARSE_FRAMING, SIP_PARSE_FRAMING, SIP_PARSE_BAD, -1 },
    { "", SIP_PARSE_FRAMING, SIP_PARSE_FRAMING, SIP_PARSE_BAD, -1 },
    { "1 1", SIP_PARSE_FRAMING, SIP_PARSE_FRAMING, SIP_PARSE_BAD, -1 },
    { "1,1", SIP_PARSE_FRAMING, SIP_PARSE_FRAMING, SIP_PARSE_BAD, -1 },
    { "0x1", SIP_PARSE_FRAMING, SIP_PARSE_FRAMING, SIP_PARSE_BAD, -1 },
    { "1.0", SIP_PARSE_FRAMING, SIP_PARSE_FRAMING, SIP_PARSE_BAD, -1 },
    { "\xd9\xa1", SIP_PARSE_FRAMING, SIP_PARSE_FRAMING, SIP_PARSE_BAD, -1 },
};

static void STOX_SIP_05_numbers_at_the_edges(void **state)
{
    char text[1024];

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const char *d = numbers[i].digits;

        snprintf(text, sizeof(text), BASE "Content-Length: %s\r\n\r\nx", d);
        if (parse(text, false) != numbers[i].datagram || parse(text, true) != numbers[i].stream)
            fail_msg("Content-Length: %s: %d", d, p.outcome);
        snprintf(text, sizeof(text), START VIA FROM TO ID "CSeq: %s MESSAGE\r\n" EMPTY, d);
        if (parse(text, false) != numbers[i].cseq)
            fail_msg("CSeq: %s", d);
        snprintf(text, sizeof(text), BASE "Max-Forwards: %s\r\n" EMPTY, d);
        assert_int_equal(parse(text, false), SIP_PARSE_OK);
        assert_int_equal(p.m.max_forwards, numbers[i].max_forwards);
    }
}

static void STOX_SIP_04_frames_datagrams(void **state)
{
    assert_int_equal(parse(BASE "\r\nrest", false), SIP_PARSE_OK);
    is(p.m.body, "rest");
    assert_int_equal(parse(BASE "l: 2\r\n\r\nrest", false), SIP_PARSE_OK);
    is(p.m.body, "re");
    assert_int_equal(parse(BASE "l: 5\r\n\r\nrest", false), SIP_PARSE_BAD);
    assert_int_equal(parse(BASE "l: 0\r\n", false), SIP_PARSE_BAD);
    assert_string_equal(p.fault, "No empty line behind the headers");
    assert_int_equal(parse("", false), SIP_PARSE_DROP);
    assert_int_equal(parse("\r\n\r\n", false), SIP_PARSE_DROP);
    assert_int_equal(parse("\r\n\r\n" BASE "\r\n", false), SIP_PARSE_OK);
}

static void frames_streams(void **state)
{
    static const char two[] = "\r\n\r\n" BASE "l: 2\r\n\r\nhi" BASE EMPTY;

    assert_int_equal(parse("\r\n\r\n", true), SIP_PARSE_MORE);
    assert_int_equal(p.used, 4);
    assert_int_equal(parse("\r", true), SIP_PARSE_MORE);
    assert_int_equal(p.used, 0);
    assert_int_equal(parse("", true), SIP_PARSE_MORE);
    assert_int_equal(parse(two, true), SIP_PARSE_OK);
    is(p.m.body, "hi");
    assert_int_equal(p.used, strlen(two) - strlen(BASE EMPTY));
    assert_int_equal(parse(two + p.used, true), SIP_PARSE_OK);
    assert_int_equal(p.used, strlen(BASE EMPTY));
    assert_int_equal(parse(BASE "\r\n", true), SIP_PARSE_FRAMING);
    assert_string_equal(p.fault, "Missing Content-Length");
    /* A fault inside does not lose the next message. */
    assert_int_equal(parse(START VIA "l: 2\r\n\r\nhi" BASE EMPTY, true), SIP_PARSE_BAD);
    assert_int_equal(p.used, strlen(START VIA "l: 2\r\n\r\nhi"));
    /* What is wanted is what is missing. */
    assert_int_equal(parse("\r\n" BASE "l: 20\r\n\r\nhi", true), SIP_PARSE_MORE);
    assert_int_equal(p.used, 2);
    assert_int_equal(p.m.wanted, strlen(BASE "l: 20\r\n\r\nhi") + 18);
}

/*
 * However the bytes are cut, the outcome is that of the whole; parsing again what was edited in place changes nothing.
 */
static void chunks_do_not_matter(void **state)
{
    size_t n = strlen(message);
    char *bytes = malloc(n);

    assert_non_null(bytes);
    memcpy(bytes, message, n);
    for (size_t i = 0; i <= n; i++) {
        clear();
        arena_init(&p.arena, 64 * 1024);
        p.outcome = sip_msg_parse(&p.m, &p.arena, bytes, i, true, &p.used, &p.fault);
        assert_int_equal(p.outcome, i < n ? SIP_PARSE_MORE : SIP_PARSE_OK);
        assert_true(i == n || (p.m.wanted > i && p.m.wanted <= n));
    }
    check_message();
    free(bytes);
}

static void survives_every_prefix_and_byte(void **state)
{
    char text[sizeof(message)];

    for (size_t n = 0; n < sizeof(message); n++) {
        parse_n(message, n, false);
        parse_n(message, n, true);
    }
    for (size_t i = 0; i + 1 < sizeof(message); i++) {
        for (int c = 0; c < 256; c++) {
            memcpy(text, message, sizeof(text));
            text[i] = (char)c;
            parse_n(text, sizeof(text) - 1, c & 1);
        }
    }
}

/* Word-wise scanning must not touch the page behind the message. */
static void stays_on_its_page(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = strlen(message);
    char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(two != MAP_FAILED);
    assert_int_equal(mprotect(two + page, page, PROT_NONE), 0);
    for (size_t i = 0; i <= n; i++) {
        for (int is_stream = 0; is_stream < 2; is_stream++) {
            clear();
            memcpy(two + page - i, message, i);
            arena_init(&p.arena, 64 * 1024);
            p.outcome = sip_msg_parse(&p.m, &p.arena, two + page - i, i, is_stream, &p.used, &p.fault);
        }
    }
    check_message();
    munmap(two, 2 * page);
}

static char *repeated(const char *head, const char *unit, size_t times, const char *tail, size_t *n)
{
    size_t unit_n = strlen(unit);
    char *text = malloc(strlen(head) + times * unit_n + strlen(tail) + 1), *at = text;

    assert_non_null(text);
    at = stpcpy(at, head);
    for (size_t i = 0; i < times; i++, at += unit_n)
        memcpy(at, unit, unit_n);
    at = stpcpy(at, tail);
    *n = (size_t)(at - text);
    return text;
}

static enum sip_parse parse_repeated(const char *head, const char *unit, size_t times, const char *tail, bool is_stream)
{
    size_t n;
    char *text = repeated(head, unit, times, tail, &n);

    parse_n(text, n, is_stream);
    free(text);
    return p.outcome;
}

static void STOX_SIP_06_limits(void **state)
{
    size_t head = strlen(BASE "X: \r\n" EMPTY);

    for (int is_stream = 0; is_stream < 2; is_stream++) {
        assert_int_equal(parse_repeated(BASE, "X: y\r\n", SIP_HEADERS_MAX - 6, EMPTY, is_stream), SIP_PARSE_OK);
        assert_int_equal(p.m.n_headers, SIP_HEADERS_MAX);
        assert_int_equal(parse_repeated(BASE, "X: y\r\n", SIP_HEADERS_MAX - 5, EMPTY, is_stream), SIP_PARSE_TOO_BIG);
        assert_string_equal(p.fault, "Too many headers");
        is(p.m.call_id, "x@y");
        assert_int_equal(parse_repeated(BASE "X: ", "y", SIP_HEAD_MAX - head, "\r\n" EMPTY, is_stream), SIP_PARSE_OK);
        assert_int_equal(parse_repeated(BASE "X: ", "y", SIP_HEAD_MAX - head + 1, "\r\n" EMPTY, is_stream),
                         SIP_PARSE_TOO_BIG);
        assert_string_equal(p.fault, "Headers too large");
        is(p.m.call_id, "x@y");
    }
    assert_int_equal(parse_repeated(BASE "l: 262144\r\n\r\n", "y", SIP_BODY_MAX, "", true), SIP_PARSE_OK);
    assert_int_equal(p.m.body.n, SIP_BODY_MAX);
    /* A line without end, and a start line without end. */
    assert_int_equal(parse_repeated(BASE "X: ", "y", SIP_HEAD_MAX, "", true), SIP_PARSE_TOO_BIG);
    assert_int_equal(parse_repeated("", "y", SIP_HEAD_MAX - 1, "", true), SIP_PARSE_MORE);
    assert_int_equal(parse_repeated("", "y", SIP_HEAD_MAX, "", true), SIP_PARSE_DROP);
    assert_int_equal(p.used, 0);
}

static void refuses_what_memory_cannot_hold(void **state)
{
    struct arena arena;
    char bytes[sizeof(message)];

    memcpy(bytes, message, sizeof(bytes));
    arena_init(&arena, 64);
    assert_int_equal(sip_msg_parse(&p.m, &arena, bytes, sizeof(bytes) - 1, false, &p.used, &p.fault), SIP_PARSE_DROP);
    assert_string_equal(p.fault, "No memory for the headers");
    assert_int_equal(p.m.n_headers, 0);
    arena_reset(&arena);
}

static double seconds(const char *head, const char *unit, size_t times, const char *tail, bool is_stream)
{
    double best = 1;
    size_t n;
    char *text = repeated(head, unit, times, tail, &n), *copy = malloc(n);
    struct timespec a, b;

    assert_non_null(copy);
    for (int round = 0; round < 7; round++) {
        double t;

        clear();
        memcpy(copy, text, n);
        arena_init(&p.arena, 64 * 1024);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        p.outcome = sip_msg_parse(&p.m, &p.arena, copy, n, is_stream, &p.used, &p.fault);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        t = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
        best = t < best ? t : best;
    }
    free(text);
    free(copy);
    return best;
}

/* Twice the bytes, at most a bit more than twice the time; below 0.2 ms the clock says nothing. */
static void takes_linear_time(void **state)
{
    static const struct {
        const char *head, *unit;
        size_t times; /* the largest of three sizes */
        const char *tail;
    } shapes[] = {
        { BASE, "X: y\r\n", 8000, EMPTY },
        { BASE, VIA, 1200, EMPTY },
        { BASE "Via: SIP/2.0/UDP h", ",SIP/2.0/UDP h", 4000, "\r\n" EMPTY },
        { BASE "X: y", "\r\n y", 12000, "\r\n" EMPTY },
        { BASE "X:", "\t", 60000, "\r\n" EMPTY },
        { START VIA TO ID CSEQ "From: sip:a@b", ";a=b", 15000, "\r\n" EMPTY },
        { START VIA TO ID CSEQ "From: \"", "\\\"", 30000, "\r\n" EMPTY },
        { START VIA TO ID CSEQ "From: ", "<", 60000, "\r\n" EMPTY },
        { START VIA TO ID CSEQ "From: <sip:", ":", 60000, ">\r\n" EMPTY },
        { BASE "Via: ", "\",", 30000, "\r\n" EMPTY },
        { BASE "Via: ", "<", 60000, ",\r\n" EMPTY },
    };

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        for (int is_stream = 0; is_stream < 2; is_stream++) {
            double t[3];

            for (int k = 0; k < 3; k++)
                t[k] = seconds(shapes[i].head, shapes[i].unit, shapes[i].times >> (2 - k), shapes[i].tail, is_stream);
            if (t[2] > 0.05 || (t[2] > 2e-4 && t[2] > t[1] * 2.3 && t[1] > t[0] * 2.3))
                fail_msg("%s: %f %f %f s", shapes[i].unit, t[0], t[1], t[2]);
        }
    }
}

static const struct {
    const char *lines;
    const char *values[6];
} lists[] = {
    { "", { NULL } },
    { "Accept: \r\n", { NULL } },
    { "Accept: a\r\n", { "a" } },
    { "Accept: a, b ,c\r\nX: y\r\naccept: d\r\n", { "a", "b", "c", "d" } },
    { "Accept: ,,a,\r\nAccept:,\r\nAccept: b", { "a", "b" } },
    { "Accept: \"a,b\",c\r\n", { "\"a,b\"", "c" } },
    { "Accept: \"a\\\",b\",c\r\n", { "\"a\\\",b\"", "c" } },
    { "Accept: <a,b>,c\r\n", { "<a,b>", "c" } },
    { "Accept: \"<\" a,b\r\n", { "\"<\" a", "b" } },
    { "Accept: <\">,b\r\n", { "<\">", "b" } },
    { "Accept: \"a,b\r\nAccept: c\r\n", { "\"a,b", "c" } },
    { "Accept: <a,b\r\nAccept: c\r\n", { "<a,b", "c" } },
};

static void walks_lists(void **state)
{
    char text[256];
    struct slice v;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        size_t pos = 0, k = 0;

        snprintf(text, sizeof(text), START "%s\r\n\r\n", lists[i].lines);
        parse(text, false);
        for (; sip_msg_next_value(&p.m, SIP_H_ACCEPT, &pos, &v); k++) {
            assert_non_null(lists[i].values[k]);
            is(v, lists[i].values[k]);
        }
        assert_null(lists[i].values[k]);
        assert_false(sip_msg_next_value(&p.m, SIP_H_ACCEPT, &pos, &v));
    }
}

static const struct {
    const char *text, *transport, *host; /* host NULL: refused */
    unsigned port;
    const char *branch;
    bool has_rport;
} vias[] = {
    { "SIP/2.0/UDP a;branch=z9hG4bKx;rport", "UDP", "a", 0, "z9hG4bKx", true },
    { "sip / 2.0 / TLS  a : 5061 ; RPORT=1 ; Branch = b", "TLS", "a", 5061, "b", true },
    { "SIP/2.0/unknown [::1]:5060", "unknown", "[::1]", 5060, "", false },
    { "SIP/2.0/TCP a;received=::1;x=\"y;branch=z\"", "TCP", "a", 0, "", false },
    { "", NULL, NULL, 0, NULL, false },
    { "SIP/2.0/UDP", NULL, NULL, 0, NULL, false },
    { "SIP/2.0/UDPa", NULL, NULL, 0, NULL, false },
    { "SIP/2.0 UDP a", NULL, NULL, 0, NULL, false },
    { "SIP/2.1/UDP a", NULL, NULL, 0, NULL, false },
    { "SIPS/2.0/UDP a", NULL, NULL, 0, NULL, false },
    { "SIP/2.0/UDP a:", NULL, NULL, 0, NULL, false },
    { "SIP/2.0/UDP a:0", NULL, NULL, 0, NULL, false },
    { "SIP/2.0/UDP a:65536", NULL, NULL, 0, NULL, false },
    { "SIP/2.0/UDP a b", NULL, NULL, 0, NULL, false },
    { "SIP/2.0/UDP a;", NULL, NULL, 0, NULL, false },
    { "SIP/2.0/UDP a, SIP/2.0/UDP b", NULL, NULL, 0, NULL, false },
    { "SIP/2.0/UDP a;rport;rport", NULL, NULL, 0, NULL, false },
    { "SIP/2.0/UDP ::1", NULL, NULL, 0, NULL, false },
};

static void splits_vias(void **state)
{
    struct sip_via v;

    for (size_t i = 0; i < sizeof(vias) / sizeof(vias[0]); i++) {
        if (sip_via_parse(slice_str(vias[i].text), &v) != (vias[i].host != NULL))
            fail_msg("%s", vias[i].text);
        if (!vias[i].host)
            continue;
        is(v.transport, vias[i].transport);
        is(v.host, vias[i].host);
        assert_int_equal(v.port, vias[i].port);
        is(v.branch, vias[i].branch);
        assert_int_equal(v.has_rport, vias[i].has_rport);
    }
}

static const struct {
    const char *text, *type, *params; /* type NULL: refused */
} types[] = {
    { "text/plain", "text/plain", "" },
    { " text/plain ; charset=utf-8 ", "text/plain", "; charset=utf-8" },
    { "a/b;c=\"d;e\"", "a/b", ";c=\"d;e\"" },
    { "", "", "" },
    { "text", NULL, NULL },
    { "text/", NULL, NULL },
    { "/plain", NULL, NULL },
    { "text / plain", NULL, NULL },
    { "text/plain, text/html", NULL, NULL },
    { "text/plain x", NULL, NULL },
};

static void splits_media_types(void **state)
{
    struct slice type, params;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_int_equal(sip_media_type(slice_str(types[i].text), &type, &params), types[i].type != NULL);
        is(type, types[i].type ? types[i].type : "");
        is(params, types[i].params ? types[i].params : "");
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_message),
        cmocka_unit_test(reads_a_response),
        cmocka_unit_test(judges_start_lines),
        cmocka_unit_test(names_the_fault),
        cmocka_unit_test(tells_the_method_of_faulty_requests),
        cmocka_unit_test(drops_faulty_responses),
        cmocka_unit_test(knows_header_names),
        cmocka_unit_test(STOX_SIP_05_numbers_at_the_edges),
        cmocka_unit_test(STOX_SIP_04_frames_datagrams),
        cmocka_unit_test(frames_streams),
        cmocka_unit_test(chunks_do_not_matter),
        cmocka_unit_test(survives_every_prefix_and_byte),
        cmocka_unit_test(stays_on_its_page),
        cmocka_unit_test(STOX_SIP_06_limits),
        cmocka_unit_test(refuses_what_memory_cannot_hold),
        cmocka_unit_test(takes_linear_time),
        cmocka_unit_test(walks_lists),
        cmocka_unit_test(splits_vias),
        cmocka_unit_test(splits_media_types),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    clear();
    return failed;
}
