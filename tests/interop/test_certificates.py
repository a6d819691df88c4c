"""
Our certificate renewed in its file while messages go both ways with Prosody: the next handshake shows the new one, on
connections that come and on those we make, and no stream ends. STOX_PROOF=1: 1,000 times.
"""
import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess

from rig import dns, scripted
from rig.process import eventually
from talk import GATEWAY, Talk, streams

CHANGES = 1000 if os.environ.get("STOX_PROOF") == "1" else 20
OURS, SCRIPTED, HOST = "contoso.example", "scripted.example", "gw.contoso.example"


def serial_of(cert):
    done = subprocess.run(["openssl", "x509", "-in", cert.file, "-noout", "-serial"], check=True, capture_output=True)
    return done.stdout.decode().strip().partition("=")[2].lstrip("0")


def shown_to_clients(rig):
    wire = scripted.connect((dns.GATEWAY, 5269), source=dns.SCRIPTED)
    wire.secure(SCRIPTED, OURS, scripted.client_context(rig))
    number = wire.sock.getpeercert()["serialNumber"]
    wire.close()
    return number.lstrip("0")


class Server:
    """scripted.example's, which closes each stream in order after one message, so that the next one gets its own."""

    def __init__(self, rig, office, listener):
        self.rig, self.office, self.listener = rig, office, listener

    def shown(self, text):
        txn = self.office.message("x@" + SCRIPTED, text, target=GATEWAY)
        wire = self.listener.accept()
        wire.accept_secure(SCRIPTED, scripted.server_context(self.rig, SCRIPTED))
        number = wire.sock.getpeercert()["serialNumber"]
        wire.accept_authenticated(SCRIPTED, "<sm xmlns='urn:xmpp:sm:3'/>")
        wire.expect(r"<enable\b[^>]*/>")
        wire.send("<enabled xmlns='urn:xmpp:sm:3'/>")
        wire.expect(text)
        wire.expect(r"<r\b[^>]*/>")
        wire.send("<a xmlns='urn:xmpp:sm:3' h='1'/></stream:stream>")
        assert txn.wait() == 200
        wire.expect_end()
        wire.close()
        return number.lstrip("0")


def replace(path, source):
    shutil.copy(source, path + ".new")
    os.replace(path + ".new", path)


def test_a_renewed_certificate_is_shown_at_once_and_no_stream_ends(rig, stoxd, office, romeo, start, figures):
    own = rig.pki.issue("contoso-hot", [OURS])
    gateway = stoxd(sip_domains={OURS: {"route": "office", "certificate": own.file, "key": own.key}},
                    partners={"fabrikam.example": {}, SCRIPTED: {}})
    server = Server(rig, office, start(scripted.Listener(dns.SCRIPTED)))
    seen = set()
    with Talk(office, romeo, "hot-certificate") as talk:
        talk.wait(5)
        kept = streams(gateway, "fabrikam.example")
        assert len(kept) == 2
        for i in range(CHANGES):
            new, at = rig.pki.issue("contoso-hot-%d" % (i % 20), [OURS]), gateway.mark()
            replace(own.key, new.key)
            replace(own.file, new.file)
            os.kill(gateway.process.pid, signal.SIGHUP)
            gateway.wait_event("settings-in-use", since=at)
            want = serial_of(new)
            assert shown_to_clients(rig) == want
            if i % 4 == 0:
                assert server.shown("change %d" % i) == want
            seen.add(want)
        talk.wait(10)
        assert streams(gateway, "fabrikam.example") == kept
    assert len(seen) == CHANGES
    figures(changes=CHANGES, **talk.check_undisturbed())


def not_loaded(gateway, since):
    return [e["why"] for e in gateway.events("certificate-not-loaded", since)]


