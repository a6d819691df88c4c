"""SIP messages, transactions and transport on the wire (STOX-SIP)."""
import contextlib
import re
import select
import socket
import subprocess
import time

import pytest

import support
from rig import dns, scripted
from rig.stoxd import Stoxd
from support import GATEWAY_SIP, OTHER, RAW, RAW_TCP, RAW_UDP, Tcp, Udp, message, request

SERVED = "sip:romeo@sm1.example"


def options_with(**how):
    return request("OPTIONS", how.pop("uri", SERVED), **how)


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    support.begin_names()
    return start_for_module(Stoxd(rig, **support.settings(gateway=support.PATIENT)))


@pytest.fixture
def held(partner):
    """held(): a partner that takes messages and acknowledges nothing until told; (partner, its wire)."""
    def begin(sip):
        p = partner()
        txn = sip.message("romeo@" + p.domain, "first", target=GATEWAY_SIP)
        wire = p.accept_sm()
        support.expect_stanza(wire)
        support.acknowledge(wire, 1)
        assert txn.wait() == 200
        return p, wire
    return begin


def test_STOX_SIP_01_forms_case_folding_and_order(alive, sip, held):
    p, wire = held(sip)
    data = ("MESSAGE sip:romeo@%s SIP/2.0\r\nl:  5\r\nSUBJECT :\r\n  folded\r\nc : text/plain\r\nX-Unknown: ;;,=\"\r\n"
            "i: sip01@x\r\ncSeQ:\t 7\r\n MESSAGE\r\nt:   <sip:romeo@%s>\r\n"
            "FROM:\r\n\t<sip:alice@contoso.example> ; TAG=a"
            ";unknown=1\r\nv: SIP / 2.0 / UDP %s;branch=z9hG4bKsip01, SIP/2.0/TCP second.example;branch=z9hG4bKx\r\n"
            "Via: SIP/2.0/UDP third.example;branch=z9hG4bKy\r\nmax-forwards: 70\r\n\r\n"
            "hello" % (p.domain, p.domain, RAW))
    with Udp() as peer:
        peer.send(data.encode())
        stanza = support.expect_stanza(wire)
        support.acknowledge(wire, 2)
        got = peer.final(data.encode())
    assert support.body_of(stanza) == "hello" and stanza.find("{jabber:server}subject").text == "folded"
    assert got.status == 200 and len(got.all("via")) == 3


def test_STOX_SIP_02_mandatory_headers(alive):
    with Udp() as peer:
        for missing in "From", "To", "CSeq":
            assert peer.status(options_with(drop=(missing,))).status == 400, missing
        assert peer.status(options_with(sender="<sip:alice@contoso.example>")).status in (200, 400)
        assert peer.status(options_with(drop=("Max-Forwards",))).status == 200
        ack = options_with(drop=("From",)).replace(b"OPTIONS", b"ACK")
        no_call_id = options_with(drop=("Call-ID",))
        mark = options_with()
        peer.send(ack).send(no_call_id).send(mark)
        got = peer.until(lambda m: m.get("call-id") and m.get("call-id").encode() in mark)
        assert all("ACK" not in (m.get("cseq") or "") for m in got) and all(m.status in (200, 400) for m in got)


def test_STOX_SIP_03_cseq_range_and_method(alive):
    with Udp() as peer:
        for cseq, status in (("4294967295 OPTIONS", 200), ("0 OPTIONS", 200), ("4294967296 OPTIONS", 400),
                             ("-1 OPTIONS", 400), ("99999999999999999999 OPTIONS", 400), ("1 MESSAGE", 400)):
            assert peer.status(options_with(cseq=cseq)).status == status, cseq


def test_STOX_SIP_04_framing(alive):
    with Udp() as peer:
        assert peer.status(options_with(body="x" * 10) + b"excess").status == 200
        assert peer.status(options_with(body="x" * 10)[:-3]).status == 400
        assert peer.status(options_with(drop=("Content-Length",))).status == 200
    with Tcp() as peer:
        peer.send(options_with(transport="TCP", drop=("Content-Length",)))
        assert [m.status for m in peer.drain()] in ([400], [])


