"""
XMPP server-to-server streams on the wire (STOX-S2S), up to SASL, against scripted partners whose every byte the test
decides. Not here: DANE (test_certs_wire.py), direct TLS and see-other-host (test_servers_wire.py), both directions on one
stream (test_s2s_bidi.c), components (test_component.c), and POSH, which this release does not have.
"""
import base64
import contextlib
import os
import re
import ssl
import subprocess
import threading
import time

import pytest

import support
from rig import dns, scripted, xmlstream
from rig.process import Failed
from rig.stoxd import Stoxd
from rig.xmlstream import DIALBACK, SASL, SM, TLS, header
from support import (ALICE, DIALBACK_FEATURE, DOMAIN, EXTERNAL, GATEWAY_SIP, OTHER, SM_FEATURE,
                     STARTTLS_REQUIRED, expect_stanza, expect_stream_error)

FEATURES = r"<stream:features\s*/>|<stream:features\b.*?</stream:features>"


def sent_to(sip, p, body="hello", user="romeo"):
    return sip.message("%s@%s" % (user, p.domain), body, target=GATEWAY_SIP)


def raw_header(**attributes):
    """A stream header with these attributes only; _ for : in names."""
    return "<stream:stream %s>" % " ".join("%s='%s'" % (k.replace("_", ":"), v) for k, v in attributes.items())


def plain(p, **changes):
    given = {"xmlns": "jabber:server", "xmlns_stream": xmlstream.STREAM, "xmlns_db": DIALBACK, "from": p.domain,
             "to": DOMAIN, "version": "1.0"}
    given.update(changes)
    return raw_header(**{k: v for k, v in given.items() if v is not None})


def response_header(wire):
    return dict(re.findall(r"([\w:]+)=['\"]([^'\"]*)['\"]", wire.expect(r"<stream:stream\b[^>]*>").group()))


# ---- finding and connecting ----


FINDER = "10.99.0.12"


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    support.begin_names()
    return start_for_module(Stoxd(rig, **support.settings(gateway=support.PATIENT)))


@pytest.fixture(scope="module")
def finder(rig, start_for_module):
    """A gateway whose partners are found by DNS."""
    names = ["falling-back", "srv-dot", "nosrv", "refused", "nothing", "scripted", "no-target"]
    return start_for_module(Stoxd(rig, name="stoxd-finder", **support.settings(
        FINDER, sip_domains={DOMAIN: {"route": "office"}}, gateway={"hold_time": 28},
        partners={n + ".example": {"type": "federated", "dialback": False} for n in names})))


@pytest.fixture
def at_scripted(rig, start):
    def domain(name):
        return start(support.Partner(rig, "sm", name, dns.SCRIPTED, at=FINDER))
    return domain


@pytest.fixture(scope="module", autouse=True)
def _begin_what_takes_long(request):
    """Its wait begins with the module."""
    if any("falling_back" in item.fixturenames for item in request.session.items if item.module is request.module):
        request.getfixturevalue("falling_back")


@pytest.fixture(scope="module")
def falling_back(rig, finder, office):
    """A message for a domain whose first server refuses and whose second is silent for 10 s; begun with the module."""
    owner = "set _xmpp-server._tcp.falling-back SRV %d 0 5269 %s.example."
    rig.dns.change("example", "set third-host A 10.99.0.43",
                   *(owner % (i, host) for i, host in enumerate(("refused-host", "silent-host", "third-host"))))
    p = support.Partner(rig, "sm", "falling-back.example", "10.99.0.43", at=FINDER).start()
    done = []

    def third():
        wire = p.accept_sm(timeout=40)
        done.append(support.body_of(expect_stanza(wire)))
        support.acknowledge(wire, 1)
    thread = threading.Thread(target=third)
    txn = office.message("romeo@falling-back.example", "by the third", target=(FINDER, 5060))
    thread.start()
    yield thread, done, txn
    thread.join(40)
    p.stop()


@pytest.mark.last
def test_STOX_S2S_01_all_targets_in_order(falling_back):
    thread, done, txn = falling_back
    thread.join(40)
    assert done == ["by the third"] and txn.wait() == 200