def test_a_broken_renewal_is_refused_and_the_old_certificate_goes_on(rig, stoxd, office, start):
    own, other = rig.pki.issue("contoso-broken", [OURS]), rig.pki.issue("contoso-other-key", [OURS])
    good = own.file + ".good", own.key + ".good"
    shutil.copy(own.file, good[0])
    shutil.copy(own.key, good[1])
    old, nothing = rig.pki.issue("contoso-old", [OURS], days=(-30, -1)), own.file + ".nothing"
    open(nothing, "w").close()
    gateway = stoxd(sip_domains={OURS: {"route": "office", "certificate": own.file, "key": own.key}},
                    partners={SCRIPTED: {}})
    server, before = Server(rig, office, start(scripted.Listener(dns.SCRIPTED))), shown_to_clients(rig)
    for file, key, said in ((other.file, good[1], "does not"), (nothing, good[1], "is empty"),
                            (old.file, old.key, "expired"), (own.key, good[1], "")):
        at = gateway.mark()
        replace(own.key, key)
        replace(own.file, file)
        os.kill(gateway.process.pid, signal.SIGHUP)
        # The look of each minute may fall between the two files.
        eventually(lambda: any(said in why for why in not_loaded(gateway, at)), "it says: " + said)
        for why in not_loaded(gateway, at):
            assert why.startswith('sip-domain "contoso.example": '), why
            assert why.endswith("; the certificate of before stays in use"), why
        assert shown_to_clients(rig) == before and server.shown("with the old one") == before
    at = gateway.mark()
    renewed = rig.pki.issue("contoso-mended", [OURS])
    replace(own.key, renewed.key)
    replace(own.file, renewed.file)
    os.kill(gateway.process.pid, signal.SIGHUP)
    gateway.wait_event("settings-in-use", since=at)
    assert shown_to_clients(rig) == serial_of(renewed) == server.shown("mended")


def test_a_session_of_before_does_not_bring_the_old_certificate_back(rig, stoxd):
    own = rig.pki.issue("contoso-session", [OURS])
    gateway = stoxd(sip_domains={OURS: {"route": "office", "certificate": own.file, "key": own.key}},
                    partners={SCRIPTED: {}})
    context = scripted.client_context(rig, SCRIPTED)
    wire = scripted.connect((dns.GATEWAY, 5269), source=dns.SCRIPTED)
    wire.secure(SCRIPTED, OURS, context)
    wire.authenticate(SCRIPTED, OURS)  # the ticket has come
    session, at, new = wire.sock.session, gateway.mark(), rig.pki.issue("contoso-session-new", [OURS])
    replace(own.key, new.key)
    replace(own.file, new.file)
    os.kill(gateway.process.pid, signal.SIGHUP)
    gateway.wait_event("settings-in-use", since=at)
    again = scripted.connect((dns.GATEWAY, 5269), source=dns.SCRIPTED)
    again.open_stream(SCRIPTED, OURS)
    again.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").expect(r"<proceed\b[^>]*/>")
    again.start_tls(context, hostname=OURS, session=session)
    assert not again.sock.session_reused
    assert again.sock.getpeercert()["serialNumber"].lstrip("0") == serial_of(new)
    assert wire.sock.version() and not wire.ended
    wire.send("</stream:stream>").expect("</stream:stream>")
    wire.expect_end()


def test_a_stored_certificate_is_assigned_and_renewed_while_messages_flow(rig, stoxd, office, romeo, start, figures):
    gateway = stoxd(partners={"fabrikam.example": {}, SCRIPTED: {}})
    server, seen = Server(rig, office, start(scripted.Listener(dns.SCRIPTED))), set()
    csr, answer = (os.path.join(gateway.dir, name) for name in ("edge.csr", "edge.pem"))
    with Talk(office, romeo, "stored-certificate") as talk:
        talk.wait(5)
        kept = streams(gateway, "fabrikam.example")
        assert len(kept) == 2
        for i in range(CHANGES // 4):
            gateway.ctl("cert", "request", "edge", "--key-type", "p256" if i % 2 else "rsa-2048", "--profile", "server+client",
                        "--csr", csr)
            with open(csr) as f:
                signed = rig.pki.sign("edge-%d" % i, f.read())
            with open(answer, "w") as f:
                f.write(signed)
            gateway.ctl("cert", "import", "edge", answer)
            if i == 0:
                assert shown_to_clients(rig) == serial_of(rig.cert(OURS))  # not yet assigned
                gateway.ctl("cert", "assign", "edge")
            want = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=signed, text=True, check=True,
                                  capture_output=True).stdout.strip().partition("=")[2].lstrip("0")
            assert shown_to_clients(rig) == want
            if i % 2 == 0:
                assert server.shown("stored %d" % i) == want
            gateway.ctl("cert", "check")
            seen.add(want)
        talk.wait(10)
        assert streams(gateway, "fabrikam.example") == kept
    assert len(seen) == CHANGES // 4
    figures(changes=len(seen), **talk.check_undisturbed())
    for text in (gateway.ctl("config", "export"), gateway.ctl("audit", "list", "--json"), gateway.ctl("cert", "list", "--json")):
        assert "PRIVATE KEY" not in text and "v1." not in text


