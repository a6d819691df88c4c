"""Certificates: from the wizard to one that is shown, brought from elsewhere, taken away."""
import os
import subprocess

import pytest

from browser import button, css, heading, label, link, text


def next_step(page, title):
    page.click(button("Next"))
    page.sees(heading(title, level=2))
    page.until("document.activeElement.tagName === 'H2'")  # who reads by ear hears which step it is


def request(page, name="edge"):
    """The wizard from its beginning to what it made."""
    page.fill(label("Name"), name)
    next_step(page, "Prepare now, send later")
    assert page.value(label("File for the request")) == name + ".csr"
    next_step(page, "Purposes")
    page.check(label("Server and client"))
    next_step(page, "Name and security")
    page.fill(label("Friendly name"), "<img src=x onerror=alert(1)>")
    page.check(label("ECDSA P-256: cheaper handshakes"))
    next_step(page, "Who you are")
    page.fill(label("Organisation"), "Contoso Ltd")
    page.fill(label("Country, two letters"), "U")
    page.click(button("Next"))
    page.sees(text("the country is two letters"))
    page.fill(label("Country, two letters"), "US")
    next_step(page, "SIP domains")
    page.check(label("contoso.example"))
    next_step(page, "Names")


def test_from_the_wizard_to_a_certificate_that_is_shown(gateway, rig, open_page):
    g = gateway()
    page = open_page(g, "#/certificates")
    page.sees(text("There is no stored certificate."))
    page.click(link("Request a certificate"))
    request(page)
    names = page.value(label("Names that are asked for, one on each line")).split("\n")
    assert {"contoso.example", "sip.contoso.example", "_xmpp-server.contoso.example"} <= set(names)
    page.fill(label("Names that are asked for, one on each line"), "contoso.example\nsip.contoso.example\nchat.contoso.example")
    next_step(page, "Summary")
    shown = page.text(css(".wizard"))
    assert "chat.contoso.example" in shown and "Contoso Ltd, US" in shown and "edge.csr" in shown
    page.click(button("Back"))
    page.sees(heading("Names", level=2))
    next_step(page, "Summary")
    page.click(button("Make the key and the request"))
    page.sees(heading("The request is made"))
    name, csr = page.download(button("Save as a file: Request (PEM)"))
    made = g.ctl_json("cert", "show", "edge")
    assert (name, csr.decode()) == ("edge.csr", made["request"])
    assert (made["profile"], made["key-type"], made["names"]) == (
        "server+client", "p256", ["contoso.example", "sip.contoso.example", "chat.contoso.example"])
    page.click({"css": "summary"})
    page.sees(text("Contoso Ltd", within=css("details")))
    page.click(link("Show the certificate"))
    page.sees(text("Waits for the authority"))
    page.click(link("Import what the authority sent"))
    page.fill(label("Or its text, pasted"), "no certificate at all")
    page.click(button("Import"))
    page.sees(css("[role=alert] .findings .fatal"))
    assert page.count({"label": "Take it nevertheless"}) == 1 and not page.evaluate(
        "document.querySelector('.tick:has(label)').checkVisibility()")
    page.fill(label("Or its text, pasted"), rig.pki.sign("edge", csr.decode()))
    page.click(button("Import"))
    page.sees(heading("It is imported"))
    page.click(link("Assign"))
    page.sees(heading("Assign edge"))
    assert page.evaluate("document.querySelector('.tick input').checked")  # the domain that it names
    page.click(button("Assign"))
    page.sees(text("domain contoso.example shows it to partners from now on"))
    assert g.ctl_json("domain", "show", "contoso.example")["certificate"] == "edge"
    page.click(link("Certificates", within=css("main")))
    page.sees(text("All that is in use is good."))
    page.sees(text("Good for 36", within=css("tbody")))
    page.sees(text("<img src=x onerror=alert(1)>", within=css("tbody")))
    page.click(link("edge"))
    page.click(button("Remove"))
    page.click(button("Remove", within=css("dialog")))
    page.sees(text("is in use"))
    page.click(link("Request again"))
    page.sees(heading("Request edge again"))
    for title in "Prepare now, send later", "Purposes", "Name and security", "Who you are", "SIP domains", "Names":
        next_step(page, title)
    assert page.value(label("Names that are asked for, one on each line")).split("\n")[-1] == "chat.contoso.example"


def test_the_wizard_is_left_only_on_purpose_and_says_what_is_taken(gateway, open_page):
    g = gateway()
    g.ctl("cert", "request", "edge", "--csr", os.path.join(g.dir, "edge.csr"))
    page = open_page(g, "#/new/certificates")
    page.fill(label("Name"), "edge")
    page.click(button("Next"))
    page.sees(css("[role=alert] .notice.failed"))
    assert page.evaluate("document.activeElement.name") == "name"
    page.fill(label("Name"), "other")
    next_step(page, "Prepare now, send later")
    page.click(link("Certificates", within=css("nav")))
    page.sees(heading("Leave this page?"))


