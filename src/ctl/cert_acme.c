/* Certificates by ACME: the daemon asks, the command waits. */
#include <stdio.h>
#include <time.h>

#include "ctl/cert.h"
#include "ctl/command.h"
#include "ctl/ladder.h"
#include "ctl/object.h"
#include "ctl/term.h"

#define TERMS_MAX 1025
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

static enum ctl_exit follow(struct ctl *c, const char *path, bool *done, char *terms, size_t n)
{
    struct answer a;
    enum ctl_exit rc = client_call(c, "GET", path, NULL, &a);

    *done = rc == CTL_DONE && json_is_true(json_object_get(a.body, "done"));
    if (*done) {
        snprintf(terms, n, "%s", ladder_text(a.body, "terms"));
        rc = end_order(c, a.body);
    }
    answer_fini(&a);
    return rc;
}

/* One order, from the asking to its end. *terms: where the terms of service are that it failed for want of; else "". */
static enum ctl_exit order(struct ctl *c, char *terms, size_t n)
{
    const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
    const char *path = client_path(c, "/v1/certificates/", slice_str(c->args.operands[0]), "/acme");
    bool done = false;
    struct answer a;
    enum ctl_exit rc;

    terms[0] = '\0';
    if (!path)
        return CTL_REFUSED;
    rc = client_call(c, "POST", path, NULL, &a);
    answer_fini(&a);
    for (unsigned i = 0; i < POLLS_MAX && rc == CTL_DONE && !done; i++) {
        rc = follow(c, path, &done, terms, n);
        if (!done && rc == CTL_DONE)
            nanosleep(&pause, NULL);
    }
    return done || rc != CTL_DONE ? rc : ctl_fail(c, CTL_UNREACHABLE, "the daemon does not come to an end with it");
}

/* ---- the terms of service ---- */

static enum ctl_exit agree(struct ctl *c)
{
    json_t *body =
        json_pack("{s:[{s:s, s:s, s:{s:b}}]}", "changes", "op", "set", "kind", "gateway", "values", "acme-terms", 1);
    struct answer a;
    enum ctl_exit rc;

    if (!body)
        return ctl_fail_memory(c);
    rc = client_call(c, "POST", "/v1/changes", body, &a);
    answer_fini(&a);
    json_decref(body);
    return rc;
}

enum ctl_exit cert_order(struct ctl *c)
{
    char terms[TERMS_MAX], question[TERMS_MAX + 100];
    enum ctl_exit rc = order(c, terms, sizeof(terms));

    if (rc != CTL_REFUSED || !terms[0] || !c->interactive)
        return rc;
    snprintf(question, sizeof(question), "Do you agree to the terms of service at %s?", terms);
    if (!term_ask(c, question))
        return rc;
    rc = agree(c);
    return rc == CTL_DONE ? order(c, terms, sizeof(terms)) : rc;
}

enum ctl_exit cert_renew(struct ctl *c)
{
    return cert_order(c);
}