def test_STOX_S2S_02_srv_dot_is_no_service(finder, sip):
    txn = sip.message("romeo@srv-dot.example", "x", target=(FINDER, 5060))
    assert txn.wait() == 404


def test_STOX_S2S_03_fallback_to_addresses_only_without_srv(finder, at_scripted, sip):
    p = at_scripted("nosrv.example")
    txn = sip.message("romeo@nosrv.example", "x", target=(FINDER, 5060))
    wire = p.accept_sm()
    expect_stanza(wire)
    support.acknowledge(wire, 1)
    assert txn.wait() == 200
    assert sip.message("romeo@refused.example", "x", target=(FINDER, 5060)).wait() == 504


def test_STOX_S2S_07_stalled_negotiation(rig, stoxd, start, sip):
    """504 at the hold time, here 4 s; the stream is given up at stream-establishment-timeout, here 5 s."""
    stoxd(name="stoxd-stalled", **support.settings(OTHER))

    def times():
        p, began = start(support.Partner(rig, at=OTHER)), time.monotonic()
        txn = sip.message("romeo@" + p.domain, "hello", target=(OTHER, 5060))
        wire = p.accept()
        wire.expect(r"<stream:stream")
        assert txn.wait() == 504
        answered = time.monotonic() - began
        wire.expect_end()
        return answered, time.monotonic() - began

    support.undisturbed(times, lambda answered, ended: answered < 4.5 and answered < ended < 8.5)


def test_STOX_S2S_08_undeliverable(finder, sip):
    """No such name: remote-server-not-found, 404. Nobody listens: remote-server-timeout, 504."""
    for domain, status in ("nothing", 404), ("refused", 504):
        assert sip.message("romeo@%s.example" % domain, "x", target=(FINDER, 5060)).wait() == status, domain
    assert sip.message("romeo@no-target.example", "x", target=(FINDER, 5060)).wait() in (404, 504)


# ---- headers ----


def test_STOX_S2S_10_our_header(alive, partner, sip):
    p = partner()
    sent_to(sip, p)
    wire = p.accept()
    text = wire.expect(r"^(<\?xml[^>]*\?>)?\s*<stream:stream\b[^>]*>").group()
    got = dict(re.findall(r"([\w:]+)=['\"]([^'\"]*)['\"]", text.partition("<stream:stream")[2]))
    assert (got["to"], got["from"], got["version"]) == (p.domain, DOMAIN, "1.0")
    assert got["xmlns"] == "jabber:server" and got["xmlns:stream"] == xmlstream.STREAM
    assert got.get("xml:lang") and "id" not in got and "standalone" not in text
    q = partner("dialback")
    sent_to(sip, q)
    assert "xmlns:db='%s'" % DIALBACK in q.accept().expect(r"<stream:stream\b[^>]*>").group().replace('"', "'")


def test_STOX_S2S_11_response_header(alive, partner):
    p, ids = partner(), set()
    for _ in range(20):
        wire = p.connect()
        wire.send(header(p.domain, DOMAIN))
        got = response_header(wire)
        assert (got["from"], got["to"], got["version"]) == (DOMAIN, p.domain, "1.0") and got.get("xml:lang")
        ids.add(got["id"])
        wire.close()
    assert len(ids) == 20 and all(len(i) >= 22 for i in ids)  # 128 bits in at most 6 bits each


def test_STOX_S2S_11_new_ids_after_a_restart(rig, stoxd, start):
    p, ids = start(support.Partner(rig, at=OTHER)), []
    for name in "one", "two":
        gateway = stoxd(**support.settings(OTHER, name="stoxd-" + name))
        wire = p.connect()
        wire.send(header(p.domain, DOMAIN))
        ids.append(response_header(wire)["id"])
        wire.close()
        rig.down(gateway)
    assert ids[0] != ids[1]


