"""
Many partners and many granted users through stoxctl under traffic, and a start with all of them. STOX_PROOF=1: 10,000 and
100,000.
"""
import os
import time

from talk import Talk

PROOF = os.environ.get("STOX_PROOF") == "1"
PARTNERS = 10000 if PROOF else 1000
USERS = 100000 if PROOF else 10000


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


class Stopwatch:
    """figures[name]: seconds of the block; latencies of the messages to XMPP meanwhile."""

    def __init__(self, talk):
        self.traffic, self.figures = talk.traffic, {}

    def run(self, name, work):
        first, began = len(self.traffic.sent), time.monotonic()
        result = work()
        self.figures[name + "_s"] = round(time.monotonic() - began, 2)
        self.traffic.wait_ok(min(len(self.traffic.sent) - first + 5, 200), 60)  # those of the block have theirs by then
        pairs = zip(self.traffic.txns[first:], self.traffic.sent[first:])
        ms = [(sent.answered_at - txn.sent_at[0]) * 1000 for txn, sent in pairs if sent.answered_at]
        self.figures[name + "_message_ms"] = {"n": len(ms), "p50": round(percentile(ms, 50), 1),
                                              "p99": round(percentile(ms, 99), 1), "max": round(max(ms), 1)}
        return result


def restart_s(gateway):
    gateway.stop(30)
    began = time.monotonic()
    gateway.start()
    return round(time.monotonic() - began, 2)


def test_many_partners_and_many_grants_under_traffic_and_a_start_with_all_of_them(stoxd, store, office, romeo, tmp_path,
                                                                                  figures):
    gateway = stoxd(store=store, log_level="info", partners={"fabrikam.example": {}})
    file, export = tmp_path / "partners.conf", str(tmp_path / "export.conf")
    file.write_text("".join('partner "p%05d.example" {\n    type = federated\n}\n' % i for i in range(1, PARTNERS)))
    users = "".join("user-%06d@contoso.example\n" % i for i in range(USERS))
    last = "user-%06d@contoso.example" % (USERS - 1)
    gateway.ctl("policy", "new", "FedPic", "--federation", "on", "--xmpp", "on")
    few_s = restart_s(gateway)
    with Talk(office, romeo, "size", rate=100) as talk:
        watch = Stopwatch(talk)
        watch.run("partners", lambda: gateway.ctl("config", "apply", str(file), "--force", timeout=300))
        watch.run("grants", lambda: gateway.ctl("policy", "grant", "FedPic", "--to", "-", stdin=users, timeout=300))
        watch.run("one_more", lambda: gateway.ctl("partner", "set", "p00001.example", "--description", "changed"))
        watch.run("export", lambda: gateway.ctl("config", "export", export, timeout=300))
        watch.run("apply_of_all", lambda: gateway.ctl("config", "apply", export, "--force", timeout=300))
        assert gateway.ctl_json("policy", "effective", last)["allowed"] is True
    found = talk.check_undisturbed()
    figures(partners=PARTNERS, users=USERS, **watch.figures, **found, start_with_few_s=few_s,
            start_with_all_s=restart_s(gateway), resident_mib=gateway.resident_kib() // 1024)
    assert len(gateway.ctl("partner", "list", "--names").split()) == PARTNERS  # the limit
    assert gateway.ctl_json("sip-user", "show", last)["policy"] == "FedPic"
