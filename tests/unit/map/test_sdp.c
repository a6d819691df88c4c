/* Session descriptions of conversations: what is read, what is refused, and that what is written is read as the same. */
#include "map_support.h"

#include "map/sdp.h"

#define HEAD "v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=session\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define LYNC_TYPES                                                                                                     \
    "a=accept-types:text/plain text/html image/gif multipart/alternative application/im-iscomposing+xml "              \
    "application/ms-imdn+xml text/x-msmsgsinvite\r\n"

#define ALL (MAP_SDP_TEXT | MAP_SDP_COMPOSING | MAP_SDP_MS_IMDN | MAP_SDP_LYNC)

static const struct {
    const char *id, *body;
    enum map_sdp_fault fault;
    unsigned n, chosen, takes;
} offers[] = {
    { "Lync", HEAD "m=message 5060 sip null\r\n" LYNC_TYPES, MAP_SDP_OK, 1, 0, ALL },
    { "an address in place of null", HEAD "m=message 5060 sip sip:romeo@fabrikam.example\r\n", MAP_SDP_OK, 1, 0,
      MAP_SDP_TEXT },
    { "x-ms-message", HEAD "m=x-ms-message 5060 sip null\r\n", MAP_SDP_OK, 1, 0, MAP_SDP_TEXT },
    { "LF alone", "v=0\no=- 0 0 IN IP4 h\ns=-\nt=0 0\nm=message 5060 sip null\n", MAP_SDP_OK, 1, 0, MAP_SDP_TEXT },
    { "no end of the last line", HEAD "m=message 5060 sip null", MAP_SDP_OK, 1, 0, MAP_SDP_TEXT },
    { "behind audio", HEAD "m=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\nm=message 5060 sip null\r\n" LYNC_TYPES,
      MAP_SDP_OK, 2, 1, ALL },
    { "two: the first", HEAD "m=message 5060 sip null\r\nm=message 5061 sip null\r\n", MAP_SDP_OK, 2, 0, MAP_SDP_TEXT },
    { "the first is off", HEAD "m=message 0 sip null\r\nm=message 5061 sip null\r\n", MAP_SDP_OK, 2, 1, MAP_SDP_TEXT },
    { "port with a count", HEAD "m=message 5060/1 sip null\r\n", MAP_SDP_OK, 1, 0, MAP_SDP_TEXT },
    { "any type", HEAD "m=message 5060 sip null\r\na=accept-types:*\r\n", MAP_SDP_OK, 1, 0,
      MAP_SDP_TEXT | MAP_SDP_COMPOSING },
    { "types of another case", HEAD "m=message 5060 SIP null\r\na=Accept-Types: TEXT/Plain\r\n", MAP_SDP_OK, 1, 0,
      MAP_SDP_TEXT },
    { "types in two lines", HEAD "m=message 5060 sip null\r\na=accept-types:text/html\r\na=accept-types:text/plain\r\n",
      MAP_SDP_OK, 1, 0, MAP_SDP_TEXT },
    { "types of the session do not count", HEAD "a=accept-types:image/gif\r\nm=message 5060 sip null\r\n", MAP_SDP_OK,
      1, 0, MAP_SDP_TEXT },
    { "no text", HEAD "m=message 5060 sip null\r\na=accept-types:image/gif\r\n", MAP_SDP_NO_LINE, 1, 0, 0 },
    { "types that are none", HEAD "m=message 5060 sip null\r\na=accept-types:\r\n", MAP_SDP_NO_LINE, 1, 0, 0 },
    { "MSRP", HEAD "m=message 7654 TCP/MSRP *\r\na=accept-types:text/plain\r\n", MAP_SDP_NO_LINE, 1, 0, 0 },
    { "audio only", HEAD "m=audio 4000 RTP/AVP 0\r\n", MAP_SDP_NO_LINE, 1, 0, 0 },
    { "no media", HEAD, MAP_SDP_NO_LINE, 0, 0, 0 },
    { "only off", HEAD "m=message 0 sip null\r\n", MAP_SDP_NO_LINE, 1, 0, 0 },
    { "nothing", "", MAP_SDP_MALFORMED, 0, 0, 0 },
    { "no SDP", "hello", MAP_SDP_MALFORMED, 0, 0, 0 },
    { "another version", "v=1\r\nm=message 5060 sip null\r\n", MAP_SDP_MALFORMED, 0, 0, 0 },
    { "a line that is none", HEAD "message\r\n", MAP_SDP_MALFORMED, 0, 0, 0 },
    { "a control", HEAD "m=message 5060 sip nu\x01ll\r\n", MAP_SDP_MALFORMED, 0, 0, 0 },
    { "CR alone", HEAD "m=message 5060 sip null\rm=audio 1 RTP/AVP 0\r\n", MAP_SDP_MALFORMED, 0, 0, 0 },
    { "no port", HEAD "m=message sip null\r\n", MAP_SDP_MALFORMED, 0, 0, 0 },
    { "a port too large", HEAD "m=message 65536 sip null\r\n", MAP_SDP_MALFORMED, 0, 0, 0 },
    { "a negative port", HEAD "m=message -1 sip null\r\n", MAP_SDP_MALFORMED, 0, 0, 0 },
    { "no format", HEAD "m=message 5060 sip\r\n", MAP_SDP_MALFORMED, 0, 0, 0 },
    { "nothing but m=", HEAD "m=\r\n", MAP_SDP_MALFORMED, 0, 0, 0 },
};

