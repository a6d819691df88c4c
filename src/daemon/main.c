#include <getopt.h>
#include <malloc.h>
#include <stdio.h>

#include "daemon/stoxd.h"

static const char usage[] =
    "Usage: stoxd --config FILE [--check]\n"
    "\n"
    "The Stox gateway between SIP/SIMPLE and XMPP. Runs in the foreground, logs to stderr.\n"
    "\n"
    "  -c, --config FILE   the bootstrap file (see stox.conf(5))\n"
    "  -t, --check         read and check that file, then end\n"
    "  -V, --version       print the version\n"
    "  -h, --help          print this\n"
    "\n"
    "Signals: SIGTERM and SIGINT end it in order: what waits is answered first; a second one at once. SIGHUP reads files again.\n"
    "Exit status: 0 ended in order, 1 could not start (the reason is on stderr), 2 wrong usage.\n";

static const struct option options[] = { { "config", required_argument, NULL, 'c' },
                                         { "check", no_argument, NULL, 't' },
                                         { "version", no_argument, NULL, 'V' },
                                         { "help", no_argument, NULL, 'h' },
                                         { NULL, 0, NULL, 0 } };

int main(int argc, char **argv)
{
    const char *config = NULL;
    struct err err = { "" };
    int check = 0, opt, rc;

    while ((opt = getopt_long(argc, argv, "c:tVh", options, NULL)) != -1) {
        switch (opt) {
        case 'c': config = optarg; break;
        case 't': check = 1; break;
        case 'V': puts("stoxd " STOX_VERSION); return 0;
        case 'h': fputs(usage, stdout); return 0;
        default: fputs("Try: stoxd --help\n", stderr); return 2;
        }
    }
    if (!config || optind != argc) {
        fputs(usage, stderr);
        return 2;
    }
    /* Messages come and go by the thousand: giving each one's pages back and fetching them again costs more than it saves. */
    mallopt(M_TRIM_THRESHOLD, 4 << 20);
    mallopt(M_TOP_PAD, 256 << 10);
    rc = check ? stoxd_check(config, &err) : stoxd_run(config, &err);
    if (rc) {
        fprintf(stderr, "stoxd: %s\n", err.text);
        return 1;
    }
    if (check)
        printf("%s: the bootstrap file is good\n", config);
    return 0;
}