def pkcs12(cert, path, password):
    subprocess.run(["openssl", "pkcs12", "-export", "-in", cert.file, "-inkey", cert.key, "-out", path, "-passout",
                    "pass:" + password], check=True)
    return path


def test_one_that_there_is_comes_as_pkcs12_and_goes_again(gateway, rig, open_page, tmp_path):
    g = gateway()
    own = rig.pki.issue("contoso-panel", ["contoso.example"])
    page = open_page(g, "#/import/certificates")
    page.click(button("Import"))
    page.sees(text("It needs a name."))
    assert page.evaluate("document.activeElement.name") == "name"
    page.fill(label("Name"), "old")
    page.files(label("File"), pkcs12(own, str(tmp_path / "old.p12"), "open sesame"))
    page.click(button("Import"))
    page.sees(css("[role=alert] .findings .fatal"))
    page.until("document.activeElement.type === 'password'")
    page.fill(label("Passphrase"), "open sesame")
    page.click(button("Import"))
    page.sees(heading("It is imported"))
    page.click(link("Show the certificate"))
    page.click(link("Export"))
    page.check(label("PKCS#12"))
    page.check(label("With its key"))
    page.fill(label("Passphrase"), "another one")
    page.fill(label("Passphrase, once more"), "another on")
    page.click(button("Export"))
    page.sees(text("The two passphrases are not the same."))
    page.fill(label("Passphrase, once more"), "another one")
    name, data = page.download(button("Export"))
    out = tmp_path / "out.p12"
    out.write_bytes(data)
    read = subprocess.run(["openssl", "pkcs12", "-in", str(out), "-passin", "pass:another one", "-nodes"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    assert name == "old.p12" and "PRIVATE KEY" in read
    page.click(link("old", within=css(".up")))
    page.click(button("Remove"))
    page.click(button("Remove", within=css("dialog")))
    page.sees(text("There is no stored certificate."))


def test_serious_defects_are_named_and_taken_nevertheless(gateway, rig, open_page):
    g = gateway()
    other = rig.pki.issue("elsewhere.example", by="unknown")
    page = open_page(g, "#/import/certificates")
    page.fill(label("Name"), "other")
    page.files(label("File"), other.both)
    page.click(button("Import"))
    page.sees(css("[role=alert] .findings .serious"))
    kinds = page.count(css("[role=alert] .findings li"))
    assert kinds >= 2  # not the first of them alone
    page.check(label("Take it nevertheless"))
    page.click(button("Import"))
    page.sees(heading("It is imported"))
    assert g.ctl_json("cert", "show", "other")["state"] == "installed"


def test_a_reader_sees_certificates_and_changes_none(gateway, open_page):
    g = gateway()
    g.ctl("cert", "request", "edge", "--csr", os.path.join(g.dir, "edge.csr"))
    page = open_page(g, "#/certificates", who="rita")
    page.click(link("edge"))
    page.sees(text("Waits for the authority"))
    assert page.count(css("main .actions .danger")) == 0 and page.count(link("Import")) == 0
    page.evaluate("location.hash = '#/certificates/edge/import'")
    page.sees(heading("There is no such page"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_pages_of_certificates(shared, open_page, scheme):
    if not shared.ctl_json("cert", "list")["items"]:
        shared.ctl("cert", "request", "edge", "--csr", os.path.join(shared.dir, "edge.csr"))
    page = open_page(shared)
    page.theme(scheme)
    for where, title in (("#/certificates", "Certificates"), ("#/certificates/edge", "edge"),
                         ("#/new/certificates", "Request a certificate"), ("#/certificates/edge/import", "Import for edge"),
                         ("#/import/certificates", "Import a certificate"), ("#/certificates/edge/assign", "Assign edge"),
                         ("#/certificates/edge/export", "Export edge")):
        page.evaluate("(hash) => { location.hash = hash; }", where)
        page.sees(heading(title, level=1))
        assert page.axe() == [], where
    page.evaluate("location.hash = '#/certificates/edge/request'")
    for title in "What it is for", "Prepare now, send later", "Purposes", "Name and security", "Who you are", "SIP domains", "Names":
        page.sees(heading(title, level=2))
        assert page.axe() == [], title
        page.click(button("Next"))
    page.sees(heading("Summary", level=2))
    assert page.axe() == []
    assert [said for said in page.said() if "status of 401" not in said] == []
