"""
The commands of docs/LYNC.md, as they stand there and in their order, given to a gateway that runs, with each store; and
what each of them comes to: what the cmdlet of Lync Server that it stands for comes to.
"""
import os
import shutil
import subprocess

import pytest

from rig import ns
from rig.stoxd import program

PAGE = os.path.join(ns.REPO, "docs", "LYNC.md")
EXPORTS = os.path.join(ns.REPO, "tests", "ctl", "lync")
LYNC_DEFAULTS = {"tls": "required", "sasl": "required", "dialback": True, "keep-alive": True, "additional-domains": []}


def commands():
    with open(PAGE, encoding="utf-8") as f:
        return [line.strip() for line in f if line.startswith("    stoxctl ")]


class Shell:
    """Commands as an administrator types them, in a folder of their own."""

    def __init__(self, gateway, folder):
        self.gateway, self.folder = gateway, folder
        self.env = dict(os.environ, STOX_SERVER=gateway.server, LC_ALL="C.UTF-8",
                        PATH="%s:%s" % (os.path.dirname(program("stoxctl", "ctl")), os.environ["PATH"]))

    def run(self, line):
        done = subprocess.run(["sh", "-c", line], cwd=self.folder, env=self.env, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 0, "%s\n%s%s" % (line, done.stdout, done.stderr)
        return done.stdout

    def shows(self, kind, name=None, **values):
        """The object has these values (names with _ for -)."""
        shown = self.gateway.ctl_json(kind, "show", *([name] if name else []))
        values = {k.replace("_", "-"): v for k, v in values.items()}
        assert {k: shown[k] for k in values} == values

    def names(self, kind="partner"):
        return self.gateway.ctl(kind, "list", "--names").split()


def partner(name, **values):
    return lambda shell, _: shell.shows("partner", name, **values)


def says(*words):
    def check(_, out):
        assert all(w in out for w in words), out
    return check


def lists(*names, without=()):
    def check(_, out):
        assert all(n in out for n in names) and not any(n in out for n in without), out
    return check


def are(*names, kind="partner"):
    def check(shell, _):
        assert shell.names(kind) == sorted(names)
    return check



# What the page's commands come to, by the command; the others are only to succeed.
RESULTS = {
    "stoxctl partner new contoso.example --type PublicVerified":
        partner("contoso.example", type="public-verified", **LYNC_DEFAULTS),
    "stoxctl partner new fabrikam.example --type federated --add-domain research.fabrikam2.example":
        partner("fabrikam.example", type="federated", additional_domains=["research.fabrikam2.example"]),
    "stoxctl partner new gmail.example --tls NotSupported --sasl NotSupported --keep-alive off --dialback on":
        partner("gmail.example", tls="not-supported", sasl="not-supported", keep_alive=False, dialback=True,
                type="public-unverified"),
    "stoxctl partner set contoso.example --dialback off": partner("contoso.example", dialback=False),
    "stoxctl partner list --where 'tls!=not-supported' --names | stoxctl partner set - --sasl Required":
        partner("contoso.example", sasl="required"),
    "stoxctl partner set contoso.example --add-domain na.contoso.example --add-domain europe.contoso.example":
        partner("contoso.example", additional_domains=["na.contoso.example", "europe.contoso.example"]),
    "stoxctl partner set contoso.example --remove-domain europe.contoso.example":
        partner("contoso.example", additional_domains=["na.contoso.example"]),
    "stoxctl partner set contoso.example --clear-additional-domains": partner("contoso.example", additional_domains=[]),
    "stoxctl partner list": lists("contoso.example", "fabrikam.example", "gmail.example"),
    "stoxctl partner show fabrikam.example": says("research.fabrikam2.example"),
    "stoxctl partner list --filter '*.org'": lists(without=["contoso.example", "fabrikam.example", "gmail.example"]),
    "stoxctl partner list --where sasl=Required":
        lists("contoso.example", "fabrikam.example", without=["gmail.example"]),
    "stoxctl partner remove contoso.example --force": are("fabrikam.example", "gmail.example"),
    "stoxctl partner list --where type=PublicUnverified --names | stoxctl partner remove - --force":
        are("fabrikam.example"),
    "stoxctl gateway set --connection-limit 1200":
        lambda shell, _: shell.shows("gateway", connection_limit=1200, partner_connection_limit=20,
                                     keep_alive_interval=300, stream_establishment_timeout=60,
                                     stream_inactivity_timeout=600, subscription_refresh_interval=28800,
                                     log_message_bodies=False),
    "stoxctl org set --federation on": lambda shell, _: shell.shows("org", federation=True),
    "stoxctl policy new FedPic --federation on --xmpp on":
        lambda shell, _: shell.shows("policy", "FedPic", federation=True, xmpp=True),
    "stoxctl policy grant FedPic --to alice@contoso.example bob@contoso.example":
        lambda shell, _: shell.shows("sip-user", "bob@contoso.example", policy="FedPic"),
    "stoxctl policy new site:Redmond --federation on --xmpp off":
        lambda shell, _: shell.shows("policy", "site:Redmond", federation=True, xmpp=False),
    "stoxctl policy effective alice@contoso.example": says("FedPic"),
    "stoxctl policy revoke bob@contoso.example": are("alice@contoso.example", kind="sip-user"),
    "stoxctl policy grant FedPic --to - < users.txt":
        are("alice@contoso.example", "carol@contoso.example", "dan@contoso.example", kind="sip-user"),
    "stoxctl site set Redmond --served off": lambda shell, _: shell.shows("site", "Redmond", served=False),
    "stoxctl route new office --next-hop 192.0.2.10 --im session":
        lambda shell, _: shell.shows("route", "office", next_hop=["192.0.2.10"], im="session"),
    "stoxctl domain new contoso.example --route office":
        lambda shell, _: shell.shows("domain", "contoso.example", route="office"),
    "stoxctl config diff gateway.conf": says("--- the store"),
}


@pytest.fixture
def shell(stoxd, store, tmp_path):
    for name in os.listdir(EXPORTS):
        shutil.copy(os.path.join(EXPORTS, name), tmp_path)
    (tmp_path / "users.txt").write_text("carol@contoso.example\ndan@contoso.example\n")
    return Shell(stoxd(empty=True, store=store), tmp_path)


def test_the_commands_for_what_lync_server_was_set_up_with_do_the_same(shell):
    page = commands()
    assert not [command for command in RESULTS if command not in page]
    for line in page:
        out = shell.run(line)
        if line in RESULTS:
            RESULTS[line](shell, out)


def test_the_closest_policy_decides_as_a_whole_and_global_is_reset_by_its_removal(shell):
    """User before site before global; none of them adds to another."""
    gateway = shell.gateway
    for line in ("org set --federation on", "policy set global --federation on --xmpp on", "site new Redmond",
                 "site set Redmond --add-user us-*@contoso.example", "policy new site:Redmond --federation on",
                 "policy new Full --federation on --xmpp on", "policy new Half --xmpp on",
                 "policy grant Full --to us-ann@contoso.example", "policy grant Half --to ben@contoso.example"):
        gateway.ctl(*line.split())

    def is_allowed():
        users = ["alice", "us-zoe", "us-ann", "ben"]
        return [gateway.ctl_json("policy", "effective", user + "@contoso.example")["allowed"] for user in users]

    assert is_allowed() == [True, False, True, False]
    gateway.ctl("policy", "remove", "global", "--force")
    shell.shows("policy", "global", federation=False, xmpp=False)
    assert is_allowed() == [False, False, True, False]
    gateway.ctl("org", "set", "--federation", "off")
    assert is_allowed() == [False] * 4
