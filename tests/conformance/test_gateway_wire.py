"""Roles and routing, errors, and security on the wire (STOX-ARCH, STOX-ERR, STOX-SEC)."""
import contextlib
import json
import os
import re
import sqlite3
import stat
import time

import pytest

import support
from rig import dns
from rig.process import Failed
from rig.stoxd import Stoxd
from rig.xmlstream import STANZAS, header
from support import (ALICE, DOMAIN, GATEWAY_SIP, OTHER, RAW, RAW_UDP, STRANGER, Tcp, Udp, error_of, expect_stanza,
                     expect_stream_error, message, request)
from test_im_wire import answer, listen, nothing_more, take, talk  # noqa: F401

@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    support.begin_names()
    return start_for_module(Stoxd(rig, **support.settings(gateway=support.PATIENT)))


CRLF = "&#13;&#10;Route: &lt;sip:evil@example.net&gt;&#13;&#10;"


# ---- roles, routing ----


def test_STOX_ARCH_03_a_sip_side_that_has_udp_only(alive, talk):
    p, wire = talk("raw.example")
    with Udp(RAW_UDP) as peer:
        p.send_message(wire, to="bob@raw.example", body="by UDP")
        sent = peer.asked()
        peer.send(answer(sent))
    assert sent.body == b"by UDP"


def test_STOX_ARCH_06_no_bridge_between_the_same_technologies(alive, partner):
    """SIP to SIP, a domain of ours or a stranger's; XMPP to XMPP: see STOX_SEC_23."""
    with Udp() as peer:
        for uri in "sip:bob@raw.example", "sip:alice@contoso.example", "sip:x@elsewhere.example":
            assert peer.status(request(uri=uri, body="x")).status in (403, 404), uri


def test_STOX_ARCH_07_only_listed_xmpp_domains(rig, alive, sip):
    """Authenticated by a good certificate, and not listed: no stanza is looked at."""
    mark = sip.mark()
    p = support.Partner(rig, "sm", "unlisted.example", "10.99.30.1")
    wire = p.connect()
    wire.send(header(p.domain, DOMAIN))
    expect_stream_error(wire, "policy-violation")
    wire = p.connect()  # named only inside TLS
    wire.open_stream("sm1.example", DOMAIN)
    wire.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").expect("<proceed")
    wire.start_tls(p.client(), hostname=DOMAIN)
    wire.send(header(p.domain, DOMAIN) + "<message from='a@unlisted.example' to='%s'><body>x</body></message>" % ALICE)
    assert "policy-violation" in wire.expect_end()
    support.nothing_came(sip, mark)


def test_STOX_ARCH_08_only_domains_of_the_source_as_originators(alive, partner):
    p = partner()
    with Udp() as peer:
        for sender in ("bob@raw.example", "x@" + p.domain, "x@elsewhere.example", "contoso.example",
                       "alice@evil.contoso.example"):
            got = peer.status(request(uri="sip:romeo@" + p.domain, body="x", sender="<sip:%s>;tag=1" % sender))
            assert got.status == 403, sender
    p.nobody_connects()


def test_STOX_ARCH_10_back_to_back(alive, listen, talk, sip):
    p, wire = listen()
    with Udp() as peer:
        data = request(uri="sip:romeo@" + p.domain, body="x", headers=[
            "Via: SIP/2.0/UDP inner.contoso.example;branch=z9hG4bKinner",
            "Record-Route: <sip:inner.contoso.example;lr>",
            "Contact: <sip:alice@192.0.2.7>"])
        peer.send(data)
        take(wire)
        assert peer.final(data).status == 200
    assert "inner" not in wire.text and "192.0.2.7" not in wire.text and RAW not in wire.text
    q, other = talk()
    q.send_message(other, body="new leg")
    got = sip.wait_message("new leg", 20).message
    assert len(got.all("via")) == 1 and got.get("record-route") is None and got.get("route") is None


def test_STOX_ARCH_11_order_each_way(alive, listen, talk, sip):
    p, wire = listen()
    bodies = ["order %d" % i for i in range(100)]
    txns = [sip.message("romeo@" + p.domain, b, target=GATEWAY_SIP, transport="tcp") for b in bodies]
    got = []
    for h in range(2, 102):
        got.append(support.body_of(expect_stanza(wire)))
        wire.send("<a xmlns='urn:xmpp:sm:3' h='%d'/>" % h)
    assert got == bodies
    assert all(t.wait() == 200 for t in txns)
    q, other = talk()
    mark = sip.mark()
    for b in bodies:
        q.send_message(other, body=b)
    sip.wait_message("order 99", 60, mark)
    assert sip.bodies()[mark:] == bodies


