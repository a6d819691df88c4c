"""
A machine of its own with a real systemd as its first process: namespaces for mounts, processes, cgroups and the like, a root
directory that is made for it, the packages of this machine read-only, and the network of the rig.
"""
import os
import shlex
import shutil
import signal
import subprocess

from . import ns
from .process import Failed, eventually

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ETC = ["passwd", "group", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "ssl", "pam.d", "login.defs", "hosts", "resolv.conf"]
# Of the units that a machine starts before all others, those that would touch more than their own machine.
_OFF = ["systemd-sysctl.service", "systemd-udevd.service", "systemd-modules-load.service", "sys-kernel-debug.mount",
        "sys-kernel-tracing.mount", "sys-fs-fuse-connections.mount", "modprobe@.service", "dev-hugepages.mount"]
# ROOT, CGROUP, BINDS and REPO come before it. A user namespace, which the unit asks for, cannot be made below chroot: pivot_root.
_BOOT = r"""
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$ROOT"
cd "$ROOT"
mkdir -p usr etc var/lib var/log run tmp proc sys dev root old
for l in bin sbin lib lib64; do [ ! -L /$l ] || cp -P /$l .; done
mount --rbind /usr usr
mount -o remount,bind,ro usr
mount -t tmpfs -o mode=755 tmpfs usr/local
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for d in null zero full random urandom tty; do : >dev/$d; mount --bind /dev/$d dev/$d; done
mkdir run/lock dev/shm dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /run var/run
: >etc/machine-id
for f in $ETC; do [ ! -e /etc/$f ] || cp -RL /etc/$f etc/; done
mkdir -p etc/systemd/system
for u in $OFF; do ln -s /dev/null etc/systemd/system/$u; done
printf '[Unit]\nDescription=Nothing but what is asked for\nDefaultDependencies=no\n' >etc/systemd/system/alone.target
for pair in "$REPO:$REPO" $BINDS; do
    mkdir -p "./${pair#*:}"
    mount --rbind "${pair%%:*}" "./${pair#*:}"
done
hostname gw
pivot_root . old
cd /
umount -l /old
rmdir /old
exec env -i container=rig PATH=$PATH /lib/systemd/systemd --system --unit=alone.target --log-target=journal --show-status=no
"""


def _cgroup2():
    """Where the unified hierarchy is mounted, or None."""
    with open("/proc/self/mountinfo") as f:
        for line in f:
            left, right = line.split(" - ")
            if right.split(" ")[0] == "cgroup2":
                return left.split(" ")[4]
    return None


def forbidden():
    """Why such a machine cannot be here, in words; empty if it can."""
    if not ns.is_root():
        return "a machine with systemd needs root"
    if not os.access("/lib/systemd/systemd", os.X_OK):
        return "there is no /lib/systemd/systemd"
    if not _cgroup2():
        return "no cgroup2 is mounted"
    path = os.path.join(_cgroup2(), "stox-rig-try-%d" % os.getpid())
    try:
        os.mkdir(path)
        os.rmdir(path)
    except OSError as e:
        return "no cgroup can be made: %s" % e
    return ""


class Machine:
    """binds: {directory here: its place there}."""

    def __init__(self, binds=None, name="machine"):
        self.name, self.binds = name, binds or {}
        self.dir = os.path.join(ns.work_dir(), name)
        self.log_path = os.path.join(ns.work_dir(), "log", name + ".log")
        self.popen = self.init = None

    def start(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        # Its number is outside's: two runs side by side have the same numbers inside.
        self.cgroup = os.path.join(_cgroup2(), "stox-rig-%s-%s" % (ns.launcher_pid(), self.name))
        os.makedirs(self.cgroup, exist_ok=True)
        told = {"ROOT": self.dir, "REPO": ns.REPO, "ETC": " ".join(_ETC), "OFF": " ".join(_OFF), "PATH": _PATH,
                "BINDS": " ".join("%s:%s" % pair for pair in self.binds.items())}
        script = "".join("%s=%s\n" % (k, shlex.quote(v)) for k, v in told.items()) + _BOOT
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(
                ["sh", "-c", 'echo 0 >"$1/cgroup.procs" && exec unshare --mount --pid --fork --cgroup --uts --ipc --kill-child '
                 'sh -c "$2"', "sh", self.cgroup, script], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(self._is_up, "systemd of %s runs" % self.name, 40, 0.05)
        return self

    def _is_up(self):
        if self.popen.poll() is not None:
            with open(self.log_path, errors="replace") as f:
                raise Failed("%s did not come up:\n%s" % (self.name, f.read()[-2000:]))
        with open("/proc/%d/task/%d/children" % (self.popen.pid, self.popen.pid)) as f:
            children = f.read().split()
        if not children:
            return False
        self.init = int(children[0])
        return os.path.exists(self.path("/run/systemd/private")) and self.run("systemctl", "is-system-running", ok=False)[0] == 0

    def stop(self):
        """With its first process all others end."""
        if self.popen:
            with open(self.log_path, "ab") as log:
                log.write(self.run("journalctl", "--no-pager", "-o", "short-precise", ok=False)[1].encode())
            os.kill(self.popen.pid, signal.SIGKILL)
            self.popen.wait(20)
            self.popen = None
        eventually(self._forget_cgroup, "the processes of %s are gone" % self.name, 20)

    def _forget_cgroup(self):
        try:
            for at, _, _ in os.walk(self.cgroup, topdown=False):
                os.rmdir(at)
        except OSError:
            return False
        return True

    def path(self, path):
        """The same file, as it is seen from here."""
        return "/proc/%d/root%s" % (self.init, path)

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w") as f:
            os.fchmod(f.fileno(), mode)
            f.write(text)

    def run(self, *words, ok=True, timeout=120, stdin=""):
        """A command there: what it printed. ok=False: (exit status, standard output, standard error)."""
        done = subprocess.run(["nsenter", "--target", str(self.init), "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--root", "--wd=/",
                               "env", "-i", "PATH=" + _PATH, *words], input=stdin, text=True, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if not ok:
            return done.returncode, done.stdout, done.stderr
        if done.returncode:
            raise Failed("%s: %d\n%s%s" % (" ".join(words), done.returncode, done.stdout, done.stderr))
        return done.stdout

    def property(self, unit, name):
        return self.run("systemctl", "show", "--value", "--property", name, unit).strip()

    def journal(self, unit):
        self.run("journalctl", "--sync")  # what was said by now is in it
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit)