static void offers_are_read(void **state)
{
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        struct map_sdp sdp;
        enum map_sdp_fault fault = map_sdp_read(slice_str(offers[i].body), &sdp);

        if (fault != offers[i].fault)
            fail_msg("%s: fault %d, not %d", offers[i].id, fault, offers[i].fault);
        if (fault == MAP_SDP_OK &&
            (sdp.n != offers[i].n || sdp.chosen != offers[i].chosen || sdp.takes != offers[i].takes))
            fail_msg("%s: %u lines, %u chosen, takes %u", offers[i].id, sdp.n, sdp.chosen, sdp.takes);
    }
}

static void as_many_lines_as_anybody_needs_and_no_more(void **state)
{
    struct map_sdp sdp;
    struct buf b;

    buf_init(&b, 65536);
    buf_str(&b, HEAD "m=message 5060 sip null\r\n");
    for (int i = 1; i < MAP_SDP_LINES_MAX; i++)
        buf_str(&b, "m=audio 1 RTP/AVP 0\r\n");
    assert_int_equal(map_sdp_read(buf_slice(&b), &sdp), MAP_SDP_OK);
    assert_int_equal(sdp.n, MAP_SDP_LINES_MAX);
    buf_str(&b, "m=audio 1 RTP/AVP 0\r\na=accept-types:image/gif\r\n");
    assert_int_equal(map_sdp_read(buf_slice(&b), &sdp), MAP_SDP_NO_LINE);
    buf_free(&b);
}

#define OURS                                                                                                           \
    " 5060 sip null\r\na=accept-types:text/plain text/html text/rtf multipart/alternative multipart/mixed "            \
    "multipart/related message/cpim application/im-iscomposing+xml\r\n"

static void ours_is_written(void **state)
{
    static const struct {
        const char *id, *offer, *host, *expect;
    } cases[] = {
        { "offer", NULL, "sip.contoso.example",
          "v=0\r\no=- 10 1 IN IP4 sip.contoso.example\r\ns=session\r\nc=IN IP4 sip.contoso.example\r\nt=0 "
          "0\r\nm=message" OURS },
        { "answer", HEAD "m=message 1 sip sip:a@b\r\n", "192.0.2.7",
          "v=0\r\no=- 10 1 IN IP4 192.0.2.7\r\ns=session\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=message" OURS },
        { "IPv6", NULL, "[2001:db8::7]",
          "v=0\r\no=- 10 1 IN IP6 2001:db8::7\r\ns=session\r\nc=IN IP6 2001:db8::7\r\nt=0 0\r\nm=message" OURS },
        { "the others are refused in their places",
          HEAD "m=audio 4000 RTP/AVP 0 8\r\nm=x-ms-message 9 sip null\r\nm=video 5000/2 RTP/AVP 31\r\n", "h",
          "v=0\r\no=- 10 3 IN IP4 h\r\ns=session\r\nc=IN IP4 h\r\nt=0 0\r\nm=audio 0 RTP/AVP 0 8\r\nm=x-ms-message" OURS
          "m=video 0 RTP/AVP 31\r\n" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct map_sdp offer, again;
        struct buf b;

        buf_init(&b, 8192);
        if (cases[i].offer)
            assert_int_equal(map_sdp_read(slice_str(cases[i].offer), &offer), MAP_SDP_OK);
        map_sdp_put(&b, cases[i].offer ? &offer : NULL, slice_str(cases[i].host), 40);
        if (!slice_is(buf_slice(&b), cases[i].expect))
            fail_msg("%s: %.*s", cases[i].id, SLICE_FMT(buf_slice(&b)));
        assert_int_equal(map_sdp_read(buf_slice(&b), &again), MAP_SDP_OK);
        assert_int_equal(again.takes, MAP_SDP_TEXT | MAP_SDP_COMPOSING);
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offers_are_read),
        cmocka_unit_test(as_many_lines_as_anybody_needs_and_no_more),
        cmocka_unit_test(ours_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