# ---- errors ----


@pytest.mark.parametrize("status", [180, 183, 200, 202, 204])
def test_STOX_ERR_04_no_error_from_1xx_2xx(alive, talk, status):
    p, wire = talk("raw.example")
    with Udp(RAW_UDP) as peer:
        p.send_message(wire, to="bob@raw.example", body="gets %d" % status)
        sent = peer.until(lambda m: not m.is_response and m.body == b"gets %d" % status)[-1]
        peer.send(answer(sent, "%d Whatever" % status))
        if status < 200:
            peer.send(answer(sent))
        support.options()  # the answers have been looked at
        p.was_told_nothing(wire, "raw.example")


def test_STOX_ERR_06_moved_and_gone(alive, talk):
    p, wire = talk("raw.example")
    back = None
    with Udp(RAW_UDP) as peer:
        for status, contact, text in (("301 Moved", "Contact: <sip:bob@elsewhere.example>", "elsewhere.example"),
                                      ("301 Moved", "", None), ("410 Gone", "Contact: <sip:bob@elsewhere.example>",
                                                                None)):
            body = "%s %s" % (status, text)
            p.send_message(wire, to="bob@raw.example", body=body)
            peer.send(answer(peer.until(lambda m: not m.is_response and m.text == body)[-1], status, contact))
            back = back or p.accept_sm()
            error = expect_stanza(back).find("{jabber:server}error")
            gone = error.find("{%s}gone" % STANZAS)
            assert gone is not None and error.get("type") == "cancel"
            assert (text in gone.text) if text else not gone.text


def test_STOX_ERR_07_503_and_service_unavailable_do_not_meet(alive, talk, sip):
    sip.answer = (503, "Service Unavailable", ("Retry-After: 0",))  # or the office would be left alone after this
    p, wire = talk()
    p.send_message(wire)
    assert error_of(expect_stanza(p.accept_sm()))[:2] == ("internal-server-error", "wait")


def test_STOX_ERR_10_no_408(alive, listen, sip):
    from test_im_wire import bounce
    p, wire = listen()
    txn = sip.message("romeo@" + p.domain, "x", target=GATEWAY_SIP)
    bounce(p, expect_stanza(wire), "remote-server-timeout")
    assert txn.wait() in (504, 480, 404)


def test_STOX_ERR_11_text_cannot_break_the_status_line(alive, listen, sip):
    p, wire = listen()
    txn = sip.message("romeo@" + p.domain, "x", target=GATEWAY_SIP)
    stanza = expect_stanza(wire)
    p.incoming().send(
        "<message from='%s' to='%s' id='%s' type='error'><error type='auth'><forbidden xmlns='%s'/>"
        "<text xmlns='%s'>no%s"
        "</text></error></message>" % (stanza.get("to"), stanza.get("from"), stanza.get("id"), STANZAS, STANZAS,
                                       CRLF + "y" * 5000))
    assert txn.wait() in (403, 603) and txn.response.get("route") is None and len(txn.reason) < 300


def test_STOX_ERR_12_form_of_error_stanzas(alive, talk, sip):
    types = {"auth", "cancel", "continue", "modify", "wait"}
    sip.answer = lambda got: int(got.body)
    p, wire = talk()
    back = None
    for status in 302, 404, 480, 500, 603, 499, 699:
        p.send_message(wire, body=str(status), stanza_id="e%d" % status)
        back = back or p.accept_sm()
        text = back.expect(r"<message\b.*?</message>").group()
        error = support.parse(text)
        assert error.get("type") == "error" and error.get("id") == "e%d" % status
        assert error.get("from") == ALICE and error.get("to") == "romeo@%s/orchard" % p.domain
        assert error_of(error)[1] in types
        assert len([c for c in error[0] if c.tag.startswith("{%s}" % STANZAS) and not c.tag.endswith("}text")]) == 1


