/*
 * What the API has: one row for each method and path. A path's parts are compared after decoding; {kind} is the plural of a
 * kind of objects with names, {single} the name of one without, {name} and {id} any text. The description of the API
 * (openapi.c) is made of these rows.
 */
#ifndef STOX_ADMIN_ROUTES_H
#define STOX_ADMIN_ROUTES_H

#include "admin/call.h"

struct admin_route {
    const char *method, *path;
    enum admin_role role;        /* the least that may */
    void (*run)(struct call *c); /* leaves a reply */
    bool open;                   /* for those who are nobody yet */
    bool quiet;                  /* no use of a session: it keeps nobody signed in */
    size_t body_max;             /* 0: takes no body */
    const char *queries;         /* names it knows, each with a space behind */
    const char *summary;
    const char *takes, *gives; /* schemas of the body and the answer: names in openapi_schema.c; NULL: none */
    unsigned status;           /* of success */
};

#define ROUTES_CHANGING "dry-run strict " /* queries of what changes objects */

extern const struct admin_route admin_routes[];
extern const size_t admin_n_routes;

enum route_match { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

/* Finds the row of a request; c->kind and c->name get what the path says. HEAD is GET. */
enum route_match route_find(struct call *c, struct slice method);

/* The methods that the path of c has, for Allow. */
void route_allow(struct call *c, struct buf *out);

/* Does the route know this query? */
bool route_takes_query(const struct admin_route *route, struct slice key);

/* The problem that a refusal of the daemon's is. */
void admin_refuse_away(struct call *c, const struct admin_refusal *no);

/* The daemon's answers (traffic.c). Without a daemon none of the ops is set. */
extern const struct admin_refusal admin_away;
const struct admin_ops *admin_ops_of(const struct call *c);

/* v as the reply, which takes it; NULL: no says why not; JSON null: none says, as 404, what there is not. */
void admin_answer(struct call *c, json_t *v, const struct admin_refusal *no, const char *none);

/* Into the audit, and a line in the log; after is given back. False: the reply says why not, and it must not be done. */
bool admin_note(struct call *c, const char *action, struct slice name, json_t *after);

/* Handlers, by file. */
void objects_list(struct call *c);
void objects_new(struct call *c);
void object_get(struct call *c);
void object_set(struct call *c);
void object_put(struct call *c);
void object_remove(struct call *c);
void changes_post(struct call *c);
void effective_get(struct call *c);
void matrix_get(struct call *c);
void audit_get(struct call *c);
void status_get(struct call *c);
void metrics_get(struct call *c);
void events_get(struct call *c);
void history_get(struct call *c);
void service_get(struct call *c);
void service_post(struct call *c);
void streams_get(struct call *c);
void stream_remove(struct call *c);
void stream_get(struct call *c);
void partner_status(struct call *c);
void partner_test(struct call *c);
void partner_test_get(struct call *c);
void route_status(struct call *c);
void route_test(struct call *c);
void route_test_get(struct call *c);
void link_get(struct call *c);
void proxy_status(struct call *c);
void proxy_test(struct call *c);
void proxy_test_get(struct call *c);
void conversations_get(struct call *c);
void conversation_get(struct call *c);
void queue_get(struct call *c);
void subscriptions_get(struct call *c);
void subscription_get(struct call *c);
void subscription_refresh(struct call *c);
void certificates_list(struct call *c);
void certificates_new(struct call *c);
void certificate_acme(struct call *c);
void certificate_acme_get(struct call *c);
void certificate_get(struct call *c);
void certificate_remove(struct call *c);
void certificate_again(struct call *c);
void certificate_import(struct call *c);
void certificate_export(struct call *c);
void certificate_assign(struct call *c);
void certificate_check_get(struct call *c);
void contacts_get(struct call *c);
void contacts_post(struct call *c);
void contacts_purge(struct call *c);
void contact_get(struct call *c);
void contact_remove(struct call *c);
void traces_new(struct call *c);
void trace_get(struct call *c);
void trace_remove(struct call *c);
void im_tests_new(struct call *c);
void im_test_get(struct call *c);
void presence_tests_new(struct call *c);
void presence_test_get(struct call *c);
void dns_records_get(struct call *c);
void checks_post(struct call *c);
void check_get(struct call *c);
void openapi_get(struct call *c);
void users_list(struct call *c);
void user_get(struct call *c);
void users_new(struct call *c);
void user_set(struct call *c);
void user_remove(struct call *c);
void tokens_list(struct call *c);
void tokens_new(struct call *c);
void token_remove(struct call *c);
void session_get(struct call *c);
void session_post(struct call *c);
void session_remove(struct call *c);
void sessions_get(struct call *c);
void sessions_remove(struct call *c);
void session_password(struct call *c);
void setup_post(struct call *c);

#endif