@pytest.mark.parametrize("length", ["-1", "five", "5, 6", "99999999999999999999", "0x10", ""])
def test_STOX_SIP_05_broken_length_on_a_stream_closes(alive, length):
    with Tcp() as peer:
        peer.send(options_with(transport="TCP", drop=("Content-Length",), headers=["Content-Length: " + length]) +
                  options_with(transport="TCP"))
        assert [m.status for m in peer.drain()] == [400]


def test_STOX_SIP_06_size_caps_on_streams(alive):
    before = alive.resident_kib()
    with Tcp() as peer:  # headers without an end
        peer.send(b"OPTIONS sip:x@sm1.example SIP/2.0\r\nX: ")
        with contextlib.suppress(OSError):
            for _ in range(64):
                peer.send(b"x" * 16384)
        assert all(m.status in (513, 400) for m in peer.drain())  # and the end
    with Tcp() as peer:  # a body that is announced too large is not waited for
        peer.send(request(transport="TCP", uri=SERVED, headers=["Content-Type: text/plain"]).replace(
            b"Content-Length: 0", b"Content-Length: 9000000"))
        assert [m.status for m in peer.drain()][0] in (413, 513)
    assert alive.resident_kib() - before < 4096


def test_STOX_SIP_07_other_versions(alive):
    with Udp() as peer:
        for version in b"SIP/7.0", b"SIP/2.1", b"SIP/1.0":
            assert peer.status(options_with().replace(b"SIP/2.0", version, 1)).status == 505


def test_STOX_SIP_08_stray_and_damaged_responses_are_dropped(alive, partner):
    """Two Via in a response to us; a response whose branch is nobody's."""
    p = partner()
    wire = p.incoming("raw.example")
    with Udp(RAW_UDP) as peer:
        p.send_message(wire, to="bob@raw.example")
        sent = peer.asked()
        good = answer(sent, "404 Not Found")
        peer.send(good.replace(b"From:", b"Via: SIP/2.0/UDP other.example;branch=z9hG4bKq\r\nFrom:", 1))
        peer.send(good.replace(sent.branch.encode(), b"z9hG4bKnobody"))
        peer.send(good.replace(b"CSeq: ", b"CSeq: x"))
        support.options()  # they have been looked at
        peer.forget()
        assert message(peer.receive()[0]).branch == sent.branch  # repeated: nothing was taken for its answer
        peer.send(answer(sent))
        support.options()
    p.was_told_nothing(wire, "raw.example")