def test_STOX_S2S_12_id_in_an_initial_header_is_ignored(alive, partner):
    p = partner()
    wire = p.connect()
    wire.send(plain(p, id="mine"))
    assert response_header(wire)["id"] != "mine"
    wire.expect(FEATURES)


@pytest.mark.parametrize("changes, condition", [
    ({"xmlns_stream": "http://example.com/streams"}, "invalid-namespace"),
    ({"xmlns": "jabber:client"}, "invalid-namespace"),
    ({"xmlns": "urn:nothing"}, "invalid-namespace")])
def test_STOX_S2S_13_namespaces(alive, partner, changes, condition):
    p = partner()
    wire = p.connect()
    wire.send(plain(p, **changes))
    response_header(wire)
    expect_stream_error(wire, condition)


def test_STOX_S2S_13_foreign_prefix(alive, partner):
    p = partner()
    wire = p.connect()
    wire.send(plain(p).replace("stream:stream", "foo:stream").replace("xmlns:stream", "xmlns:foo"))
    response_header(wire)
    expect_stream_error(wire, "bad-namespace-prefix")


def test_STOX_S2S_14_no_version(alive, partner):
    p = partner()
    wire = p.connect()
    wire.send(plain(p, version=None))
    response_header(wire)
    expect_stream_error(wire, "unsupported-version")


@pytest.mark.parametrize("version, good", [("1.10", True), ("01.0", True), ("2.0", True), ("1.00", True),
                                           ("0.9", False), ("0.10", False), ("x", False), ("", False)])
def test_STOX_S2S_15_version_is_a_number(alive, partner, version, good):
    p = partner()
    wire = p.connect()
    wire.send(plain(p, version=version))
    assert response_header(wire)["version"] == "1.0"
    if good:
        wire.expect(FEATURES)
    else:
        expect_stream_error(wire, "unsupported-version")


def test_STOX_S2S_16_unknown_host(alive, partner):
    p = partner()
    for to in "unknown.example", "not_a_domain.", p.domain:
        wire = p.connect()
        wire.send(plain(p, to=to))
        assert "id" in response_header(wire)
        expect_stream_error(wire, "host-unknown")


def test_STOX_S2S_17_missing_names_in_the_header(alive, partner, sip):
    """Without from, and without to before TLS: dialback may still prove it, when the peer names itself."""
    p = partner("dialback")
    wire = p.connect()
    wire.send(plain(p, **{"from": None}))
    response_header(wire)
    wire.expect(FEATURES)
    wire.send("<starttls xmlns='%s'/>" % TLS).expect("<proceed")
    wire.start_tls(p.client(), hostname=DOMAIN)
    wire.send(plain(p, **{"from": None}))
    wire.expect(FEATURES)
    wire.send("<db:result from='%s' to='%s'>key</db:result>" % (p.domain, DOMAIN))
    from test_s2s_pairs_wire import answer_verify
    answer_verify(p)
    wire.expect(r"<db:result\b[^>]*type=['\"]valid['\"]")
    p.send_message(wire, body="named itself late")
    sip.wait_message("named itself late", 20)


# ---- features and order ----


def test_STOX_S2S_20_features_after_each_header(alive, partner):
    p = partner()
    wire = p.secured()
    assert "EXTERNAL" in wire.open_stream(p.domain, DOMAIN)
    q = partner()
    q.incoming()  # features come after TLS and after SASL: open_stream reads them each time


def test_STOX_S2S_21_only_starttls_before_tls(alive, partner):
    for kind in "sm", "either", "dialback":
        p = partner(kind)
        features = p.connect().open_stream(p.domain, DOMAIN)
        inner = re.sub(r"</?stream:features[^>]*>", "", features)
        assert re.fullmatch(r"<starttls xmlns=['\"]%s['\"]>\s*<required\s*/>\s*</starttls>" % TLS, inner), features


def test_STOX_S2S_22_no_starttls_after_tls(alive, partner):
    p = partner()
    wire = p.secured()
    assert "starttls" not in wire.open_stream(p.domain, DOMAIN)
    wire.send("<starttls xmlns='%s'/>" % TLS)
    wire.expect(r"<failure xmlns=['\"]%s['\"]\s*/>" % TLS)
    wire.expect_end()
    assert "starttls" not in partner().incoming().features


