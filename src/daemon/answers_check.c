/* Checks, as the API shows them. */
#include "daemon/answers_parts.h"
#include "daemon/checks.h"
#include "deploy/records.h"

/* Names that are none of ours are refused before anything begins. False: *no says why. */
static bool knows_domains(struct answers *a, const struct admin_check *what, struct admin_refusal *no)
{
    struct config *config = keeper_config(a->keeper);
    struct arena arena;
    struct slice name;
    bool ok = true;

    arena_init(&arena, 1u << 20);
    for (size_t i = 0; ok && i < what->n_domains; i++) {
        ok = jid_prep_domain(&arena, what->domains[i], &name) && config_find(config, &sip_domain_kind, name);
        if (!ok) {
            snprintf(a->why, sizeof(a->why), "%.*s is none of the SIP domains of this gateway: see stoxctl domain list",
                     SLICE_FMT(slice_first(what->domains[i], 255)));
            *no = (struct admin_refusal){ 422, a->why };
        }
    }
    arena_reset(&arena);
    config_drop(config);
    return ok;
}

/* "ip" or "ip@port". */
static bool is_resolver(struct slice text)
{
    struct slice ip, port;
    struct addr addr;
    uint64_t n;

    if (slice_cut(text, '@', &ip, &port) && (!slice_u64(port, UINT16_MAX, &n) || n == 0))
        return false;
    return addr_parse_ip(ip, 53, &addr);
}

json_t *answer_check_start(void *owner, const struct admin_check *what, struct admin_refusal *no)
{
    struct answers *a = owner;
    uint64_t id;

    for (size_t i = 0; i < what->n_resolvers; i++) {
        if (is_resolver(what->resolvers[i]))
            continue;
        *no = (struct admin_refusal){ 422, "resolvers: an IP address is expected here, or ip@port" };
        return NULL;
    }
    if (!knows_domains(a, what, no))
        return NULL;
    id = checks_begin(a->checks, what, no);
    return id ? json_pack("{s:I}", "id", (json_int_t)id) : NULL;
}

static void put_check(void *arg, const struct check_info *info)
{
    json_t **v = arg;

    *v = json_pack("{s:I, s:b, s:I, s:o, s:I}", "id", (json_int_t)info->id, "done", info->done, "took-ms",
                   (json_int_t)info->took_ms, "findings", answers_findings(info->found), "left-out",
                   (json_int_t)info->found->left_out);
    if (*v && info->done &&
        (json_object_set_new(*v, "works", json_boolean(findings_pass(info->found))) ||
         json_object_set_new(*v, "verdict", answers_text(slice_str(info->verdict))))) {
        json_decref(*v);
        *v = NULL;
    }
}

json_t *answer_check(void *owner, uint64_t id)
{
    struct answers *a = owner;
    json_t *v = NULL;

    return checks_show(a->checks, id, put_check, &v) ? v : json_null();
}
