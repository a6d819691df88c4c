"""Proxies in the perimeter: how the link with each is."""
from browser import css, heading, text
from rig import dns
from rig.recorder import Recorder


def test_the_link_of_a_proxy_that_is_not_in_use_says_why(alone, open_page):
    g = alone()
    g.ctl("proxy", "new", "edge", "--address", "192.0.2.10")
    page = open_page(g, "#/proxies/edge")
    page.sees(heading("How its link is"))
    page.sees(text("Not in use", within=css(".facts")))
    page.sees(text("not started with --role gateway", within=css(".notice")))


def test_the_link_of_a_proxy_and_whose_messages_are_on_their_way_by_it(rig, alone, open_page, office, start):
    cert = rig.cert("gw.contoso.example")
    g = alone(in_two=True, address="%s:8443" % dns.GATEWAY, scheme="https", admin_certificate=cert.file, admin_key=cert.key,
              partners={"recorder.example": {}})
    g.ctl("gateway", "set", "--hold-time", "28")
    recorder = start(Recorder(rig, record=rig.work + "/panel-proxies"))
    page = open_page(g, "#/proxies/" + g.perimeter.label, new=True, ignoreHTTPSErrors=True)
    page.sees(text("Linked", within=css(".facts")))
    page.sees(text("0.1", within=css(".facts")))
    assert office.message("romeo@recorder.example", "first", target=(dns.GATEWAY, 5060)).wait() == 200
    recorder.set(ack=False, ping=False)
    held = office.message("romeo@recorder.example", "held", target=(dns.GATEWAY, 5060))
    page.sees(text("1 of 1,024", within=css("table")))
    recorder.set(ack=True, ping=True)
    recorder.acknowledge()
    assert held.wait() == 200