def test_STOX_S2S_23_features_after_tls(alive, partner):
    """EXTERNAL by certificate, dialback by setting, stream management after authentication. Bidi is off unless it is set."""
    for kind, cert, external, dialback in (("sm", True, True, False), ("either", True, True, True),
                                           ("either", False, False, True), ("dialback", True, False, True)):
        p = partner(kind)
        features = p.secured(cert=cert).open_stream(p.domain, DOMAIN)
        assert ("<mechanism>EXTERNAL</mechanism>" in features) == external, (kind, features)
        plainly = features.replace("'", "").replace('"', "")
        assert (DIALBACK_FEATURE.replace("'", "") in plainly) == dialback, (kind, features)
        assert "urn:xmpp:sm:3" not in features and "bidi" not in features
    features = partner().incoming().features
    assert "urn:xmpp:sm:3" in features and "mechanism" not in features


@pytest.mark.parametrize("features", ["", "<x xmlns='urn:voluntary'/>", "<x xmlns='urn:voluntary'><optional/></x>"])
def test_STOX_S2S_24_empty_features_end_the_negotiation(alive, partner, sip, features):
    p = partner()
    sent_to(sip, p)
    wire = p.accept_authenticated(features)
    assert support.body_of(expect_stanza(wire)) == "hello"


def test_STOX_S2S_87_too_long_for_the_partner_is_told_to_the_sender(alive, partner, sip):
    p = partner()
    first, second = sent_to(sip, p, "short"), sent_to(sip, p, "L" * 12000)
    wire = p.accept_sm(more="<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes></limits>")
    assert support.body_of(expect_stanza(wire)) == "short"
    assert second.wait() == 413
    assert sent_to(sip, p, "L" * 12000).wait() == 413
    support.acknowledge(wire, 1)
    assert first.wait() == 200
    assert b"LLLL" not in wire.all


def test_STOX_S2S_25_stanza_before_authentication(alive, partner, sip):
    mark = sip.mark()
    p = partner()
    for wire in p.connect(), p.secured():
        wire.send(header(p.domain, DOMAIN))
        wire.expect(FEATURES)
        p.send_message(wire, body="too early")
        expect_stream_error(wire, "not-authorized")
    q = partner()
    wire = q.connect()
    wire.send(header(q.domain,
                     DOMAIN) + "<message from='a@%s' to='%s'><body>too early</body></message>" % (q.domain, ALICE))
    expect_stream_error(wire, "not-authorized")
    support.nothing_came(sip, mark)


def test_STOX_S2S_26_stripped_starttls(alive, partner, sip):
    """Required by setting and not offered: asked for once; refused: closed, nothing in clear."""
    p = partner()
    txn = sent_to(sip, p)
    wire = p.accept()
    wire.accept_stream(p.domain, DIALBACK_FEATURE)
    wire.expect(r"<starttls\b[^>]*/>")
    wire.send("<failure xmlns='%s'/></stream:stream>" % TLS)
    assert "hello" not in wire.expect_end()
    assert txn.wait() == 504
    q = partner()
    sent_to(sip, q)
    wire = q.accept()  # features only: the offer was taken out, the server can
    wire.accept_stream(q.domain, "")
    wire.expect(r"<starttls\b[^>]*/>")
    wire.send("<proceed xmlns='%s'/>" % TLS)
    wire.start_tls(q.server(), server_side=True)
    wire.accept_authenticated(q.domain)
    expect_stanza(wire)


# ---- TLS ----


def start_tls_by_hand(p, context, **how):
    wire = p.connect()
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<starttls xmlns='%s'/>" % TLS).expect("<proceed")
    return wire.start_tls(context, hostname=DOMAIN, **how)


