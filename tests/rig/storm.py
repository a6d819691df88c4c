"""
Very many people who watch each other, by the programs of tests/bench: SIP users of one domain at one address (Watchers, who watch; Watched,
who are watched), and people of one partner. Number n on one side goes with number n on the other.
"""
import json
import subprocess

from .process import Process
from .stoxd import test_program


class Told:
    """A program that answers each line with one of JSON."""

    def __init__(self, program, *argv):
        self.program, self.argv = program, argv
        self.process = None

    def start(self):
        self.process = Process(self.program, [test_program("bench/bench-" + self.program), *map(str, self.argv)],
                               stdin=subprocess.PIPE)
        return self

    def say(self, *words):
        self._since = self.process.mark()
        self.process.popen.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.process.popen.stdin.flush()

    def answer(self, timeout=600):
        return json.loads(self.process.wait_line(r"^\{.*\}$", timeout, self._since)[0])

    def tell(self, *words, timeout=600):
        self.say(*words)
        return self.answer(timeout)

    def stop(self):
        if self.process and self.process.running():
            self.process.stop()


def partner(rig, listen, gateway, domain, sip_domain):
    cert = rig.cert(domain)
    return Told("partner", "people", listen, gateway, rig.pki.trust_file, cert.file, cert.key, domain, sip_domain)


def watchers(own, gateway, sip_domain, domain):
    return Told("watchers", gateway, own, sip_domain, domain)


def watched(own, gateway, sip_domain, domain):
    return Told("watched", gateway, own, sip_domain, domain)
