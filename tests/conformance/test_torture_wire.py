"""
The torture messages of RFC 4475 and RFC 5118 (torture/README.md) against a running gateway: over UDP, over TCP in one
write, over TCP one octet at a time, and over TCP glued to a following OPTIONS; and the translator's own edges.

For every one: at most one response, no stanza to XMPP, and the next request on the same transport is served, unless the
framing is broken and the connection has to close.

REGISTER is a method that the gateway knows and does not implement: 405 when it is well-formed, since the method is looked at
first (RFC 3261 8.2.1). The INVITEs are for domains that are not served, 404, or from people that the source may not speak for,
403: before that is clear nobody looks at what they offer, for which the catalogue says 488, 415 (invut) or 406 (sdp01).
"""
import os
import re
import select

import pytest

import support
from rig import scripted
from rig.stoxd import Stoxd
from support import ALICE, RAW, RAW_UDP, Tcp, Udp, request

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torture")
SERVED = ["example.com", "example.net", "example.org", "company.com"]
SERVED_AT = "10.99.0.41"  # where their XMPP server would be
VIA_PORTS = (5060, 5050, 5070, 6050, 19823)  # of the messages' top Via: answers go there


def bytes_of(name):
    with open(os.path.join(FOLDER, name + ".dat"), "rb") as f:
        return f.read()


class Row:
    """statuses: allowed answers; None among them: silence will do. closes: on a stream, the connection ends."""

    def __init__(self, *statuses, tcp=None, closes=False, extra=None):
        self.statuses, self.tcp, self.closes, self.extra = statuses, tcp or statuses, closes, extra