def test_STOX_S2S_30_versions_and_ciphers(alive, partner):
    p = partner()
    for version, good in ((ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True),
                          (ssl.TLSVersion.TLSv1, False), (ssl.TLSVersion.TLSv1_1, False)):
        context = p.client()
        with pytest.warns(DeprecationWarning) if not good else contextlib.nullcontext():
            context.minimum_version = context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")
        if good:
            assert start_tls_by_hand(p, context).sock.version() == version.name.replace("_", ".")
        else:
            with pytest.raises((ssl.SSLError, OSError)):
                start_tls_by_hand(p, context)
    assert start_tls_by_hand(p, p.client()).sock.version() == "TLSv1.3"
    for ciphers in "AES128-SHA", "NULL", "aNULL", "ECDHE-ECDSA-AES128-SHA":
        context = p.client()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.set_ciphers(ciphers + ":@SECLEVEL=0")
        except ssl.SSLError:
            continue  # not even here
        with pytest.raises((ssl.SSLError, OSError)):
            start_tls_by_hand(p, context)


def test_STOX_S2S_31_bytes_after_starttls_are_not_processed(alive, partner, sip):
    """Pipelined in clear with starttls: never looked at inside TLS. The mirror, after our proceed, too."""
    p = partner()
    mark = sip.mark()
    wire = p.connect()
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<starttls xmlns='%s'/><message from='romeo@%s' to='%s'><body>injected</body></message>" % (
        TLS, p.domain, ALICE))
    with contextlib.suppress(Failed, ssl.SSLError, OSError):
        wire.expect(r"<proceed[^>]*>")
        wire.start_tls(p.client(), hostname=DOMAIN)
        features = wire.authenticate(p.domain, DOMAIN)
        assert "sm" in features
    support.nothing_came(sip, mark)
    q = partner()
    txn = sent_to(sip, q)
    wire = q.accept()
    wire.accept_stream(q.domain, STARTTLS_REQUIRED)
    wire.expect(r"<starttls\b[^>]*/>")
    wire.send("<proceed xmlns='%s'/><stream:features>%s</stream:features>" % (TLS, DIALBACK_FEATURE))
    with contextlib.suppress(Failed, ssl.SSLError, OSError):
        wire.start_tls(q.server(), server_side=True)
        assert "db:result" not in wire.expect("<stream:stream[^>]*>").string
    assert not txn.done or txn.status == 504


def test_STOX_S2S_32_all_is_new_after_tls(alive, partner):
    """The header before TLS may have named somebody else; only the one inside counts. New id."""
    p, other = partner(), partner()
    wire = p.connect()
    wire.open_stream(other.domain, DOMAIN)
    before = wire.stream_id
    wire.send("<starttls xmlns='%s'/>" % TLS).expect("<proceed")
    wire.start_tls(p.client(), hostname=DOMAIN)
    wire.authenticate(p.domain, DOMAIN)
    assert wire.stream_id != before


def test_STOX_S2S_33_tls_failure_closes_without_stream_end(alive, partner):
    p = partner()
    wire = p.connect()
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<starttls xmlns='%s'/>" % TLS).expect("<proceed[^>]*>")
    wire.send("this is no TLS record, and will never be one")
    assert "</stream" not in wire.expect_end()


def test_STOX_S2S_34_certificate_of_the_domain_asked_for(alive, partner, sip):
    """By SNI or by to; the other's certificate is asked for; as client we send ours."""
    p = partner()
    for domain in DOMAIN, "raw.example", "stream.example":
        for sni in domain, None:
            wire = p.connect()
            wire.open_stream(p.domain, domain)
            wire.send("<starttls xmlns='%s'/>" % TLS).expect("<proceed")
            context = p.client()
            context.check_hostname = False
            wire.start_tls(context, hostname=sni)
            names = [v for k, v in wire.sock.getpeercert()["subjectAltName"]]
            assert names == [domain], (domain, sni, names)
    txn = sent_to(sip, p)
    wire = p.accept()
    wire.accept_secure(p.domain, p.server())
    assert ("DNS", DOMAIN) in wire.sock.getpeercert()["subjectAltName"]
    assert txn


