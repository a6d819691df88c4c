/* Checks that the daemon runs: begun, followed, judged. */
#include <time.h>

#include "ctl/check_users.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/findings.h"
#include "ctl/ladder.h"
#include "ctl/names.h"
#include "ctl/object.h"
#include "ctl/term.h"

#define POLL_MS 100
#define POLLS_MAX 3000 /* five minutes: the daemon's own bounds are shorter */

static enum ctl_exit end_check(struct ctl *c, const json_t *check)
{
    if (args_has(&c->args, OPT_JSON)) {
        object_print_json(c, check);
    } else {
        fputc('\n', c->out);
        term_write(c->out, slice_str(ladder_text(check, "verdict")));
        fputc('\n', c->out);
    }
    return json_is_true(json_object_get(check, "works")) ? CTL_DONE : CTL_REFUSED;
}

/* Asks once. CTL_DONE with *done not set: it goes on. */
static enum ctl_exit follow(struct ctl *c, const char *path, bool areas, size_t *shown, bool *done)
{
    struct answer a;
    enum ctl_exit rc = client_call(c, "GET", path, NULL, &a);

    if (rc == CTL_DONE) {
        if (!args_has(&c->args, OPT_JSON))
            *shown = findings_print(c->out, json_object_get(a.body, "findings"), *shown, areas);
        *done = json_is_true(json_object_get(a.body, "done"));
        if (*done)
            rc = end_check(c, a.body);
    }
    answer_fini(&a);
    return rc;
}

/* body is given back. areas: what is found is about many things. */
static enum ctl_exit run_check(struct ctl *c, json_t *body, bool areas)
{
    const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
    struct answer a;
    enum ctl_exit rc;
    size_t shown = 0;
    bool done = false;
    char path[64];

    if (!body)
        return ctl_fail_memory(c);
    rc = client_call(c, "POST", "/v1/checks", body, &a);
    snprintf(path, sizeof(path), "/v1/checks/%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(a.body, "id")));
    answer_fini(&a);
    json_decref(body);
    for (unsigned i = 0; i < POLLS_MAX && rc == CTL_DONE && !done; i++) {
        rc = follow(c, path, areas, &shown, &done);
        if (!done && rc == CTL_DONE)
            nanosleep(&pause, NULL);
    }
    return done || rc != CTL_DONE ? rc
                                  : ctl_fail(c, CTL_UNREACHABLE, "the daemon does not come to an end with the check");
}

/* All --resolver. NULL on memory. */
static json_t *resolvers(struct ctl *c)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->args.n_options; i++)
        if (c->args.options[i].id == OPT_RESOLVER)
            json_array_append_new(list, json_string(c->args.options[i].value));
    return list;
}

enum ctl_exit dns_run_check(struct ctl *c)
{
    struct names names = { 0 };
    enum ctl_exit rc = names_of_operands(c, 0, &names);
    json_t *domains = json_array();

    for (size_t i = 0; i < names.n; i++)
        json_array_append_new(domains, json_stringn(names.v[i].p, names.v[i].n));
    if (rc != CTL_DONE || json_array_size(domains) != names.n) {
        json_decref(domains);
        return rc != CTL_DONE ? rc : ctl_fail(c, CTL_USAGE, "a domain is not written in UTF-8");
    }
    return run_check(c, json_pack("{s:s, s:o, s:o}", "what", "dns", "domains", domains, "resolvers", resolvers(c)),
                     false);
}

enum ctl_exit check_all(struct ctl *c)
{
    const char *users = args_value(&c->args, OPT_USERS);

    if (users)
        return check_users(c, users);
    return run_check(c, json_pack("{s:s}", "what", "all"), true);
}