def test_STOX_ERR_13_errors_are_not_answered(alive, talk, sip):
    p, wire = talk()
    mark = sip.mark()
    error = "<error type='cancel'><item-not-found xmlns='%s'/></error>" % STANZAS
    p.send_message(wire, body=None, mtype="error", extra=error)
    p.send_message(wire, to="&quot;a&quot;@" + DOMAIN, body=None, mtype="error", extra=error)
    for kind in "result", "error":
        wire.send("<iq from='%s' to='%s' id='i' type='%s'>%s</iq>" % (p.domain, ALICE, kind,
                                                                      error if kind == "error" else ""))
    wire.send("<presence from='romeo@%s' to='%s' type='error'>%s</presence>" % (p.domain, ALICE, error))
    nothing_more(p, wire, sip, mark)


def test_STOX_ERR_14_each_iq_has_one_answer(alive, talk):
    p, wire = talk()
    back, n = None, 0
    for namespace in ("jabber:iq:version", "jabber:iq:last", "vcard-temp", "urn:xmpp:time", "jabber:iq:roster",
                      "urn:made-up",
                      "http://jabber.org/protocol/pubsub", "urn:xmpp:ping"):
        for kind in "get", "set":
            for to in DOMAIN, ALICE, ALICE + "/x":
                n += 1
                wire.send("<iq from='romeo@%s/o' to='%s' id='iq%d' type='%s'><query xmlns='%s'/></iq>" % (
                    p.domain, to, n, kind, namespace))
    back = p.accept_sm()
    got = [expect_stanza(back, "iq") for _ in range(n)]
    assert [g.get("id") for g in got] == ["iq%d" % i for i in range(1, n + 1)]
    assert {g.get("type") for g in got} <= {"result", "error"}
    wire.send("<iq from='romeo@%s/o' to='%s' id='p' type='get'><ping xmlns='urn:xmpp:ping'/></iq>" % (p.domain, DOMAIN))
    assert expect_stanza(back, "iq").get("type") == "result"


def test_STOX_ERR_17_oversize_is_not_echoed(alive, talk):
    p, wire = talk("raw.example")
    p.send_message(wire, to="bob@raw.example", body="oversize" * 1000, stanza_id="big")
    back = p.accept_sm()
    assert expect_stanza(back).get("id") == "big"
    assert b"oversizeoversize" not in back.all


def test_STOX_ERR_18_who_generated_it(alive, talk, sip):
    p, wire = talk()
    p.send_message(wire, mtype="groupchat")
    back = p.accept_sm()
    assert error_of(expect_stanza(back))[2] == DOMAIN
    sip.answer = 404
    p.send_message(wire)
    assert error_of(expect_stanza(back))[2] is None


def test_STOX_ERR_19_unknown_and_offline_look_alike(alive, talk, sip):
    """What the gateway says of itself does not depend on the user: nothing here is answered before SIP was asked."""
    sip.answer = 480
    p, wire = talk()
    back, seen = None, set()
    for user in "alice", "nobody-at-all":
        p.send_message(wire, to="%s@%s" % (user, DOMAIN), stanza_id="same")
        back = back or p.accept_sm()
        seen.add(back.expect(r"<message\b.*?</message>").group().replace(user, "USER"))
    assert len(seen) == 1


# ---- security ----


def test_STOX_SEC_02_sips_is_not_carried(alive, partner):
    p = partner()
    with Udp() as peer:
        assert peer.status(request(uri="sips:romeo@" + p.domain, body="x")).status in (403, 480, 416)
    p.nobody_connects()


def test_STOX_SEC_03_never_sips_on_our_own(alive, talk, sip):
    p, wire = talk()
    p.send_message(wire, body="scheme")
    assert "sips:" not in str(sip.wait_message("scheme", 20).message)


def test_STOX_SEC_08_spoofed_from(alive, partner):
    p = partner()
    with Udp() as peer:
        got = peer.status(request(uri="sip:romeo@" + p.domain, body="x", sender="<sip:romeo@fabrikam.example>;tag=1",
                                  headers=["P-Asserted-Identity: <sip:alice@contoso.example>"]))
        assert got.status == 403
    p.nobody_connects()