CERTIFICATES = [  # name, of issue(), good
    ("dns", {"dns": ["{d}"]}, True),
    ("srv-id", {"dns": [], "srv": ["{d}"]}, True),
    ("xmpp-addr", {"dns": [], "xmpp": ["{d}"]}, True),
    ("wildcard", {"dns": ["*.{parent}"]}, True),
    ("wildcard-of-everything-under-a-suffix", {"dns": ["*.example"]}, False),
    ("second", {"dns": ["other.example", "{d}"]}, True),
    ("upper-case", {"dns": ["{D}"]}, True),
    ("common-name-only", {"dns": []}, False),
    ("other-name", {"dns": ["somebody-else.example"]}, False),
    ("partial-wildcard", {"dns": ["s*.{parent}"]}, False),
    ("bare-star", {"dns": ["*"]}, False),
    ("subdomain", {"dns": ["x.{d}"]}, False),
    ("suffix", {"dns": ["example"]}, False),
    ("wrong-srv", {"dns": [], "srv": ["x.{d}"]}, False),
    ("xmpp-addr-of-a-user", {"dns": [], "xmpp": ["romeo@{d}"]}, False),
    ("expired", {"days": (-30, -1)}, False),
    ("not-yet", {"days": (10, 30)}, False),
    ("self-signed", {"by": None}, False),
    ("unknown-ca", {"by": "unknown"}, False),
    ("code-signing", {"usage": "codeSigning"}, False),
]


@pytest.mark.parametrize("name, how, good", CERTIFICATES, ids=[c[0] for c in CERTIFICATES])
def test_STOX_S2S_35_certificates(rig, alive, partner, sip, name, how, good):
    """As server: EXTERNAL is offered or the stream ends. As client: authenticated or closed before any stanza."""
    p = partner("sub.deep" if "wildcard" in name else "sm")
    d = p.domain

    def fill(value):
        return [v.format(d=d, D=d.upper(),
                         parent=d.partition(".")[2]) for v in value] if isinstance(value, list) else value
    cert = rig.pki.issue("cert-" + name, **dict({"dns": [d]}, **{k: fill(v) for k, v in how.items()}))
    context = scripted.client_context(rig)
    context.load_cert_chain(cert.file, cert.key)
    wire = p.connect()
    wire.secure(d, DOMAIN, context)
    if good:
        wire.authenticate(d, DOMAIN)
    else:
        with contextlib.suppress(ssl.SSLError, OSError):
            wire.send(header(d, DOMAIN))
            text = wire.expect_end()
            assert "EXTERNAL" not in text and "policy-violation" in text or not text
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert.file, cert.key)
    txn = sent_to(sip, p)
    wire = p.accept()
    wire.accept_stream(d, STARTTLS_REQUIRED)
    wire.expect(r"<starttls\b[^>]*/>")
    wire.send("<proceed xmlns='%s'/>" % TLS)
    try:
        wire.start_tls(server, server_side=True)
        wire.accept_authenticated(d, SM_FEATURE)
        wire.expect(r"<enable\b[^>]*/>").string and wire.send("<enabled xmlns='%s'/>" % SM)
        expect_stanza(wire)
        reached = True
    except (Failed, ssl.SSLError, OSError):
        reached = False
    assert reached == good
    if good:
        support.acknowledge(wire, 1)
    assert txn.wait() == (200 if good else 504)


def test_STOX_S2S_36_reference_is_the_domain_not_the_srv_target(rig, finder, at_scripted, sip):
    p = at_scripted("scripted.example")
    cert = rig.pki.issue("target-only", ["scripted-host.example"])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert.file, cert.key)
    txn = sip.message("romeo@scripted.example", "x", target=(FINDER, 5060))
    wire = p.accept()
    wire.accept_stream(p.domain, STARTTLS_REQUIRED)
    wire.expect(r"<starttls\b[^>]*/>")
    wire.send("<proceed xmlns='%s'/>" % TLS)
    with pytest.raises((Failed, ssl.SSLError, OSError)):
        wire.start_tls(server, server_side=True)
        wire.accept_authenticated(p.domain)
    assert txn.wait() == 504


