"""
Several runs of the same tests side by side share them: each takes the next group that nobody has taken, the longest first
(tests/seconds.tsv), so that they end together. A group is the tests of a file, with one value of a fixture of its module;
of a file marked "apart" each test is one. This is the pytest plugin: $STOX_SHARE is the file in which the runs
write down what they take. Without it a run has all tests, in their order.
"""
import fcntl
import os
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
UNKNOWN_S = 3  # of a file that is not in the table; of a test: less, and so they stay together


class Taken:
    """The groups that are taken, by whichever run."""

    def __init__(self, path):
        self.path = path

    def take(self, names):
        """The first of these that nobody has; it is ours from now on. None: all are taken."""
        with open(self.path, "a+", encoding="utf-8") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            f.seek(0)
            taken = set(f.read().splitlines())
            mine = next((name for name in names if name not in taken), None)
            if mine is not None:
                f.write(mine + "\n")
        return mine


def seconds():
    """{group: how long it takes}, as far as it is known."""
    lines = (line.split("\t") for line in (TESTS / "seconds.tsv").read_text(encoding="utf-8").splitlines())
    return {name: float(s) for name, s in lines}


def group_of(item):
    name = str(item.path.relative_to(TESTS))
    if item.get_closest_marker("apart"):
        return "%s::%s" % (name, item.name)
    world = getattr(item, "callspec", None) and item.callspec.params.get("world")
    return "%s[%s]" % (name, world) if isinstance(world, str) else name


class _Plugin:
    def __init__(self, path):
        self.taken = Taken(path)
        self.held = []  # what waits from the start on, and comes last

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        """Of what begins with the run one run has all, from the beginning."""
        held = {group_of(item) for item in items if item.get_closest_marker("held")}
        self.held = [group for group in sorted(held) if self.taken.take([group])]
        others = [item for item in items if group_of(item) in held and group_of(item) not in self.held]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]

    def _in_turn(self, session):
        groups, known = {}, seconds()
        for item in session.items:
            groups.setdefault(group_of(item), []).append(item)
        free = sorted((g for g in groups if g not in self.held), key=lambda g: -known.get(g, 0 if "::" in g else UNKNOWN_S))
        while group := self.taken.take(free):
            yield from groups[group]
        for group in self.held:
            yield from groups[group]

    def pytest_runtestloop(self, session):
        """As pytest's own, but for the order. The next test is known before one runs: its fixtures may stay."""
        if session.testsfailed:
            raise session.Interrupted("%d errors during collection" % session.testsfailed)
        if session.config.option.collectonly:
            return True
        turn = self._in_turn(session)
        item = next(turn, None)
        while item:
            following = next(turn, None)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
            item = following
        return True

    def pytest_sessionfinish(self, session, exitstatus):
        """Others were quicker: no fault."""
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK


def pytest_configure(config):
    config.addinivalue_line("markers", "apart: its tests may run in several runs side by side (rig/shares.py)")
    config.addinivalue_line("markers", "held: it waits for what begins with the run, and comes last (rig/shares.py)")
    if os.environ.get("STOX_SHARE"):
        config.pluginmanager.register(_Plugin(os.environ["STOX_SHARE"]))