def test_STOX_SEC_09_strangers(alive, partner):
    """Addresses that no route lists: nothing on UDP, 403 and close on TCP; and nothing to XMPP."""
    p = partner()
    with Udp(STRANGER) as peer:
        for data in request(uri="sip:romeo@" + p.domain, body="x"), request("OPTIONS",
                                                                            "sip:" + dns.GATEWAY), b"garbage\r\n\r\n":
            peer.send(data)
        support.no_answer(peer)
    with Tcp(STRANGER) as peer:
        peer.send(request(uri="sip:romeo@" + p.domain, body="x", transport="TCP"))
        assert [m.status for m in peer.drain()] == [403]
    p.nobody_connects()


def test_STOX_SEC_11_bodies_are_not_logged(alive, listen, talk, sip):
    (p, wire), at = listen(), alive.mark()
    txn = sip.message("romeo@" + p.domain, "secret-from-sip", target=GATEWAY_SIP)
    take(wire)
    assert txn.wait() == 200
    q, other = talk()
    q.send_message(other, body="secret-from-xmpp", extra="<subject>secret-subject</subject>")
    sip.wait_message("secret-from-xmpp", 20)
    alive.wait_event("message-answered", since=at, direction="xmpp-to-sip")
    log = "\n".join(alive.process.out.all)
    assert "secret-from" not in log and "secret-subject" not in log


def test_STOX_SEC_12_xml_input(alive, partner):
    bombs = ("<!DOCTYPE b [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]><stream:stream>",
             "<!DOCTYPE x SYSTEM 'http://10.99.0.1/evil.dtd'><stream:stream>",
             "<?xml version='1.0' encoding='ISO-8859-1'?><stream:stream>", "<?xml version='1.0'?>".encode("utf-16"),
             "\ufeff<?xml version='1.0'?>".encode("utf-16-le"), b"\x00\x3c\x00\x3f")
    p = partner()

    def cost(bomb):
        wire = p.connect()
        cpu = alive.cpu_seconds()
        wire.send(bomb)
        text = wire.expect_end()
        assert "stream:error" in text, bomb
        return [alive.cpu_seconds() - cpu]

    for bomb in bombs:
        support.undisturbed(lambda: cost(bomb), lambda cpu: cpu < 0.1)


@pytest.mark.parametrize("where", ["subject", "thread", "id", "lang", "resource"])
def test_STOX_SEC_13_no_header_injection_toward_sip(alive, talk, sip, where):
    (p, wire), mark = talk(), sip.mark()
    text = "a" + CRLF + "b"
    p.send_message(wire, body="inject " + where, stanza_id=text if where == "id" else "x",
                   attrs=" xml:lang='%s'" % text if where == "lang" else "",
                   extra="<%s>%s</%s>" % (where, text, where) if where in ("subject", "thread") else "",
                   sender="romeo@%s/%s" % (p.domain, text if where == "resource" else "r"))
    if where == "resource":  # no such address: an error, or dropped; never a request
        nothing_more(p, wire, sip, mark)
        return
    got = sip.wait_message("inject " + where).message
    assert not got.all("route") and "evil@example.net" not in got.get("from")
    names = [n for n, _ in got.headers]
    assert len(names) == len(set(names)), names


def test_STOX_SEC_13_no_injection_toward_xmpp(alive, listen):
    p, wire = listen()
    with Udp() as peer:
        data = request(uri="sip:romeo@" + p.domain, body="</body></message><iq type='set'/>", headers=[
            "Subject: </subject><iq type='set'/>", "X-Thing: </message>"], call_id="a<b>'\"@x")
        peer.send(data)
        stanza = take(wire)
        assert peer.final(data).status == 200
    assert "<iq" not in wire.text and support.body_of(stanza) == "</body></message><iq type='set'/>"
    assert stanza.find("{jabber:server}subject").text == "</subject><iq type='set'/>"


def test_STOX_SEC_16_strangers_cause_no_traffic(alive, partner):
    """Not one packet for a datagram from an unlisted source, to it or to anybody."""
    p = partner()
    with Udp(STRANGER) as peer:
        for _ in range(50):
            peer.send(request(uri="sip:romeo@" + p.domain, body="x"))
        support.no_answer(peer)
    p.nobody_connects()


def test_STOX_SEC_19_our_own_via_is_a_loop(alive):
    with Udp() as peer:
        got = peer.status(request("OPTIONS", "sip:x@sm1.example",
                                  headers=["Via: SIP/2.0/UDP %s;branch=z9hG4bKl" % dns.GATEWAY]))
    assert got.status == 482