def test_STOX_S2S_39_no_renegotiation(alive):
    """TLS 1.2: the client asks anew. openssl s_client does, on a line "R"."""
    ours, its = os.pipe()
    with os.fdopen(ours) as said, os.fdopen(its, "w") as open_end:
        open_end.write("R\n")
        open_end.flush()  # and no end of the input: what it hears decides how it ends
        done = subprocess.run(["openssl", "s_client", "-connect", "%s:5269" % dns.GATEWAY, "-starttls", "xmpp-server",
                               "-xmpphost", DOMAIN, "-tls1_2", "-legacy_renegotiation"], stdin=said, capture_output=True,
                              text=True, timeout=60)
    assert "RENEGOTIATING" in done.stdout + done.stderr
    assert re.search(r"no renegotiation", done.stdout + done.stderr, re.I), done.stderr


def test_STOX_S2S_40_sni_is_sent(alive, partner, sip):
    p, seen = partner(), []
    context = p.server()
    context.sni_callback = lambda sock, name, ctx: seen.append(name)
    sent_to(sip, p)
    p.accept().accept_secure(p.domain, context)
    assert seen == [p.domain]


def test_STOX_S2S_41_no_compression(alive, partner, sip):
    p = partner()
    assert "compress" not in p.connect().open_stream(p.domain, DOMAIN)
    wire = p.incoming()
    assert "compress" not in wire.features and wire.sock.compression() is None
    wire.send("<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>")
    expect_stream_error(wire, "unsupported-stanza-type")
    sent_to(sip, p)
    wire = p.accept_authenticated("<compression xmlns='http://jabber.org/features/compress'><method>zlib</method>"
                                  "</compression>")
    assert "compress" not in expect_stanza(wire).attrib


# ---- SASL EXTERNAL ----


def b64(text):
    return base64.b64encode(text.encode()).decode()


def auth(wire, inner, mechanism="EXTERNAL"):
    wire.send("<auth xmlns='%s' mechanism='%s'>%s</auth>" % (SASL, mechanism, inner))


def failure(wire):
    return re.search(r"<([a-z-]+)\s*/>",
                     wire.expect(r"<failure xmlns=['\"]%s['\"]>.*?</failure>" % SASL).group()).group(1)


def test_STOX_S2S_50_external_only_with_a_certificate_of_from(alive, partner):
    p, other = partner("either"), partner("dialback")
    assert "EXTERNAL" in p.secured().open_stream(p.domain, DOMAIN)
    assert "EXTERNAL" not in p.secured(cert=False).open_stream(p.domain, DOMAIN)
    wire = other.secured()
    assert "EXTERNAL" not in wire.open_stream(other.domain, DOMAIN)


def test_STOX_S2S_51_both_forms_of_authorization_identity(alive, partner, sip):
    for inner in "=", "{own}":
        p = partner()
        wire = p.secured()
        wire.open_stream(p.domain, DOMAIN)
        auth(wire, inner.format(own=b64(p.domain)))
        wire.expect("<success")
        wire.open_stream(p.domain, DOMAIN)
    p = partner()  # no initial response at all: an empty challenge asks for it
    wire = p.secured()
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<auth xmlns='%s' mechanism='EXTERNAL'/>" % SASL)
    wire.expect("<challenge")
    wire.send("<response xmlns='%s'>%s</response>" % (SASL, b64(p.domain)))
    wire.expect("<success")
    q = partner("either")  # as initiator: the own domain; after failure, dialback by setting
    sent_to(sip, q)
    wire = q.accept()
    wire.accept_secure(q.domain, q.server())
    wire.accept_stream(q.domain, EXTERNAL + DIALBACK_FEATURE)
    assert base64.b64decode(wire.expect(r"<auth\b[^>]*>([^<]*)</auth>").group(1)).decode() == DOMAIN
    wire.send("<failure xmlns='%s'><not-authorized/></failure>" % SASL)
    wire.expect(r"<db:result\b")


