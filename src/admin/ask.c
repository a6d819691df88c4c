/* What the daemon asks of its own API. */
#include <stdio.h>

#include "admin/routes.h"

static int outcome(const struct call *c, struct err *err)
{
    json_t *v;
    const char *why;

    if (c->reply.status >= 200 && c->reply.status < 300)
        return 0;
    v = c->reply.body ? json_loadb(c->reply.body, c->reply.n, 0, NULL) : NULL;
    why = json_string_value(json_object_get(v, "detail"));
    err_set(err, "%s", why ? why : "there is no memory for it");
    json_decref(v);
    return -1;
}

static int run(struct call *c, struct err *err)
{
    const char *why = "";

    if (!target_parse(&c->target, c->uri, &c->arena, &why) || route_find(c, SLICE("POST")) != ROUTE_FOUND)
        return err_set(err, "the daemon's own request is none: %s", why);
    c->route->run(c);
    return outcome(c, err);
}

int admin_ask(struct admin *a, const char *who, const char *uri, json_t *body, struct err *err)
{
    struct call *c = body ? call_new(a, uri) : NULL;
    int rc;

    if (!c) {
        json_decref(body);
        return err_memory(err, "changing a certificate");
    }
    c->json = body;
    snprintf(c->from, sizeof(c->from), "stoxd");
    c->who = (struct who){ .kind = WHO_UNIX, .role = ADMIN_ADMINISTRATOR };
    snprintf(c->who.name, sizeof(c->who.name), "%s", who);
    snprintf(c->who.text, sizeof(c->who.text), "%s", who);
    rc = run(c, err);
    call_free(c);
    return rc;
}