def test_STOX_SEC_20_the_same_message_again_and_again(rig, start, sip):
    """Two gateways in a ring: it dies out."""
    ring = support.Ring(rig, start)
    txn = sip.message("romeo@ring.example", "ring", target=(ring.A, 5060))
    assert txn.wait() >= 400
    support.request_dies_out(ring)


SHIM = "<headers xmlns='http://jabber.org/protocol/shim'><header name='Max-Forwards'>%s</header></headers>"


def test_STOX_SEC_20_the_hop_counter_crosses_both_ways(alive, partner, sip):
    """What changes its id, its text or its sender on each lap ends all the same."""
    p = partner()
    mark = sip.mark()
    with Udp() as peer:
        data = request(uri="sip:romeo@" + p.domain, body="hops").replace(b"Max-Forwards: 70", b"Max-Forwards: 5")
        peer.send(data)
        wire = p.accept_sm()
        counter = support.expect_stanza(wire).find("{http://jabber.org/protocol/shim}headers")[0]
        support.acknowledge(wire, 1)
        assert peer.final(data).status == 200
    assert (counter.get("name"), counter.text) == ("Max-Forwards", "4")
    back = p.incoming()
    for i, (said, sent) in enumerate((("4", "4"), ("1", "1"), (None, "70"), ("100", "70"), ("x", "70"))):
        p.send_message(back, body="hop %d" % i, stanza_id="h%d" % i, extra=SHIM % said if said else "")
        assert sip.wait_message("hop %d" % i, 20, mark).message.get("max-forwards") == sent
    p.send_message(back, body="one too many", stanza_id="last", extra=SHIM % "0")
    assert support.error_of(support.expect_stanza(wire))[0] == "not-acceptable"
    support.heard(sip)
    assert "one too many" not in sip.bodies()[mark:]


def _secrets_of(gateway):
    """What its ids derive from, and what its dialback keys do."""
    folder = gateway.settings["state_dir"]
    with open(os.path.join(folder, "secret"), "rb") as f:
        yield f.read().hex()
    store = sqlite3.connect("file:%s/stox.db?mode=ro" % folder, uri=True)
    for body, in store.execute("SELECT body FROM objects WHERE kind = 'gateway'"):
        yield json.loads(body)["dialback-passphrase"]
    store.close()


def test_STOX_SEC_22_secrets(rig, alive, stoxd):
    """Only the service's user reads what the state directory holds; random at the first start, and never shown."""
    folder = alive.settings["state_dir"]
    modes = {}
    for at, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # the store's own, for a moment
                modes[name] = stat.S_IMODE(os.stat(os.path.join(at, name)).st_mode)
    assert {"secret", "stox.db"} <= set(modes) and not any(mode & 0o077 for mode in modes.values()), modes
    other = stoxd(**support.settings(OTHER, name="stoxd-secret"))
    secrets = {secret for gateway in (alive, other) for secret in _secrets_of(gateway)}
    assert len(secrets) == 4
    for gateway in alive, other:
        shown = gateway.ctl("gateway", "show", "--json") + gateway.ctl("config", "export") + "".join(
            e.line for e in gateway.events())
        assert not any(secret in shown for secret in secrets)


def test_STOX_SEC_23_no_open_relay(alive, partner):
    a, b = partner(), partner()
    wire = a.incoming()
    a.send_message(wire, to="juliet@" + b.domain)
    expect_stream_error(wire, "host-unknown")
    b.nobody_connects()


def test_STOX_SEC_26_signed_and_enveloped(alive, listen):
    p, wire = listen()
    parts = ("--b\r\nContent-Type: text/plain\r\n\r\nsigned text\r\n--b\r\n"
             "Content-Type: application/pkcs7-signature\r\n"
             "\r\nx\r\n--b--\r\n")
    with Udp() as peer:
        data = request(uri="sip:romeo@" + p.domain, body=parts,
                       content_type="multipart/signed; boundary=b; protocol=\"application/pkcs7-signature\"")
        peer.send(data)
        assert support.body_of(take(wire)) == "signed text"
        assert peer.final(data).status == 200
        got = peer.status(request(uri="sip:romeo@" + p.domain, body="x", content_type="application/pkcs7-mime"))
        assert got.status in (493, 415)


