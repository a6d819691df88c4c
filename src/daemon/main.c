#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "base/slice.h"
#include "daemon/link_key.h"
#include "daemon/proxy.h"

static const char usage[] =
    "Usage: stoxd --config FILE [--role ROLE] [--check | --make-key | --take-over FD]\n"
    "\n"
    "The Stox gateway between SIP/SIMPLE and XMPP. Runs in the foreground, logs to stderr.\n"
    "\n"
    "  -c, --config FILE   the bootstrap file (see stox.conf(5))\n"
    "  -r, --role ROLE     all, or with a proxy in the perimeter: gateway inside, proxy outside; without it what that "
    "file says\n"
    "  -k, --make-key      make the key of the link if there is none, print its pin, and end (roles gateway and "
    "proxy)\n"
    "  -t, --check         read and check that file, then end\n"
    "  -o, --take-over FD  take over from the stoxd at the other end of this socket, which has started it so\n"
    "                      (stoxctl service restart --hand-over)\n"
    "  -V, --version       print the version\n"
    "  -h, --help          print this\n"
    "\n"
    "Signals: SIGTERM and SIGINT end it in order: what waits is answered first; a second one at once. SIGHUP reads "
    "files again.\n"
    "Exit status: 0 ended in order, 1 could not start (the reason is on stderr), 2 wrong usage.\n";

static const struct option options[] = { { "config", required_argument, NULL, 'c' },
                                         { "role", required_argument, NULL, 'r' },
                                         { "make-key", no_argument, NULL, 'k' },
                                         { "check", no_argument, NULL, 't' },
                                         { "take-over", required_argument, NULL, 'o' },
                                         { "version", no_argument, NULL, 'V' },
                                         { "help", no_argument, NULL, 'h' },
                                         { NULL, 0, NULL, 0 } };

static bool take_role(const char *name, enum stoxd_role *role)
{
    for (size_t i = 0; stoxd_roles[i]; i++)
        if (slice_is(slice_str(name), stoxd_roles[i])) {
            *role = (enum stoxd_role)i;
            return true;
        }
    return false;
}

enum task { RUN, CHECK, MAKE_KEY };

static int run(enum task task, const struct stoxd_start *how, struct err *err)
{
    char pin[PIN_TEXT];
    int rc;

    switch (task) {
    case CHECK:
        rc = stoxd_check(how, err);
        if (rc == 0)
            printf("%s: the bootstrap file is good\n", how->config_file);
        return rc;
    case MAKE_KEY:
        rc = link_key_make(how, pin, err);
        if (rc == 0)
            puts(pin);
        return rc;
    case RUN: break;
    }
    return how->role == STOXD_PROXY ? proxy_run(how, err) : stoxd_run(how, err);
}

int main(int argc, char **argv)
{
    struct stoxd_start how = { .take_over = -1 };
    struct err err = { "" };
    bool says_role = false;
    uint64_t fd;
    enum task task = RUN;
    int opt;

    while ((opt = getopt_long(argc, argv, "c:r:kto:Vh", options, NULL)) != -1) {
        switch (opt) {
        case 'c': how.config_file = optarg; break;
        case 'r':
            if (!take_role(optarg, &how.role)) {
                fputs("--role takes all, gateway or proxy\n", stderr);
                return 2;
            }
            says_role = true;
            break;
        case 'k': task = MAKE_KEY; break;
        case 't': task = CHECK; break;
        case 'o':
            if (!slice_u64(slice_str(optarg), INT_MAX, &fd)) {
                fputs("--take-over takes the number of a descriptor\n", stderr);
                return 2;
            }
            how.take_over = (int)fd;
            break;
        case 'V': puts("stoxd " STOX_VERSION); return 0;
        case 'h': fputs(usage, stdout); return 0;
        default: fputs("Try: stoxd --help\n", stderr); return 2;
        }
    }
    if (how.config_file && optind == argc && stoxd_take_role(&how, says_role, &err)) {
        fprintf(stderr, "stoxd: %s\n", err.text);
        return 1;
    }
    if (!how.config_file || optind != argc || (how.role == STOXD_PROXY && how.take_over >= 0) ||
        (how.role == STOXD_ALL && task == MAKE_KEY)) {
        fputs(usage, stderr);
        return 2;
    }
    /* Messages come and go by the thousand: giving each one's pages back and fetching them again costs more than it saves. */
    mallopt(M_TRIM_THRESHOLD, 4 << 20);
    mallopt(M_TOP_PAD, 256 << 10);
    /* No core dumps, and nobody's debugger but root's: keys, passwords and messages are in here. */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (run(task, &how, &err)) {
        fprintf(stderr, "stoxd: %s\n", err.text);
        return 1;
    }
    return 0;
}
