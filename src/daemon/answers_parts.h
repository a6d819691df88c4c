/* Inside answers*.c: what they share, and the answers by file. See admin_ops for what each gives. */
#ifndef STOX_DAEMON_ANSWERS_PARTS_H
#define STOX_DAEMON_ANSWERS_PARTS_H

#include "daemon/answers.h"

json_t *answers_text(struct slice s);
json_t *answers_address(const struct jid *j);

/* Adds o to the list, which is NULL from the moment when memory was missing. */
void answers_append(json_t **list, json_t *o);

/* One thing that is looked for on the loop. */
struct answers_search {
    struct bridge *bridge;
    struct slice name; /* whose it has to be; not used by all */
    uint64_t id;
    bool found;
    json_t *v; /* of what was found; NULL: memory was missing */
};
/* look is called on the loop, with the search. JSON null: not found. NULL: no memory, or the daemon is about to end. */
json_t *answers_find(struct answers *a, struct answers_search *s, void (*look)(void *arg));

/* Somebody's address without the resource, and its domain. False: it is none. bare->p NULL: no memory. */
bool answers_user(struct arena *a, struct slice text, struct slice *bare, struct slice *domain);

/* What a list was asked for, prepared. Empty: anything. */
struct answers_filter {
    struct arena arena;
    struct slice user;   /* bare */
    struct slice domain; /* of user */
    struct slice partner;
};
/* False: *no says what is wrong. Reset the arena in either case. */
bool answers_filter_init(struct answers_filter *f, const struct admin_look *look, struct admin_refusal *no);
/* Is the remote domain the partner's? */
bool answers_of_partner(const struct answers_filter *f, const struct bridge *b, struct slice remote);

/* The entries of a trace, timed from began_ms on. NULL on memory. */
json_t *answers_step_list(const struct steps *steps, const char *(*name)(unsigned kind), uint64_t began_ms);
json_t *answers_steps(const struct xmpp_trace *trace, uint64_t began_ms);
/* How a test that is over has ended. *v NULL: no memory, before or now. */
void answers_add_verdict(json_t **v, bool works, const char *fault, struct slice verdict);

/* One stream as lists show it. NULL on memory. */
json_t *answers_stream_row(const struct xmpp_stream_info *info);

/* answers_certificates.c */
json_t *answer_identities(void *owner);
void answers_add_certificates(struct answers *a,
                              json_t *status); /* "certificates" of the status; without memory it is missing */
/* A label's value (OpenMetrics): its own three escapes. */
void answers_put_label(struct buf *out, const char *text);
void answers_put_certificates(struct answers *a, struct buf *out);

/* answers_streams.c */
json_t *answer_streams(void *owner);
bool answer_stream_close(void *owner, uint64_t id);
json_t *answer_stream(void *owner, uint64_t id);

/* answers_partner.c */
json_t *answer_partner_status(void *owner, struct slice name);
/* answers_history.c */
json_t *answer_history(void *owner, uint64_t minutes);

/* answers_states.c */
json_t *answer_partner_states(void *owner);

json_t *answer_test_start(void *owner, struct slice name, struct slice from, struct admin_refusal *no);
json_t *answer_test(void *owner, struct slice name, uint64_t id);

/* answers_route.c */
json_t *answer_route_status(void *owner, struct slice name);
json_t *answer_route_test_start(void *owner, struct slice name, struct admin_refusal *no);
json_t *answer_route_test(void *owner, struct slice name, uint64_t id);

/* answers_proxies.c */
json_t *answer_link(void *owner);
json_t *answer_proxy_status(void *owner, struct slice name);
json_t *answer_proxy_test_start(void *owner, struct slice name, struct admin_refusal *no);
json_t *answer_proxy_test(void *owner, struct slice name, uint64_t id);

/* answers_talks.c */
json_t *answer_conversations(void *owner, const struct admin_look *look, struct admin_refusal *no);
json_t *answer_conversation(void *owner, struct slice id);
/* answers_subscriptions.c */
json_t *answer_subscriptions(void *owner, const struct admin_look *look, struct admin_refusal *no);
json_t *answer_subscription(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no);
json_t *answer_subscription_refresh(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no);

/* answers_contacts.c */
json_t *answer_contacts(void *owner, const struct admin_look *look, struct admin_refusal *no);
/* answers_contacts_browse.c */
json_t *answer_contacts_browse(void *owner, const struct admin_look *look, struct admin_refusal *no);
json_t *answer_contact(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no);
json_t *answer_contact_remove(void *owner, struct slice sip, struct slice xmpp, bool both, struct admin_refusal *no);
json_t *answer_contacts_purge(void *owner, const struct admin_look *look, bool dry, struct admin_refusal *no);
json_t *answer_contacts_put(void *owner, const json_t *list, struct admin_refusal *no);
/* answers_gates.c */
json_t *answer_gates(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no);
/* answers_trace.c */
json_t *answer_trace_start(void *owner, const struct admin_trace *trace, bool dry, struct admin_refusal *no);
json_t *answer_trace_read(void *owner, uint64_t id, struct slice who, uint64_t after, uint64_t limit);
bool answer_trace_end(void *owner, uint64_t id, struct slice who);

/* answers_trial.c */
json_t *answer_im_test_start(void *owner, struct slice from, struct slice to, struct slice text,
                             struct admin_refusal *no);
json_t *answer_im_test(void *owner, uint64_t id);

/* answers_presence_trial.c */
json_t *answer_presence_test_start(void *owner, struct slice sip, struct slice xmpp, bool to_xmpp, bool to_sip,
                                   struct admin_refusal *no);
json_t *answer_presence_test(void *owner, uint64_t id);

/* answers_dns.c */
json_t *answer_dns_records(void *owner, const struct admin_check *what, uint64_t ttl_s, struct admin_refusal *no);
json_t *answer_check_start(void *owner, const struct admin_check *what, struct admin_refusal *no);
json_t *answer_check(void *owner, uint64_t id);
/* The findings as a list. NULL on memory. */
struct findings;
json_t *answers_findings(const struct findings *f);

/* answers_verdicts.c */
void answers_add_verdicts(struct answers *a,
                          json_t *status); /* "checks"; missing before the first, or without memory */
void answers_put_verdicts(struct answers *a, struct buf *out);

/* answers_queue.c */
json_t *answer_service(void *owner);
bool answer_service_do(void *owner, enum admin_service_action action, struct admin_refusal *no);
json_t *answer_queue(void *owner, const struct admin_look *look, struct admin_refusal *no);

/* answers_acme.c */
json_t *answer_acme_start(void *owner, struct slice name, struct admin_refusal *no);
json_t *answer_acme(void *owner, struct slice name);
void answers_put_acme(struct answers *a, struct buf *out);
void answers_add_acme(struct answers *a, json_t *status); /* what fails */

#endif