def test_STOX_SEC_27_html_is_inert(alive, listen):
    p, wire = listen()
    with Udp() as peer:
        data = request(uri="sip:romeo@" + p.domain, content_type="text/html",
                       body="<html><script>alert(1)</script><style>p{}</style><p onclick='x()'>Hello <b>you</b></p></html>")
        peer.send(data)
        stanza = take(wire)
        assert peer.final(data).status == 200
    assert re.sub(r"\s+", " ", support.body_of(stanza)).strip() == "Hello you"
    assert "script" not in wire.text and "onclick" not in wire.text and "alert" not in wire.text


def test_STOX_SEC_29_what_does_not_cross(alive, listen):
    p, wire = listen()
    with Udp() as peer:
        data = request(uri="sip:romeo@" + p.domain, body="x", headers=[
            "P-Asserted-Identity: <sip:private@contoso.example>", "User-Agent: SecretPhone/1.0",
            "Call-Info: <http://192.0.2.50/photo>", "Geolocation: <cid:here>", "Contact: <sip:alice@192.0.2.51>"])
        peer.send(data)
        take(wire)
        assert peer.final(data).status == 200
    for private in "private@", "SecretPhone", "192.0.2.5", "cid:here", RAW:
        assert private not in wire.text


def listening(pid):
    """Addresses that sockets of this process listen on, TCP of both families, as /proc writes them."""
    mine = set()
    for fd in os.listdir("/proc/%d/fd" % pid):
        with contextlib.suppress(OSError):
            mine.add(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
    found = set()
    for table in "tcp", "tcp6":
        with open("/proc/%d/net/%s" % (pid, table)) as f:
            rows = [line.split() for line in f.readlines()[1:]]
        found |= {r[1] for r in rows if r[3] == "0A" and "socket:[%s]" % r[9] in mine}
    return found


def test_STOX_SEC_24_administration_is_nowhere_on_the_network_by_default(rig, stoxd, start):
    """Without a setting: SIP and XMPP listen, and a unix socket that others cannot open."""
    one = stoxd(name="stoxd-other", **support.settings(support.OTHER))
    ports = {int(at.rpartition(":")[2], 16) for at in listening(one.process.pid)}
    assert ports == {5060, 5269}
    status, _, said = one.ctl("status", ok=False)
    assert status == 0, said
    state = one.settings["state_dir"]
    assert stat.S_IMODE(os.stat(state + "/admin.sock").st_mode) & 0o007 == 0 or \
        stat.S_IMODE(os.stat(state).st_mode) & 0o077 == 0


def test_STOX_SEC_24_elsewhere_than_on_loopback_only_with_a_certificate(rig):
    one = Stoxd(rig, name="stoxd-open", empty=True, **dict(support.settings(support.OTHER),
                                                           listen_admin=[support.OTHER + ":8443"]))
    with pytest.raises(Failed):
        one.start()
    one.process.wait_line("an address of loopback")


def test_STOX_IQ_20_a_block_counts_for_the_next_message(rig, stoxd, sip, start):
    one = stoxd(name="stoxd-other", **support.settings(support.OTHER, gateway=support.PATIENT))
    p = start(support.Partner(rig, at=support.OTHER))
    wire = p.incoming()

    def arrives(text, sender="romeo"):
        mark = sip.mark()
        p.send_message(wire, body=text, stanza_id=text, sender="%s@%s/o" % (sender, p.domain))
        sip.wait_message(text, 20, mark)

    arrives("before")
    one.ctl("block", "add", "romeo@" + p.domain)
    at, mark = one.mark(), sip.mark()
    p.send_message(wire, body="blocked", stanza_id="b1")
    back = p.accept_sm()
    error = expect_stanza(back)
    assert error.get("type") == "error" and error.get("id") == "b1" and support.error_of(error)[:2] == (
        "policy-violation", "modify")
    assert "the partner's user is on the block list" == one.wait_event("message-refused", since=at)["why"]
    support.acknowledge(back, 1)
    txn = sip.message("romeo@" + p.domain, "blocked too", target=(support.OTHER, 5060))
    assert txn.wait() == 403
    arrives("nurse passes", "nurse")  # on the same stream
    assert "blocked" not in sip.bodies()[mark:]
    one.ctl("block", "remove", "romeo@" + p.domain, "--force")
    arrives("after")