def signed(rig, gateway, name, *flags, **how):
    """A certificate of this name in the store, made by the rig's authority. Its serial number."""
    csr, answer = (os.path.join(gateway.dir, name + end) for end in (".csr", ".pem"))
    gateway.ctl("cert", "request", name, "--key-type", "p256", "--csr", csr, *flags)
    with open(csr) as f:
        text = rig.pki.sign(name, f.read(), **how)
    with open(answer, "w") as f:
        f.write(text)
    gateway.ctl("cert", "import", name, answer)
    return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=text, text=True, check=True,
                          capture_output=True).stdout.strip().partition("=")[2].lstrip("0")


def shown_by(rig, port):
    context = ssl.create_default_context(cafile=rig.pki.trust_file)
    context.check_hostname = False
    with socket.create_connection((dns.GATEWAY, port), 20) as s, context.wrap_socket(s) as t:
        return t.getpeercert()["serialNumber"].lstrip("0")


def test_the_api_and_sip_show_a_stored_certificate_at_once(rig, stoxd):
    own = rig.pki.issue("gw-files", [HOST])
    gateway = stoxd(listen_admin=[dns.GATEWAY + ":8443"], admin_certificate=own.file, admin_key=own.key,
                    listen_sip_tls=[dns.GATEWAY + ":5061"])
    assert shown_by(rig, 8443) == serial_of(own)
    for name in "host-1", "host-2":
        want = signed(rig, gateway, name, "--use", "sip", "--profile", "server+client")
        gateway.ctl("cert", "assign", name)
        assert shown_by(rig, 5061) == want
        gateway.ctl("cert", "assign", name, "--admin")
        assert shown_by(rig, 8443) == want
    gateway.stop()
    gateway.start()
    assert shown_by(rig, 5061) == shown_by(rig, 8443) == want


def test_what_expires_soon_is_in_the_log_the_metrics_and_the_status(rig, stoxd):
    gateway = stoxd()
    signed(rig, gateway, "short", days=(-1, 4.5))
    gateway.ctl("cert", "assign", "short")
    metrics = [line for line in gateway.ctl("metrics").splitlines() if line.startswith("stox_certificate_days_left")]
    assert metrics == ['stox_certificate_days_left{certificate="short"} 4']
    status = gateway.ctl_json("status")["certificates"]
    assert status["expire-within-30-days"] == 1 and status["next"]["certificate"] == "short"
    assert status["next"]["days-left"] == 4
    assert "expires" in gateway.ctl("cert", "check")
    found = json.loads(gateway.ctl("check", "--json", ok=False, timeout=120)[1])["findings"]
    assert [f["text"] for f in found if f["check"] == "expires-soon" and "short" in str(f)], found
    key = subprocess.run(["openssl", "x509", "-noout", "-pubkey"], input=gateway.ctl("cert", "export", "short"), text=True,
                         check=True, capture_output=True).stdout
    der = base64.b64decode("".join(key.splitlines()[1:-1]))
    assert "3 1 1 " + hashlib.sha256(der).hexdigest() in gateway.ctl("dns", "records").lower().replace("( ", "")
    gateway.stop()
    gateway.start()
    said = gateway.wait_event("certificate-expires", 20, certificate="short")
    assert said.level == "error" and said["days"] == "4"
