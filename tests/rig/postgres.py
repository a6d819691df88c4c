"""
A PostgreSQL of the rig's own, on a unix socket, as the package's user when we are root. Tests stop it, start it again and
freeze it (SIGSTOP) as they like.
"""
import glob
import itertools
import os
import signal
import subprocess

from . import ns
from .process import Failed, Process, eventually


def _program(name):
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/" + name))
    if not found:
        raise Failed("there is no /usr/lib/postgresql/*/bin/%s: is the package postgresql installed?" % name)
    return found[-1]


class Postgres:
    """Durable no further than the rig's life (fsync off)."""

    def __init__(self, name="postgres"):
        self.name = name
        self.dir = os.path.join(ns.work_dir(), name)
        self.data = os.path.join(self.dir, "data")
        self.second = os.path.join(self.dir, "second")  # another socket, which can be cut
        self.process = None
        self._frozen = []
        self._numbers = itertools.count(1)

    def start(self):
        if not os.path.isdir(self.data):
            os.makedirs(self.data)
            os.makedirs(self.second)
            user = ns.own_user(self.dir, "postgres")
            subprocess.run([_program("initdb"), "-N", "-E", "UTF8", "--locale=C", "-A", "trust", "-U", "super", "-D",
                            self.data], check=True, cwd=self.dir, stdout=subprocess.DEVNULL, **user)
        argv = [_program("postgres"), "-D", self.data, "-k", "%s,%s" % (self.dir, self.second), "-c", "listen_addresses=", "-c", "fsync=off",
                "-c", "max_connections=50"]
        self.process = Process(self.name, argv, cwd=self.dir, user=ns.own_user(self.dir, "postgres"))
        eventually(lambda: self._ask("postgres", "SELECT 1", check=False).returncode == 0, "PostgreSQL answers", 30, 0.05)
        return self

    def _ask(self, database, sql, check=True):
        return subprocess.run([_program("psql"), "-h", self.dir, "-U", "super", "-d", database, "-X", "-A", "-t", "-c", sql],
                              check=check, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)

    def ask(self, url, sql):
        """What psql prints for this."""
        return self._ask(self.name_of(url), sql).stdout.strip()

    @staticmethod
    def name_of(url):
        return url.split("///")[1].split("?")[0]

    def database(self):
        """The URL of a new, empty one, as the setting store takes it."""
        name = "stox%d" % next(self._numbers)
        self._ask("postgres", "DROP DATABASE IF EXISTS %s WITH (FORCE)" % name)  # of another module that used this server's folder
        self._ask("postgres", "CREATE DATABASE " + name)
        return "postgresql:///%s?host=%s&user=super" % (name, self.dir)

    def by_second_socket(self, url):
        """The same database, by the socket that can be cut."""
        return url.replace("host=" + self.dir, "host=" + self.second)

    def cut_second_socket(self):
        """Ends the connections of those who call themselves "second", and lets none of them in again."""
        os.rename(self.second, self.second + "-away")
        self._ask("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'second'")

    def mend_second_socket(self):
        os.rename(self.second + "-away", self.second)

    def _processes(self):
        """The server and those it forked: they are groups of their own."""
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)) as f:
            return [self.process.pid] + [int(pid) for pid in f.read().split()]

    def freeze(self):
        """Connections stay, and nothing answers any more."""
        self._frozen = self._processes()
        for pid in self._frozen:
            os.kill(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self._frozen:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
        self._frozen = []

    def stop(self):
        """At once, whoever is connected."""
        if self.process and self.process.running():
            self.thaw()
            os.kill(self.process.pid, signal.SIGQUIT)
            self.process.popen.wait(20)
