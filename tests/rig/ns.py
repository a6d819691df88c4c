"""
A network, mount and process namespace of our own, with or without root.

Inside it every address of 10.99.0.0/16 is ours, ports below 1024 are free to take, and /etc/resolv.conf, /etc/hosts and
/etc/ssl/certs are the rig's. Nothing outside is touched, and whatever was started inside ends with it.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

NETWORK = "10.99.0.0/16"  # all local
SILENT = "10.98.0.0/16"  # reachable by route, answers nothing, not even ARP
IN_NS = "STOX_RIG_OUTSIDE"  # inside: the network namespace we came from
WORK = "STOX_RIG_WORK"
LIFELINE = "STOX_RIG_LIFELINE"  # a pipe that ends when the launcher does, however that came about
REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAST = os.path.join(REPO, "tests", "rig", ".work", "last" + os.environ.get("STOX_WORKER", ""))  # logs of the last run that failed


def inside():
    outside = os.environ.get(IN_NS)
    return outside is not None and outside != os.readlink("/proc/self/ns/net")


def work_dir():
    return os.environ[WORK]


def launcher_pid():
    """As seen outside: the process that waits for the namespace to end."""
    with open(os.path.join(work_dir(), "pids")) as f:
        return f.read().split()[0]


def outside_pid():
    """As seen outside: a process inside the network and mount namespaces, for nsenter."""
    with open(os.path.join(work_dir(), "pids")) as f:
        return f.read().split()[1]


def is_root():
    """Root outside, that is, able to give each peer its own user. In a user namespace there is one user only."""
    with open("/proc/self/uid_map") as f:
        return os.geteuid() == 0 and f.read().split()[2] == "4294967295"


def _unshare():
    base = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
    user = [] if is_root() else ["--map-current-user", "--keep-caps"]
    tried = ""
    for proc in (["--mount-proc"], []):  # a container may forbid a new /proc; the old one will do
        argv = base + user + proc
        done = subprocess.run(argv + ["true"], stderr=subprocess.PIPE, text=True)
        if done.returncode == 0:
            return argv
        tried = done.stderr.strip()
    sys.exit("rig: no namespace of our own: %s\n"
             "rig: run as root, or allow them: sysctl kernel.unprivileged_userns_clone=1 (in a container: add the\n"
             "rig: capability SYS_ADMIN)" % tried)


def _keep_logs(work):
    logs = os.path.join(work, "log")
    try:
        shutil.rmtree(LAST, ignore_errors=True)
        shutil.copytree(logs, LAST)
        print("rig: logs are in %s" % LAST, file=sys.stderr)
    except OSError as e:
        print("rig: the logs could not be kept: %s" % e, file=sys.stderr)


def _terminate(child):
    """unshare itself does not heed SIGTERM; what runs in it does, and ends in order."""
    try:
        with open("/proc/%d/task/%d/children" % (child.pid, child.pid)) as f:
            for pid in f.read().split():
                os.kill(int(pid), signal.SIGTERM)
    except OSError:
        child.kill()


def enter():
    """Runs this program again inside the namespace and exits with its status. Inside: sets it up and returns."""
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"  # an ordinary user's has neither, and keymgr and ip are there
    if inside():
        _setup()
        return
    work = tempfile.mkdtemp(prefix="stox-rig-")
    os.chmod(work, 0o755)
    os.mkdir(os.path.join(work, "log"))
    lifeline, _held = os.pipe()
    env = dict(os.environ, **{IN_NS: os.readlink("/proc/self/ns/net"), WORK: work, LIFELINE: str(lifeline)})
    child = None
    try:
        child = subprocess.Popen(_unshare() + [sys.executable] + sys.argv, env=env, pass_fds=[lifeline])
        with open(os.path.join(work, "pids"), "w") as f:
            f.write("%d %d" % (os.getpid(), child.pid))
        signal.signal(signal.SIGTERM, lambda *_: _terminate(child))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the child as well
        status = child.wait()
        if status != 0:
            _keep_logs(work)
    finally:
        if child is not None and child.poll() is None:
            child.kill()
            child.wait()
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(status if status >= 0 else 128 - status)


def _run(*argv):
    subprocess.run(argv, check=True)


def _hold(lifeline):
    os.set_inheritable(lifeline, False)
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _setup():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    threading.Thread(target=_hold, args=(int(os.environ[LIFELINE]),), daemon=True).start()
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "address", "add", "10.99.0.1/16", "dev", "lo")
    _run("ip", "-6", "route", "add", "local", "fd99::/64", "dev", "lo")
    _run("ip", "link", "add", "silent0", "type", "veth", "peer", "name", "silent1")
    _run("ip", "link", "set", "silent0", "arp", "off", "up")
    _run("ip", "link", "set", "silent1", "arp", "off", "up")
    _run("ip", "address", "add", "10.98.255.254/16", "dev", "silent0")
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w") as f:
        f.write("0")


def bind(source, target):
    """Puts our file or directory over the system's, inside the namespace only."""
    if not os.path.exists(target):  # a bare debootstrap has no /etc/hosts
        sys.exit("rig: this machine has no %s, so that nothing can be put over it; an empty one will do" % target)
    _run("mount", "--bind", source, os.path.realpath(target))


def own_user(path, name):
    """Gives a tree to a package's user, if we are root and there is one; returns what Popen needs to be it."""
    import pwd
    if not is_root():
        return {}
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return {}
    for at, dirs, files in os.walk(path):
        for each in [at] + [os.path.join(at, f) for f in files]:
            os.chown(each, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