@pytest.mark.parametrize("inner, mechanism, condition", [
    ("{other}", "EXTERNAL", "invalid-authzid"), ("{own}", "PLAIN", "invalid-mechanism"),
    ("{own}", "", "invalid-mechanism"),
    ("***", "EXTERNAL", "incorrect-encoding"), ("{user}", "EXTERNAL", "invalid-authzid"),
    ("{own}x", "EXTERNAL", "incorrect-encoding")])
def test_STOX_S2S_52_failures(alive, partner, inner, mechanism, condition):
    p = partner()
    wire = p.secured()
    wire.open_stream(p.domain, DOMAIN)
    auth(wire, inner.format(own=b64(p.domain + "pad"[:-len(p.domain) % 3]) if "x" in inner else b64(p.domain),
                            other=b64("recorder.example"), user=b64("romeo@" + p.domain)), mechanism)
    assert failure(wire) == condition
    auth(wire, b64(p.domain))  # a later try may be good
    wire.expect("<success")


def test_STOX_S2S_52_abort(alive, partner):
    p = partner()
    wire = p.secured()
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<auth xmlns='%s' mechanism='EXTERNAL'/>" % SASL)
    wire.expect("<challenge")
    wire.send("<abort xmlns='%s'/>" % SASL)
    assert failure(wire) == "aborted"


def test_STOX_S2S_53_authorization_identity_is_a_domain(alive, partner):
    p = partner()
    for bad in "romeo@" + p.domain, p.domain + "/x", "@" + p.domain:
        wire = p.secured()
        wire.open_stream(p.domain, DOMAIN)
        auth(wire, b64(bad))
        assert failure(wire) == "invalid-authzid", bad


def test_STOX_S2S_54_restart_after_success(alive, partner, sip):
    p = partner()
    wire = p.secured()
    wire.open_stream(p.domain, DOMAIN)
    before = wire.stream_id
    auth(wire, b64(p.domain))
    after = wire.expect("<success[^>]*>").string
    assert "</stream" not in after
    wire.open_stream(p.domain, DOMAIN)
    assert wire.stream_id != before
    sent_to(sip, p)
    wire = p.accept_authenticated()  # ours: a new header, no </stream:stream> before it
    assert b"</stream" not in wire.all


def test_STOX_S2S_55_new_header_names_the_authenticated_domain(alive, partner, sip):
    p, other = partner(), partner()
    mark = sip.mark()
    wire = p.secured()
    wire.open_stream(p.domain, DOMAIN)
    auth(wire, b64(p.domain))
    wire.expect("<success[^>]*>")
    wire.send(header(other.domain, DOMAIN))
    response_header(wire)
    expect_stream_error(wire, "invalid-from")
    support.nothing_came(sip, mark)


def test_STOX_S2S_56_few_tries(alive, partner):
    p = partner()
    wire = p.secured()
    wire.open_stream(p.domain, DOMAIN)
    tries = ["<auth xmlns='%s' mechanism='EXTERNAL'>%s</auth>" % (SASL, b64("recorder.example"))] * 6
    wire.send("".join(tries))  # in one piece: it is ended in the midst of them
    text = wire.expect_end()
    assert 2 <= text.count("<failure") <= 5 and "policy-violation" in text


@pytest.mark.parametrize("text", ["c20x=LmV4YW1wbGU", "=c20xLmV4YW1wbGU", "c20x LmV4YW1wbGU=", "c20x\nLmV4", "c20xL",
                                  "====",
                                  "c20xLmV4YW1wbGU==", "c20x-_"])
def test_STOX_S2S_57_strict_base64(alive, partner, text):
    p = partner()
    wire = p.secured()
    wire.open_stream(p.domain, DOMAIN)
    auth(wire, text)
    assert failure(wire) == "incorrect-encoding"


def test_STOX_S2S_58_no_way_to_authenticate(alive, partner):
    """No certificate and no dialback: closed at once, with the reason."""
    p = partner()
    wire = p.secured(cert=False)
    wire.send(header(p.domain, DOMAIN))
    assert "not authenticated within" not in expect_stream_error(wire, "policy-violation")  # what it says at the deadline
