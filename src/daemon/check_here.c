/* This machine: what listens, the clock, the disk, what the process may have. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "daemon/check_rows.h"
#include "daemon/descriptors.h"

#define CONNECT_MS 2000
#define MIB (1ull << 20)
#define DISK_FEW (512 * MIB)
#define DISK_NONE (50 * MIB)
#define CLOCK_FAR_US 1000000L /* how far the kernel thinks that the clock may be off */

/* ---- ports ---- */

struct addr check_reachable(const struct addr *listening)
{
    struct addr a = *listening;

    if (!addr_is_wildcard(listening))
        return a;
    (void)addr_parse_ip(a.sa.sa_family == AF_INET6 ? SLICE("::1") : SLICE("127.0.0.1"), addr_port(listening), &a);
    return a;
}

/* 0, or an errno. */
static int try_to_connect(const struct addr *to)
{
    int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), fault = 0;
    struct pollfd ready = { .fd = fd, .events = POLLOUT };
    socklen_t n = sizeof(fault);

    if (fd < 0)
        return errno;
    if (connect(fd, &to->sa, addr_len(to)) != 0) {
        fault = errno;
        if (fault == EINPROGRESS)
            fault = poll(&ready, 1, CONNECT_MS) == 1 ? 0 : ETIMEDOUT;
        if (fault == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &n) != 0)
            fault = errno;
    }
    close(fd);
    return fault;
}

/* Whoever could take the same UDP address would find that nobody has it. */
static int try_to_take(const struct addr *at)
{
    int fd = socket(at->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), fault;

    if (fd < 0)
        return errno;
    fault = bind(fd, &at->sa, addr_len(at)) == 0 ? ECONNREFUSED : errno == EADDRINUSE ? 0 : errno;
    close(fd);
    return fault;
}

static void check_port(struct check *c, const char *setting, const struct addr *at, bool udp)
{
    struct addr to = check_reachable(at);
    int fault = udp ? try_to_take(at) : try_to_connect(&to);
    char text[ADDR_TEXT];

    addr_text(at, text);
    if (fault == 0)
        findings_add(c->out, FINDING_OK, "port", text, "%s %s is open", setting, text);
    else
        findings_remedy(c->out,
                        findings_add(c->out, FINDING_FAILED, "port-closed", text,
                                     "%s %s cannot be connected to from here: %s", setting, text, strerror(fault)),
                        "Is a packet filter in the way? The log of the start says what was listened on.");
}

void check_ports(struct check *c)
{
    const struct boot *b = c->conf->boot;
    const struct {
        const char *setting;
        const struct setting_list *list;
        bool udp;
    } listeners[] = {
        { "listen-xmpp", &b->xmpp, false },       { "listen-xmpps", &b->xmpps, false },
        { "listen-sip-udp", &b->sip_udp, true },  { "listen-sip-tcp", &b->sip_tcp, false },
        { "listen-sip-tls", &b->sip_tls, false }, { "listen-admin", &b->admin, false },
    };

    for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++) {
        const struct addr *at = listeners[i].list->v;

        for (size_t k = 0; k < listeners[i].list->n; k++)
            check_port(c, listeners[i].setting, &at[k], listeners[i].udp);
    }
    if (b->sip_udp.n + b->sip_tcp.n + b->sip_tls.n == 0)
        findings_add(c->out, FINDING_FAILED, "no-sip", "", "nothing listens for SIP: set listen-sip-udp, -tcp or -tls");
    if (b->xmpp.n + b->xmpps.n == 0 && config_list(c->config, &proxy_kind)->n == 0)
        findings_add(c->out, FINDING_WARNING, "no-xmpp", "",
                     "nothing listens for XMPP: partners can only answer on streams of ours (bidi), or as components");
}

/* ---- clock ---- */

