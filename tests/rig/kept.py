"""
What passed, kept under build/proof/ so that an interrupted proof goes on where it stopped. It counts for the very tree
that it was found with; in a changed one all is done anew. tests/run keeps whole parts. This is the pytest plugin too: it
keeps each test that passed in the file $STOX_KEEP, and leaves out those that are there.
"""
import hashlib
import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def tree():
    """A hash of all files but docs/, which the tests write; None where git cannot say what belongs to it."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".", ":!docs"],
                            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if listed.returncode != 0:
        return None
    digest = hashlib.sha256()
    for name in sorted(set(listed.stdout.split(b"\0")[:-1])):
        path = os.path.join(os.fsencode(ROOT), name)
        content = b"gone"
        if os.path.islink(path):
            content = os.readlink(path)
        elif os.path.exists(path):
            with open(path, "rb") as f:
                content = f.read()
        mode = os.lstat(path).st_mode if os.path.lexists(path) else 0
        digest.update(b"%s\0%o\0%s" % (name, mode, hashlib.sha256(content).digest()))
    return digest.hexdigest()[:16]


class Kept:
    """Entries by name, each a JSON value, in one file; written the moment they are known."""

    def __init__(self, path):
        self.path, self.of_tree = Path(path), Path(path).parent.name
        self.entries = {}
        if self.path.exists():
            data = self.path.read_bytes()
            whole = data.rfind(b"\n") + 1
            os.truncate(self.path, whole)  # a line that the interruption cut
            for line in data[:whole].splitlines():
                self.entries.update(json.loads(line))

    def add(self, name, value):
        if tree() != self.of_tree:  # changed meanwhile: nobody knows what this was the result of
            return
        self.entries[name] = value
        with open(self.path, "a") as f:
            f.write(json.dumps({name: value}) + "\n")


class _Plugin:
    """An entry is a test's node id, its value the test's name."""

    def __init__(self, kept):
        self.kept, self.passed = kept, set()

    def pytest_collection_modifyitems(self, config, items):
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in self.kept.entries])
        items[:] = [item for item in items if item.nodeid not in self.kept.entries]

    def pytest_runtest_logreport(self, report):
        """Passed is what passed itself and at its end."""
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)
        if report.when == "teardown" and report.passed and report.nodeid in self.passed:
            self.kept.add(report.nodeid, report.nodeid.split("::", 1)[-1])


def pytest_configure(config):
    if os.environ.get("STOX_KEEP"):
        config.pluginmanager.register(_Plugin(Kept(os.environ["STOX_KEEP"])))