def allow(answer):
    assert sorted(re.split(r"\s*,\s*", answer.get("allow"))) == [
        "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "SUBSCRIBE", "UPDATE"], str(answer)


def echo(*names):
    """These headers come back byte for byte; To may have got a tag, the top Via received."""
    def check(answer, data):
        head = data.partition(b"\r\n\r\n")[0]
        sent = [line.partition(b":") for line in re.sub(rb"\r\n[ \t]+", b" ", head).split(b"\r\n")[1:]]
        got = answer.raw.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        for name, short in names:
            want = [v.strip() for n, _, v in sent if n.strip().lower() in (name.lower(), short)]
            have = [v.strip() for n, _,
                    v in (line.partition(b":") for line in got) if n.strip().lower() == name.lower()]
            assert want and all(h.startswith(w) for w, h in zip(want, have)) and len(have) == len(want), (want, have)
    return check


CORE = ((b"From", b"f"), (b"To", b"t"), (b"Call-ID", b"i"), (b"CSeq", b"cseq"))
VIA = ((b"Via", b"v"),)


def both(*checks):
    return lambda answer, data: [c(answer, data) for c in checks]


def unsupported(answer, data):
    tags = sorted(re.split(r"\s*,\s*", ",".join(answer.all("unsupported"))))
    assert tags == ["nothingSupportsThis", "nothingSupportsThisEither"], str(answer)


ROWS = {
    # RFC 4475 3.1.1: valid
    "wsinv": Row(404),
    "intmeth": Row(501, extra=both(lambda a, d: allow(a), echo(*CORE, *VIA))),
    "esc01": Row(403),
    "escnull": Row(405, extra=lambda a, d: allow(a)),
    "esc02": Row(501, extra=lambda a, d: allow(a)),
    "lwsdisp": Row(200),
    "longreq": Row(403, extra=echo(*CORE[1:])),
    "dblreq": Row(405),
    "semiuri": Row(200),
    "transports": Row(200, extra=echo(*VIA)),
    # 3.1.2: invalid
    "badinv01": Row(400, None),
    "clerr": Row(400, tcp=(None,), closes=True),
    "ncl": Row(400, closes=True),
    "scalar02": Row(400),
    "quotbal": Row(400),
    "ltgtruri": Row(400),
    "lwsruri": Row(400),
    "lwsstart": Row(400, 405),
    "trws": Row(200, 400),
    "escruri": Row(400),
    "baddate": Row(403),
    "regbadct": Row(405, 400),
    "badaspec": Row(400),
    "baddn": Row(400, 200),
    "badvers": Row(505),
    "mismatch01": Row(400),
    "mismatch02": Row(501),
    # 3.2, 3.3, 3.4
    "badbranch": Row(200, 400),
    "insuf": Row(400, None),
    "unkscm": Row(416),
    "novelsc": Row(416),
    "unksm2": Row(405),
    "bext01": Row(420, extra=unsupported),
    "invut": Row(403),
    "regaut01": Row(405),
    "multi01": Row(400),
    "mcl01": Row(400, closes=True),
    "zeromf": Row(200),
    "cparam01": Row(405),
    "cparam02": Row(405),
    "regescrt": Row(405),
    "sdp01": Row(403),
    "inv2543": Row(400, tcp=(400,), closes=True),
    # RFC 5118. Addresses in Request-URIs are no served domains: 404 says that they were understood.
    "ipv6-good": Row(405),
    "ipv6-bad": Row(400),
    "port-ambiguous": Row(405),
    "port-unambiguous": Row(405),
    "via-received-param-with-delim": Row(404),
    "via-received-param-no-delim": Row(404),
    "ipv6-in-sdp": Row(404),
    "mult-ip-in-header": Row(404, extra=echo(*VIA[1:])),
    "mult-ip-in-sdp": Row(404),
    "ipv4-mapped-ipv6": Row(403),
    "ipv6-bug-abnf-3-colons": Row(404),
    "ipv6-correct-abnf-2-colons": Row(404),
}
RESPONSES = ["unreason", "noreason", "scalarlg", "bigcode", "bcast"]


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    """The catalogue's setting: these domains are XMPP's, the source is trusted."""
    partners = dict(support.partners(), **{d: {"proxy": SERVED_AT, "dialback": False} for d in SERVED})
    return start_for_module(Stoxd(rig, **support.settings(partners=partners, gateway=support.PATIENT)))


@pytest.fixture(scope="module")
def xmpp_of_served(start_for_module):
    return start_for_module(scripted.Listener(SERVED_AT))


@pytest.fixture
def no_stanza(gateway, xmpp_of_served, alive):
    yield
    support.options()  # what the test has sent has been looked at
    assert not select.select([xmpp_of_served.sock], [], [], 0)[0], "the gateway turned to XMPP"


def call_id_of(data):
    found = re.search(rb"(?mi)^(?:call-id|i)[ \t]*:[ \t\r\n]*([^\r\n]*)", data)
    return found.group(1).strip().decode() if found else None


def probe(transport):
    return request("OPTIONS", "sip:user@example.com", transport=transport)


def judge(row, answers, statuses, data):
    assert len(answers) <= 1, [str(a) for a in answers]
    assert (answers[0].status if answers else None) in statuses, (statuses, [str(a) for a in answers])
    if answers and row.extra:
        row.extra(answers[0], data)


def over_udp(row, data):
    with Udp(RAW, VIA_PORTS) as peer:
        mark = probe("UDP")
        peer.send(data).send(mark)
        answers = peer.until(lambda m: m.get("call-id") == call_id_of(mark))
        assert answers.pop().status == 200
        answers += [support.message(d[0]) for d in iter(lambda: peer.receive(0.01), None)]  # of the other ports
    judge(row, answers, row.statuses, data)


def over_tcp(row, data, how):
    with Tcp() as peer:
        mark = probe("TCP")
        if how == "octets":
            peer.wire.send_slowly(data)
        else:
            peer.send(data if how == "write" else data + mark)
        if data.startswith(b"REGISTER") and b"INVITE sip" in data:
            # dblreq: on a stream the second message is one; what follows its length is none, and ends the connection
            answers = peer.drain()
            assert answers[1].get("cseq").endswith("INVITE") and answers[1].status == 400
            del answers[1:]
        elif row.closes:
            if row.tcp == (None,):  # waits for the rest: test_TORT_clerr_... sees it closed
                assert peer.receive(0.05) is None and not peer.wire.ended
                return
            answers = peer.drain()
        else:
            if how != "glued":
                peer.send(mark)
            answers = peer.until(lambda m: m.get("call-id") == call_id_of(mark))
            assert answers.pop().status == 200
    judge(row, answers, row.tcp, data)


def make(name, row):
    data = bytes_of(name)

    @pytest.mark.parametrize("how", ["udp", "write", "octets", "glued"])
    def test(no_stanza, how):
        if how == "udp":
            over_udp(row, data)
        else:  # baddn has no empty line, which ends a datagram and cannot end anything on a stream
            over_tcp(row, data if b"\r\n\r\n" in data else data + b"\r\n", how)
    return test


for _name, _row in ROWS.items():
    globals()["test_TORT_" + _name.replace("-", "_")] = make(_name, _row)


def make_unsolicited(name):
    data = bytes_of(name)

    @pytest.mark.parametrize("how", ["udp", "write", "octets", "glued"])
    def test(no_stanza, how):
        row = Row(None)
        if how == "udp":
            over_udp(row, data)
        else:
            over_tcp(row, data, how)
    return test


for _name in RESPONSES:
    globals()["test_TORT_%s_unsolicited" % _name] = make_unsolicited(_name)


def as_answer(name, live):
    """The torture response with what ties it to a live transaction; what it tortures with stays."""
    head, _, body = bytes_of(name).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    vias = [line for line in lines if line.startswith(b"Via")]
    lines[lines.index(vias[0])] = ("Via: " + live.get("via")).encode()
    for i, line in enumerate(lines):
        field = line.partition(b":")[0].decode().lower()
        if field in ("call-id", "from", "to") or (field == "cseq" and name != "scalarlg"):
            lines[i] = ("%s: %s" % (field, live.get(field))).encode()
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def answer(live, status="200 OK"):
    lines = ["SIP/2.0 " + status, "Via: " + live.get("via"), "From: " + live.get("from"),
             "To: %s;tag=x" % live.get("to"),
             "Call-ID: " + live.get("call-id"), "CSeq: " + live.get("cseq"), "Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode()


def live_transaction(partner, peer):
    """A MESSAGE of the gateway's that waits for its answer."""
    p = partner()
    wire = p.incoming("raw.example")
    wire.send("<enable xmlns='urn:xmpp:sm:3'/>")
    wire.expect("<enabled")
    p.send_message(wire, to="bob@raw.example")
    return wire, peer.until(lambda m: not m.is_response)[-1]


def check_live(name, partner):
    with Udp(RAW_UDP) as peer:
        wire, sent = live_transaction(partner, peer)
        peer.send(as_answer(name, sent))
        if name == "unreason":  # counts as the answer: the stanza is handled, and nothing is sent again
            wire.send("<r xmlns='urn:xmpp:sm:3'/>")
            wire.expect("<a xmlns=['\"]urn:xmpp:sm:3['\"] h=['\"]1['\"]/>")
            peer.forget()  # repetitions from before it was there
            assert peer.receive(0.7) is None
            return
        if name != "noreason":  # dropped: the transaction goes on as if nothing had come
            support.options()  # it has been looked at
            peer.forget()
            assert support.message(peer.receive()[0]).branch == sent.branch
        peer.send(answer(sent))
        wire.send("<r xmlns='urn:xmpp:sm:3'/>")
        wire.expect("<a xmlns=['\"]urn:xmpp:sm:3['\"] h=['\"]1['\"]/>")


def make_live(name):
    def test(alive, partner):
        check_live(name, partner)
    return test


for _name in RESPONSES:
    globals()["test_TORT_%s_of_a_live_transaction" % _name] = make_live(_name)


def copies(partner, name):
    """How often a request comes again to a peer that answers it so, until it has been still for 1.8 s."""
    with Udp(RAW_UDP) as peer:
        wire, sent = live_transaction(partner, peer)
        peer.send(as_answer(name, sent))
        n = sum(not support.message(data).is_response for data, _ in iter(lambda: peer.receive(1.8), None))
        peer.send(answer(sent))
        wire.send("<r xmlns='urn:xmpp:sm:3'/>")
        wire.expect("<a xmlns=['\"]urn:xmpp:sm:3['\"] h=['\"]1['\"]/>")
    return (n,)


def test_TORT_noreason_is_a_provisional_answer(alive, partner):
    """Then a repetition comes each T2, 4 s (RFC 3261 17.1.2.2); if it was dropped there are two at least before that."""
    support.undisturbed(lambda: copies(partner, "noreason"), lambda n: n <= 1)


def test_TORT_mpart01_delivers_its_text(rig, stoxd, start):
    """The sender's domain is on SIP here, the recipient's an XMPP partner's."""
    for transport in "udp", "write", "octets", "glued":
        gateway = stoxd(**support.settings(
            at=support.OTHER, name="stoxd-" + transport, sip_domains={"example.com": {"route": "office"}},
            partners={"example.org": {"proxy": "10.99.0.42", "sasl": "required", "dialback": False}}, gateway=support.PATIENT))
        partner = start(support.Partner(rig, "sm", "example.org", "10.99.0.42", at=support.OTHER))
        data = bytes_of("mpart01")
        with (Udp(RAW, VIA_PORTS, support.OTHER) if transport == "udp" else Tcp(target=support.OTHER)) as peer:
            if transport == "octets":
                peer.wire.send_slowly(data)
            else:
                peer.send(data + (request("OPTIONS", "sip:x@example.org",
                                          transport="TCP") if transport == "glued" else b""))
            wire = partner.accept_sm()
            stanza = support.expect_stanza(wire)
            assert support.body_of(stanza) == "Hello"
            assert stanza.get("from") == "fluffy@example.com" and stanza.get("to") == "kumiko@example.org"
            support.acknowledge(wire, 1)
            final = peer.until(lambda m: m.status >= 200 and "MESSAGE" in m.get("cseq"))[-1]
            assert final.status == 200
        rig.down(partner)
        rig.down(gateway)


def test_TORT_badbranch_two_requests_are_not_mixed_up(no_stanza):
    one = bytes_of("badbranch")
    two = one.replace(b"badbranch.", b"other.").replace(b"CSeq: 8", b"CSeq: 9")
    with Udp(RAW) as peer:
        got = [peer.status(one), peer.status(two)]
    assert got[0].get("call-id") != got[1].get("call-id") and got[1].get("cseq").startswith("9 ")


def test_TORT_escnull_as_MESSAGE_is_404(no_stanza):
    with Udp(RAW) as peer:
        got = peer.status(request(uri="sip:null-%00-null@example.com", body="x"))
    assert got.status == 404


def test_TORT_unksm2_as_MESSAGE_has_no_usable_sender(no_stanza):
    with Udp(RAW) as peer:
        got = peer.status(request(uri="sip:user@example.com", sender="<http://www.example.com>;tag=3234233", body="x",
                                  to="isbn:2983792873"))
    assert got.status in (400, 403)


def test_TORT_scalar02_only_one_value_bad(no_stanza):
    """Max-Forwards out of range counts as absent, Expires out of range as the default: neither refuses the request."""
    for bad in "Max-Forwards: 300", "Max-Forwards: 99999999999999999999", "Expires: 10000000000000000000":
        with Udp(RAW) as peer:
            got = peer.status(request("OPTIONS", "sip:user@example.com", headers=[bad],
                                      drop=("Max-Forwards",) if bad.startswith("Expires") else ()))
        assert got.status in ((200,) if bad.startswith("Expires") else (200, 400)), bad


def test_TORT_noreason_without_the_space(alive, partner):
    with Udp(RAW_UDP) as peer:
        wire, sent = live_transaction(partner, peer)
        peer.send(answer(sent, "200"))
        wire.send("<r xmlns='urn:xmpp:sm:3'/>")
        wire.expect("<a xmlns=['\"]urn:xmpp:sm:3['\"] h=['\"]1['\"]/>")


# The translator's own edges.


@pytest.fixture
def carried(sip, partner, alive):
    """carried(body, ...): what becomes of a MESSAGE: (stanza, its bytes, the answer); stanza None when none came."""
    p = partner()
    wire = None

    def carry(body, **how):
        nonlocal wire
        with Udp(RAW) as peer:
            data = request(uri="sip:romeo@" + p.domain, body=body, **how)
            peer.send(data)
            if wire is None:
                wire = p.accept_sm()
                carry.h = 0
            carry.h += 1
            text = wire.expect(r"<message\b.*?</message>").group()
            support.acknowledge(wire, carry.h)
            final = peer.final(data)
        return support.parse(text), text, final

    def refused(body, **how):
        with Udp(RAW) as peer:
            final = peer.status(request(uri="sip:romeo@" + p.domain, body=body, **how))
        if wire is None:
            p.nobody_connects()
        else:
            assert not select.select([wire.sock], [], [], 0.05)[0]
        return final

    carry.refused = refused
    return carry


def test_TORT_X01_illegal_characters(carried):
    stanza, text, final = carried(b"a\x00b\x1bc\xef\xbf\xbfd\re\r\nf")
    assert support.body_of(stanza) == "a\ufffdb\ufffdc\ufffdd\ne\nf" and final.status == 200


def test_TORT_X02_invalid_utf8(carried):
    assert carried.refused(b"caf\xe9 \xc0\xaf \xed\xa0\x80").status == 400
    assert support.body_of(carried(b"good")[0]) == "good"
    assert carried.refused(b"caf\xe9").status == 400
    assert support.body_of(carried(b"the stream stayed up")[0]) == "the stream stayed up"


def test_TORT_X03_latin1(carried):
    stanza, _, _ = carried(b"\xe9", content_type="text/plain; charset=iso-8859-1")
    assert support.body_of(stanza) == "\u00e9"


def test_TORT_X04_subject(carried):
    """8-bit and folded; encoded words have no meaning in SIP (RFC 3261 7.3.1: UTF-8) and stay as they are."""
    stanza, _, _ = carried(b"x", headers=["Subject: one\r\n  two \u00e9\r\n\tthree =?utf-8?q?=C3=A9?="])
    subject = stanza.find("{jabber:server}subject").text
    assert "\n" not in subject and re.sub(r"\s+", " ", subject) == "one two \u00e9 three =?utf-8?q?=C3=A9?="


def test_TORT_X05_empty_body(carried):
    assert carried.refused(b"", headers=["Content-Type: text/plain"]).status in (200, 202)


def test_TORT_X06_markup_in_the_display_name(carried):
    stanza, text, _ = carried(b"x", sender='"</message><iq/>" <sip:alice@contoso.example>;tag=1')
    assert "<iq" not in text and text.count("</message>") == 1
    assert stanza.get("from") == ALICE


def test_TORT_X07_markup_in_the_address(carried):
    stanza, _, _ = carried(b"x", sender="<sip:a%22%3E@contoso.example>;tag=1")
    assert stanza.get("from") == "a\\22\\3e@contoso.example"


def resident_growth(gateway, do):
    before = gateway.resident_kib()
    do()
    return gateway.resident_kib() - before


def test_TORT_X08_depth_and_attributes(alive, partner, sip):
    mark = sip.mark()

    def attack():
        for payload in ("<a>" * 200 + "</a>" * 200, "<a %s/>" % " ".join("a%d='1'" % i for i in range(10000))):
            p = partner()
            wire = p.incoming()
            wire.send("<message from='romeo@%s' to='%s'><body>x</body>%s</message>" % (p.domain, ALICE, payload))
            wire.expect(r"<stream:error>.*?</stream:error>|<message\b[^>]* type=['\"]error['\"]")
            wire.expect_end()
    assert resident_growth(alive, attack) < 4096
    support.heard(sip)
    assert sip.mark() == mark


def test_TORT_X09_markup_in_the_body(alive, partner, sip):
    p = partner()
    p.send_message(p.incoming(), body="x ]]&gt; &lt;!DOCTYPE y ]]&gt;")
    assert sip.wait_message("x ]]>", 20).body == "x ]]> <!DOCTYPE y ]]>"
    q = partner()
    wire = q.incoming()
    q.send_message(wire, body="null &#0; here")
    support.expect_stream_error(wire, "not-well-formed")
    assert not [b for b in sip.bodies() if "null" in b]


def test_TORT_X10_long_thread_with_line_ends(alive, partner, sip):
    p = partner()
    wire = p.incoming()
    p.send_message(wire, body="X10 one", extra="<thread>" + "t" * 4096 + "</thread>")
    p.send_message(wire, body="X10 two",
                   extra="<thread>a&#13;&#10;Route: &lt;sip:evil@example.net&gt;&#13;&#10;b</thread>")
    for body in "X10 one", "X10 two":
        got = sip.wait_message(body, 20).message
        assert re.fullmatch(r"[A-Za-z0-9.!%*_+`'~()<>:\\\"/\[\]?{}-]+(@[A-Za-z0-9.!%*_+`'~()<>:\\\"/\[\]?{}-]+)?",
                            got.get("call-id"))
        assert len(got.get("call-id")) < 1000 and not got.all("route")


def test_TORT_X11_long_id(alive, partner, sip):
    sip.answer = 404
    p = partner()
    wire = p.incoming()
    p.send_message(wire, body="X11", stanza_id="i" * 65536)
    text = wire.expect(r"<stream:error>.*?</stream:error>").group()
    assert "policy-violation" in text
    back = partner()
    wire = back.incoming()
    back.send_message(wire, body="X11 shorter", stanza_id="j" * 8000)
    error = support.expect_stanza(back.accept_sm())
    assert error.get("type") == "error" and error.get("id") == "j" * 8000


def test_TORT_X20_two_gateways_in_a_ring(rig, start, sip):
    """Traffic dies out within 10 hops."""
    ring = support.Ring(rig, start)
    txn = sip.message("romeo@ring.example", "round and round", target=(ring.A, 5060))
    assert txn.wait() >= 400
    passes = ring.passes()
    assert passes <= 10
    support.request_dies_out(ring)


CPIM = "From: <sip:alice@contoso.example>\r\nTo: <sip:romeo@%s>\r\n%s\r\n"


def test_TORT_X18_cpim(alive, partner, sip):
    """Without the empty line, without an end, a thousand NS headers, headers in small letters: memory is flat."""
    p = partner()
    inner = "Content-Type: text/plain\r\n\r\nhello"
    many = "".join("NS: P%d <urn:x:%d>\r\n" % (i, i) for i in range(1000))
    refused = [(CPIM % (p.domain, "")).rstrip("\r\n"), "From: " + "x" * 30000, "x\r\n\r\n" + inner,
               CPIM % (p.domain, many.replace("<", "").replace("NS: ", "NS:")) + inner,
               CPIM % (p.domain, many) + inner.replace("text/plain", "image/png")]
    with Tcp() as peer:
        assert peer.status(request("OPTIONS", "sip:" + p.domain, transport="TCP")).status == 200
        before = alive.resident_kib()
        for _ in range(20):
            for body in refused:
                got = peer.status(request(uri="sip:romeo@" + p.domain, transport="TCP", body=body,
                                          content_type="message/cpim"))
                assert got.status in (400, 415), (body[:200], str(got))
        p.nobody_connects()
        small = (CPIM % (p.domain, many)).replace("From", "from") + inner  # headers that mean nothing in small letters
        peer.send(request(uri="sip:romeo@" + p.domain, transport="TCP", body=small, content_type="message/cpim"))
        wire = p.accept_sm()
        assert support.body_of(support.expect_stanza(wire)) == "hello"
        support.acknowledge(wire, 1)
        assert alive.resident_kib() - before < 2048 or "ASAN_OPTIONS" in os.environ