def answer(sent, status="200 OK", extra=""):
    lines = ["SIP/2.0 " + status] + ["Via: " + v for v in sent.all("via")]
    lines += ["From: " + sent.get("from"), "To: %s;tag=raw" % sent.get("to"), "Call-ID: " + sent.get("call-id"),
              "CSeq: " + sent.get("cseq")] + ([extra] if extra else []) + ["Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode()


def test_STOX_SIP_09_line_ends_before_and_between(alive):
    with Udp() as peer:
        assert peer.status(b"\r\n\r\n" + options_with()).status == 200
    with Tcp() as peer:
        peer.send(b"\r\n\r\n")
        peer.wire.expect("\r\n")
        assert not peer.wire.data
        assert peer.status(b"\r\n" + options_with(transport="TCP")).status == 200


def test_STOX_SIP_10_inspection_order(alive):
    everything = ["Require: foo"]
    with Udp() as peer:
        for data, status in (
                (request("NEWMETHOD", "tel:1", headers=everything), 501),
                (request("REGISTER", "tel:1", headers=everything), 405),
                (options_with(uri="tel:1", headers=everything, to="<tel:1>"), 416),
                (options_with(uri="sip:x@unlisted.example", headers=everything), 404),
                (options_with(headers=everything), 420),
                (request(uri=SERVED, body="x", content_type="image/png"), 415)):
            got = peer.status(data)
            assert got.status == status, str(got)
            if status in (405, 501):
                assert got.get("allow")
            if status == 420:
                assert got.get("unsupported") == "foo"
            if status == 415:
                assert "text/plain" in got.get("accept")


def test_STOX_SIP_10_merged_request_is_482(alive, partner):
    p = partner()
    first = request(uri="sip:romeo@" + p.domain, body="x", call_id="merged@x", cseq="1 MESSAGE", branch="z9hG4bKm1",
                    sender="<sip:alice@contoso.example>;tag=m")
    with Udp() as peer:
        peer.send(first)
        wire = p.accept_sm()
        peer.send(first.replace(b"z9hG4bKm1", b"z9hG4bKm2"))
        got = peer.until(lambda m: m.branch == "z9hG4bKm2" and m.status >= 200)[-1]
        support.expect_stanza(wire)
        support.acknowledge(wire, 1)
        assert peer.final(first).status == 200  # it was held until now
    assert got.status == 482


def test_STOX_SIP_11_allow_is_what_there_is(alive):
    with Udp() as peer:
        for data in options_with(), request("PUBLISH", SERVED), request("FOO", SERVED):
            assert sorted(peer.status(data).get("allow").split(", ")) == [
                "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "SUBSCRIBE", "UPDATE"]


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_STOX_SIP_12_options(alive, transport):
    with (Udp() if transport == "UDP" else Tcp()) as peer:
        for uri in SERVED, "sip:sm1.example", "sip:" + dns.GATEWAY, "sip:%s:5060" % dns.GATEWAY:
            got = peer.status(options_with(uri=uri, transport=transport))
            assert got.status == 200 and got.get("allow") and "text/plain" in got.get("accept")
            assert got.get("supported") is not None and got.get("content-length") == "0"
            assert got.get("allow-events") == "presence"


def test_STOX_SIP_13_to_tag(alive):
    with Udp() as peer:
        data, other = options_with(), options_with()
        tags = [re.search(r";tag=([0-9a-zA-Z]+)", peer.status(d).get("to")).group(1) for d in (data, data, other)]
    assert tags[0] == tags[1] != tags[2] and len(tags[0]) >= 8


def test_STOX_SIP_14_copied_headers(alive):
    data = options_with(headers=["Via: SIP/2.0/UDP two.example;branch=z9hG4bK2;odd=\"a;b\","
                                 "SIP/2.0/SCTP three;branch=z9hG4bK3"],
                        sender="\"A \\\" B\" <sip:alice@contoso.example>;tag=q;x=\"y\"", to="T <%s>;p=1" % SERVED)
    with Udp() as peer:
        got = peer.status(data)
    sent = message(data)
    for name in "from", "call-id", "cseq":
        assert got.get(name) == sent.get(name)
    assert got.get("to").startswith(sent.get("to") + ";tag=")
    vias = re.split(r"\s*,\s*(?=SIP)", ",".join(got.all("via")))
    assert vias[1:] == re.split(r"\s*,\s*(?=SIP)", ",".join(sent.all("via")))[1:]


def test_STOX_SIP_15_unknown_dialog_is_481(alive):
    known = "<%s>;tag=nobody" % SERVED
    with Udp() as peer:
        assert peer.status(request(uri=SERVED, body="x", to=known)).status == 481
        mark = options_with()
        peer.send(request("ACK", SERVED, to=known)).send(mark)
        assert len(peer.until(lambda m: m.get("call-id").encode() in mark)) == 1


def test_STOX_SIP_17_ack_never_cancel_481(alive):
    with Udp() as peer:
        cancel = request("CANCEL", SERVED)
        mark = options_with()
        peer.send(request("ACK", SERVED)).send(cancel).send(mark)
        got = peer.until(lambda m: m.get("call-id").encode() in mark)
        assert [m.status for m in got] == [481, 200]


def test_STOX_SIP_18_max_forwards_zero_is_processed(alive):
    with Udp() as peer:
        got = peer.status(options_with(drop=("Max-Forwards",), headers=["Max-Forwards: 0"]))
    assert got.status == 200


def hear(rig):
    """
    What MESSAGEs hear whose partner acknowledges nothing: [(seconds since, response)] by transport; and when the one over UDP had been
    repeated.
    """
    heard, began = {"UDP": [], "TCP": []}, {}
    partners = [support.Partner(rig, at=OTHER).start(), support.Partner(rig, at=OTHER).start()]
    with Udp(target=OTHER) as udp, Tcp(target=OTHER) as tcp:
        for peer, name, p in (udp, "UDP", partners[0]), (tcp, "TCP", partners[1]):
            data = request(uri="sip:romeo@" + p.domain, body="held", transport=name)
            began[name] = time.monotonic()
            peer.send(data)
            support.expect_stanza(p.accept_sm())
            if name == "UDP":
                peer.send(data)  # a repetition before the 100 is absorbed
                support.look_round(OTHER, RAW)
                repeated = time.monotonic() - began[name]
        deadline = time.monotonic() + 40
        while any(not h or h[-1][1].status < 200 for h in heard.values()) and time.monotonic() < deadline:
            for peer, name in (udp, "UDP"), (tcp, "TCP"):
                got = peer.receive(0.02)
                if got:
                    got = message(got[0]) if name == "UDP" else got
                    heard[name].append((time.monotonic() - began[name], got))
    for p in partners:
        p.stop()
    return heard, repeated


def in_time(heard, repeated):
    return repeated < 3.4 and all(h and h[0][0] < 4.0 and h[-1][0] < 4.6 for h in heard.values())


@pytest.fixture(scope="module")
def stalled(rig, gateway):
    """The first of some measurements that nothing has disturbed, else the last; at a gateway whose hold time is 4 s."""
    its = rig.up(Stoxd(rig, name="stoxd-4s", **support.settings(OTHER, gateway={**support.PATIENT, "hold_time": 4})))
    try:
        for _ in range(5):
            heard, repeated = hear(rig)
            if in_time(heard, repeated):
                break
    finally:
        rig.down(its)
    return heard


def test_STOX_SIP_19_no_408_and_no_other_provisional(stalled):
    for heard in stalled.values():
        assert [m.status for _, m in heard] == [100, 504]


def test_STOX_SIP_20_100_after_3500_ms(stalled):
    for heard in stalled.values():
        assert 3.4 < heard[0][0] < 4.0 and heard[0][1].status == 100


def test_STOX_IM_22_held_until_the_hold_time_only(stalled):
    """On every transport: nothing that confirms, and 504 at the hold time, here 4 s."""
    for heard in stalled.values():
        assert 3.9 < heard[-1][0] < 4.6 and heard[-1][1].status == 504


def test_STOX_SIP_21_no_503_for_one_partner(alive, sip, partner):
    """A partner that refuses, and one that is not there: neither is an overload of the gateway."""
    p = partner()
    p.listener.stop()
    txn = sip.message("romeo@" + p.domain, "x", target=GATEWAY_SIP)
    assert txn.wait() == 504 and txn.response.get("retry-after") is None


def test_STOX_SIP_22_nothing_goes_to_broadcast(alive):
    """maddr, received and sent-by that name multicast or broadcast do not aim our responses."""
    with Udp() as peer:
        for via in ("SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKb1",
                    "SIP/2.0/UDP %s;maddr=224.0.1.75;branch=z9hG4bKb2" % RAW,
                    "SIP/2.0/UDP %s;maddr=10.99.255.255;branch=z9hG4bKb3" % RAW,
                    "SIP/2.0/UDP %s;received=255.255.255.255;branch=z9hG4bKb4" % RAW):
            group = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            group.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            group.bind(("255.255.255.255", 5060))
            peer.send(options_with(via=via))
            support.options()  # it has been looked at
            assert all(m.status in (200, 400) for m in peer.rest())
            group.setblocking(False)
            with pytest.raises(BlockingIOError):
                group.recv(100)
            group.close()


def test_STOX_SIP_30_what_our_requests_carry(alive, partner):
    p = partner()
    wire = p.incoming("raw.example")
    seen = []
    with Udp(RAW_UDP) as peer:
        for i in range(3):
            p.send_message(wire, to="bob@raw.example", stanza_id="s%d" % i)
            seen.append(peer.asked(*seen))
            peer.send(answer(seen[-1]))
    for m in seen:
        assert len(m.all("via")) == 1 and re.match(r"SIP/2\.0/UDP [^;]+", m.get("via"))
        assert m.branch.startswith("z9hG4bK") and re.search(r";rport(;|$)", m.get("via"))
        assert m.get("max-forwards") == "70" and ";tag=" in m.get("from")
        assert re.fullmatch(r"\d+ MESSAGE", m.get("cseq")) and int(m.get("cseq").split()[0]) < 1 << 31
        assert int(m.get("content-length")) == len(m.body) == 5
    assert len({m.branch for m in seen}) == len({m.get("call-id") for m in seen}) == 3


def test_STOX_SIP_31_to_without_tag(alive, partner):
    p = partner()
    with Udp(RAW_UDP) as peer:
        p.send_message(p.incoming("raw.example"), to="bob@raw.example")
        sent = peer.asked()
        peer.send(answer(sent))
    assert sent.get("to") == "<sip:bob@raw.example>" and sent.uri == "sip:bob@raw.example"


def test_STOX_SIP_40_retransmissions_each_way(alive, sip, held, partner):
    """Ours: T1, doubling (Timer E). Theirs: one stanza, the same final response, after 100 too."""
    p, wire = held(sip)
    data = request(uri="sip:romeo@" + p.domain, body="once")
    with Udp() as peer:
        peer.send(data).send(data)
        support.expect_stanza(wire)
        support.acknowledge(wire, 2)
        first = peer.final(data)
        for _ in range(3):
            peer.send(data)
            assert message(peer.receive()[0]).raw == first.raw
    support.undisturbed(lambda: gaps(partner()), lambda first, second: 0.4 < first < 0.8 and 0.9 < second < 1.4)


def gaps(p):
    """Seconds between the first three copies of a request to a peer that answers none."""
    with Udp(RAW_UDP) as peer:
        p.send_message(p.incoming("raw.example"), to="bob@raw.example")
        times, copies = [], []
        for _ in range(3):
            copies.append(peer.receive()[0])
            times.append(time.monotonic())
        peer.send(answer(message(copies[0])))
        support.options()
        peer.forget()  # a fourth, if it came before the answer
        assert peer.receive(0.3) is None
    assert copies[0] == copies[1] == copies[2]
    return times[1] - times[0], times[2] - times[1]


def test_STOX_SIP_42_matching(alive, sip, held):
    """By branch, sent-by and method; a branch without the cookie by the RFC 2543 rule."""
    p, wire = held(sip)
    h = 1
    with Udp(ports=(5060, 5071)) as peer:
        def send(body="match", **how):
            nonlocal h
            h += 1
            data = request(uri="sip:romeo@" + p.domain, body=body, **how)
            peer.send(data)
            assert support.body_of(support.expect_stanza(wire)) == body
            support.acknowledge(wire, h)
            assert peer.final(data).status == 200
        send(branch="z9hG4bKsame", call_id="m1@x")
        send(branch="z9hG4bKsame", call_id="m2@x", sent_by=RAW + ":5071")
        for call in "old1", "old2":  # RFC 2543: told apart by Call-ID and CSeq
            send(branch="1", call_id=call)
        old = request(uri="sip:romeo@" + p.domain, body="match", branch="1", call_id="old3", cseq="5 MESSAGE",
                      sender="<sip:alice@contoso.example>;tag=o")
        peer.send(old)
        support.expect_stanza(wire)
        h += 1
        support.acknowledge(wire, h)
        first = peer.final(old)
        peer.send(old)
        assert message(peer.receive()[0]).raw == first.raw
        assert peer.status(request("OPTIONS", SERVED, branch="z9hG4bKsame", call_id="m3@x")).status == 200
        # the transaction's, and yet another message: told, not delivered, and never confirmed by the first one's 200
        other = peer.status(request(uri="sip:romeo@" + p.domain, body="match", branch="z9hG4bKsame", call_id="m4@x"))
        assert (other.status, other.get("call-id")) == (400, "m4@x") and b"another request" in other.raw
        send(body="what comes behind")  # and nothing of those comes before it


def test_STOX_SIP_44_late_responses_are_ignored(alive, partner):
    """A second final response, and another than the first: the sender hears once."""
    p = partner()
    wire = p.incoming("raw.example")
    with Udp(RAW_UDP) as peer:
        p.send_message(wire, to="bob@raw.example", stanza_id="late")
        sent = peer.asked()
        peer.send(answer(sent, "404 Not Found"))
        back = p.accept_sm()
        assert support.error_of(support.expect_stanza(back))[0] == "item-not-found"
        peer.send(answer(sent, "404 Not Found")).send(answer(sent, "486 Busy Here")).send(answer(sent))
        p.send_message(wire, to="bob@raw.example", stanza_id="next")
        again = peer.asked(sent)
        peer.send(answer(again, "403 Forbidden"))
        assert support.expect_stanza(back).get("id") == "next"


def test_STOX_SIP_50_udp_and_tcp(alive, sip, held, partner):
    """Both, each way. For TLS see test_sip_tls_wire.py."""
    p, wire = held(sip)
    for h, transport in enumerate(("udp", "tcp"), 2):
        txn = sip.message("romeo@" + p.domain, "by " + transport, target=GATEWAY_SIP, transport=transport)
        assert support.body_of(support.expect_stanza(wire)) == "by " + transport
        support.acknowledge(wire, h)
        assert txn.wait() == 200
    with Udp(RAW_UDP) as peer:
        p.send_message(p.incoming("raw.example"), to="bob@raw.example")
        peer.send(answer(peer.asked()))
    server = scripted.Listener(RAW_TCP, 5060)
    p.send_message(p.incoming("stream.example"), to="bob@stream.example")
    assert server.accept().expect(r"MESSAGE sip:bob@stream\.example SIP/2\.0\r\nVia: SIP/2\.0/TCP ")
    server.stop()


def test_STOX_SIP_51_over_1300_bytes_never_on_udp(alive, partner):
    p = partner()
    wire = p.incoming("raw.example")
    with Udp(RAW_UDP) as peer:
        p.send_message(wire, to="bob@raw.example", body="x" * 1400, stanza_id="big")
        error = support.expect_stanza(p.accept_sm())
        assert support.error_of(error)[:2] == ("policy-violation", "modify") and error.get("id") == "big"
        support.options()
        assert peer.receive(0) is None
    server = scripted.Listener(RAW_TCP, 5060)
    p.send_message(p.incoming("stream.example"), to="bob@stream.example", body="x" * 1400)
    sent = server.accept().expect(r"Content-Length: (\d+)\r\n\r\nx{1400}").group(1)
    assert sent == "1400"
    server.stop()


test_STOX_IM_34_large_messages_leave_on_tcp = test_STOX_SIP_51_over_1300_bytes_never_on_udp


def test_STOX_SIP_53_same_destination_for_one_transaction(alive, partner):
    p = partner()
    with Udp(RAW_UDP, (5060, 5061)) as peer:
        p.send_message(p.incoming("raw.example"), to="bob@raw.example")
        copies = [peer.receive() for _ in range(3)]
        assert len({source for _, source in copies}) == len({message(data).branch for data, _ in copies}) == 1
        assert select.select([peer.socks[1]], [], [], 0)[0] == []
        peer.send(answer(message(copies[0][0])))


def test_STOX_SIP_54_where_responses_go(alive):
    """UDP: to the source address and the port of Via, or with rport the source port. TCP: the same connection."""
    with Udp(ports=(5073, 5074, 5060)) as peer:
        def comes_to(via):
            peer.send(request("OPTIONS", SERVED, via=via))
            ready = select.select(peer.socks, [], [], 20)[0]
            data = ready[0].recv(65536)
            return ready[0].getsockname()[1], message(data).get("via")
        assert comes_to("SIP/2.0/UDP %s:5074;branch=z9hG4bKr1" % RAW) == (
            5074, "SIP/2.0/UDP %s:5074;branch=z9hG4bKr1" % RAW)
        port, via = comes_to("SIP/2.0/UDP elsewhere.example;branch=z9hG4bKr2")
        assert port == 5060 and ";received=" + RAW in via
        port, via = comes_to("SIP/2.0/UDP 192.0.2.1:9;rport;branch=z9hG4bKr3")
        assert port == 5073 and ";rport=5073" in via and ";received=" + RAW in via
    with Tcp() as peer:
        got = peer.status(request("OPTIONS", SERVED, via="SIP/2.0/TCP elsewhere.example:9;branch=z9hG4bKr4"))
        assert got.status == 200 and ";received=" + RAW in got.get("via")


def test_STOX_SIP_55_connections_stay_and_are_used_again(alive, partner):
    server = scripted.Listener(RAW_TCP, 5060)
    p = partner()
    wire = p.incoming("stream.example")
    connection = None
    for i in range(3):
        p.send_message(wire, to="bob@stream.example", body="reuse%d" % i)
        connection = connection or server.accept()
        text = connection.expect(r"MESSAGE.*?\r\n\r\nreuse%d" % i).group()
        connection.send(answer(message(text.encode())))
    support.options(via="tcp")
    assert not select.select([server.sock, connection.sock], [], [], 0)[0]  # no other one, and this one has not ended
    server.stop()
    connection.close()


def test_STOX_SIP_57_lost_connection(alive, partner):
    """Broken before the answer: not sent again on a new connection in the same transaction, and no error at once."""
    server = scripted.Listener(RAW_TCP, 5060)
    p = partner()
    wire = p.incoming("stream.example")
    p.send_message(wire, to="bob@stream.example", body="lost")
    connection = server.accept()
    connection.expect("lost")
    connection.reset()
    support.options()  # that it was broken has been looked at
    assert not select.select([server.sock], [], [], 1)[0]
    p.was_told_nothing(wire, "stream.example")
    q = partner()  # others are not held up
    q.send_message(q.incoming("stream.example"), to="bob@stream.example", body="another sender")
    server.accept().expect("another sender")
    server.stop()


def test_STOX_SIP_59_ipv6(rig, stoxd, start):
    """Listens, answers and writes addresses in brackets."""
    gateway_at = "fd99::3"
    for address in gateway_at, "fd99::5":
        subprocess.run(["ip", "-6", "address", "add", address + "/128", "dev", "lo", "nodad"], check=True)
    how = support.settings(OTHER, name="stoxd-6")
    how["listen_sip_udp"] = how["listen_sip_udp"] + ["[%s]:5060" % gateway_at]
    how["listen_sip_tcp"] = ["[%s]:5060" % gateway_at]
    how["routes"] = {"office": {"next_hop": "[fd99::5]:5060", "transport": "udp"}}
    how["sip_domains"] = {"contoso.example": {"route": "office"}}
    stoxd(**how)
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.settimeout(20)
    sock.bind(("fd99::5", 5060))
    sock.sendto(request("OPTIONS", SERVED, sent_by="[fd99::5]"), (gateway_at, 5060))
    got = message(sock.recv(65536))
    assert got.status == 200 and ";received" not in got.get("via")
    sock.sendto(request("OPTIONS", SERVED, via="SIP/2.0/UDP [fd99::77]:5060;rport;branch=z9hG4bKv6"),
                (gateway_at, 5060))
    via = message(sock.recv(65536)).get("via")
    assert ";received=fd99::5" in via and ";rport=5060" in via
    p = start(support.Partner(rig, at=OTHER))
    p.send_message(p.incoming(), to="alice@contoso.example")
    sent = message(sock.recv(65536))
    assert sent.get("max-forwards") == "70"
    sock.sendto(answer(sent), (gateway_at, 5060))
    with socket.create_connection((gateway_at, 5060), 20, ("fd99::5", 0)) as tcp:
        tcp.sendall(request("OPTIONS", SERVED, transport="TCP", sent_by="[fd99::5]"))
        assert tcp.recv(65536).startswith(b"SIP/2.0 200")
    sock.close()


def test_STOX_SIP_60_only_what_is_configured_in_via(alive, partner):
    p = partner()
    with Udp(RAW_UDP) as peer:
        p.send_message(p.incoming("raw.example"), to="bob@raw.example")
        sent = peer.asked()
        peer.send(answer(sent))
    assert re.match(r"SIP/2\.0/UDP %s(:5060)?;" % re.escape(dns.GATEWAY), sent.get("via"))
    assert p.address not in sent.raw.decode() and sent.get("contact") is None and sent.get("user-agent") is None


def test_STOX_SEC_17_no_request_aims_anything_at_its_contact(alive):
    """A Contact, Reply-To or Record-Route that names somebody else brings him nothing, whoever asks."""
    with Udp(RAW_UDP) as victim, Udp() as peer, Udp(support.STRANGER) as stranger:
        aim = tuple("%s: <sip:%s:5060>" % (name, RAW_UDP) for name in ("Contact", "Reply-To", "Refer-To"))
        for method in "SUBSCRIBE", "REFER", "PUBLISH", "REGISTER":
            data = request(method, SERVED, headers=aim + ("Event: presence", "Expires: 3600"))
            assert peer.status(data).status == (200 if method == "SUBSCRIBE" else 405), method  # its NOTIFY goes by the route
            stranger.send(data.replace(RAW.encode(), support.STRANGER.encode()))
        for _ in range(2):  # all that came before has been looked at, and what was put off to the end of a turn has left
            assert peer.status(options_with()).status == 200
        assert stranger.receive(0) is None and victim.receive(0) is None
