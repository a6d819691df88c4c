/* Certificates by ACME: the daemon asks, the command waits. */
#include <time.h>

#include "ctl/cert.h"
#include "ctl/command.h"
#include "ctl/ladder.h"
#include "ctl/object.h"
#include "ctl/term.h"

#define POLL_MS 200
#define POLLS_MAX 6000 /* twenty minutes: the daemon's own bounds are shorter */

static enum ctl_exit end_order(struct ctl *c, const json_t *order)
{
    if (args_has(&c->args, OPT_JSON)) {
        object_print_json(c, order);
    } else if (json_is_true(json_object_get(order, "works"))) {
        term_write(c->out, slice_str(ladder_text(order, "verdict")));
        fputc('\n', c->out);
    }
    return json_is_true(json_object_get(order, "works"))
               ? CTL_DONE
               : ctl_fail(c, CTL_REFUSED, "%s", ladder_text(order, "verdict"));
}

static enum ctl_exit follow(struct ctl *c, const char *path, bool *done)
{
    struct answer a;
    enum ctl_exit rc = client_call(c, "GET", path, NULL, &a);

    *done = rc == CTL_DONE && json_is_true(json_object_get(a.body, "done"));
    if (*done)
        rc = end_order(c, a.body);
    answer_fini(&a);
    return rc;
}

enum ctl_exit cert_order(struct ctl *c)
{
    const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
    const char *path = client_path(c, "/v1/certificates/", slice_str(c->args.operands[0]), "/acme");
    bool done = false;
    struct answer a;
    enum ctl_exit rc;

    if (!path)
        return CTL_REFUSED;
    rc = client_call(c, "POST", path, NULL, &a);
    answer_fini(&a);
    for (unsigned i = 0; i < POLLS_MAX && rc == CTL_DONE && !done; i++) {
        rc = follow(c, path, &done);
        if (!done && rc == CTL_DONE)
            nanosleep(&pause, NULL);
    }
    return done || rc != CTL_DONE ? rc : ctl_fail(c, CTL_UNREACHABLE, "the daemon does not come to an end with it");
}

enum ctl_exit cert_renew(struct ctl *c)
{
    return cert_order(c);
}