void check_clock(struct check *c)
{
    struct timex t = { .modes = 0 };
    int state = adjtimex(&t);
    struct finding *it;

    if (state < 0) {
        findings_add(c->out, FINDING_NOTE, "clock-unknown", "", "the kernel does not say how good the clock is: %s",
                     strerror(errno));
    } else if (state == TIME_ERROR || (t.status & STA_UNSYNC)) {
        it = findings_add(
            c->out, FINDING_WARNING, "clock-unsynchronised", "",
            "the clock of this machine is not kept by NTP: certificates are judged, and lines logged, by it");
        findings_remedy(c->out, it, "Run chrony, ntpd or systemd-timesyncd. In a container this is the host's.");
    } else if (t.maxerror > CLOCK_FAR_US) {
        findings_add(c->out, FINDING_WARNING, "clock-far", "", "the clock may be off by %ld ms", t.maxerror / 1000);
    } else {
        findings_add(c->out, FINDING_OK, "clock", "", "the clock is synchronised, to %ld ms at most",
                     t.maxerror / 1000);
    }
}

/* ---- disk ---- */

static void check_space(struct check *c, const char *dir, const struct statvfs *fs)
{
    unsigned long long left = (unsigned long long)fs->f_bavail * fs->f_frsize;
    enum finding_mark mark = left < DISK_NONE ? FINDING_FAILED : left < DISK_FEW ? FINDING_WARNING : FINDING_OK;
    struct finding *it = findings_add(c->out, mark, mark == FINDING_OK ? "disk" : "disk-full", dir,
                                      "%s has %llu MiB left", dir, left / MIB);

    if (mark != FINDING_OK)
        findings_remedy(c->out, it, "Make room: without it settings and contacts cannot be written.");
    if (fs->f_files && fs->f_favail < 100)
        findings_add(c->out, FINDING_WARNING, "disk-inodes", dir, "%s has room for %llu more files only", dir,
                     (unsigned long long)fs->f_favail);
}

void check_disk(struct check *c)
{
    const char *dir = c->conf->boot->state_dir;
    struct statvfs fs;

    if (statvfs(dir, &fs) != 0)
        findings_add(c->out, FINDING_FAILED, "state-dir", dir, "state-dir %s: %s", dir, strerror(errno));
    else if (access(dir, R_OK | W_OK | X_OK) != 0)
        findings_add(c->out, FINDING_FAILED, "state-dir", dir, "state-dir %s cannot be written: %s", dir,
                     strerror(errno));
    else
        check_space(c, dir, &fs);
}

/* ---- limits ---- */

struct count {
    struct bridge *bridge;
    size_t streams;
};

static void count_one(void *arg, const struct xmpp_stream_info *info)
{
    ((struct count *)arg)->streams++;
}

static void count_streams(void *arg)
{
    struct count *n = arg;

    bridge_each_stream(n->bridge, count_one, n);
}

static void check_streams(struct check *c, unsigned max)
{
    struct count n = { .bridge = c->conf->bridge };
    struct finding *it;
    bool full;

    if (!loop_call(c->conf->door, count_streams, &n))
        return;
    full = n.streams * 10 >= (size_t)max * 9;
    it = findings_add(c->out, full ? FINDING_WARNING : FINDING_OK, full ? "streams-full" : "streams", "",
                      "%zu of %u streams are open", n.streams, max);
    if (full)
        findings_line(c->out, it, "stoxctl gateway set --connection-limit %u", 2 * max);
}

void check_limits(struct check *c)
{
    unsigned max = config_gateway(c->config)->connection_limit;
    uint64_t want = descriptors_wanted(max);
    struct rlimit limit = { 0 };
    struct finding *it;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < want) {
        it = findings_add(c->out, FINDING_WARNING, "descriptors-few", "",
                          "this process may have %llu file descriptors, but %u streams (connection-limit) want %llu",
                          (unsigned long long)limit.rlim_cur, max, (unsigned long long)want);
        findings_remedy(c->out, it, "Raise LimitNOFILE of the service, or lower connection-limit.");
    } else {
        findings_add(c->out, FINDING_OK, "descriptors", "", "there are file descriptors for %u streams", max);
    }
    check_streams(c, max);
}
