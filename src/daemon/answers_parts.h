/* Inside answers*.c: what they share, and the answers by file. See admin_ops for what each gives. */
#ifndef STOX_DAEMON_ANSWERS_PARTS_H
#define STOX_DAEMON_ANSWERS_PARTS_H

#include "daemon/answers.h"

json_t *answers_text(struct slice s);

/* The entries of a trace, timed from began_ms on. NULL on memory. */
json_t *answers_step_list(const struct steps *steps, const char *(*name)(unsigned kind), uint64_t began_ms);
json_t *answers_steps(const struct xmpp_trace *trace, uint64_t began_ms);

/* One stream as lists show it. NULL on memory. */
json_t *answers_stream_row(const struct xmpp_stream_info *info);

/* answers_streams.c */
json_t *answer_streams(void *owner);
bool answer_stream_close(void *owner, uint64_t id);
json_t *answer_stream(void *owner, uint64_t id);

/* answers_partner.c */
json_t *answer_partner_status(void *owner, struct slice name);
json_t *answer_test_start(void *owner, struct slice name, struct slice from, struct admin_refusal *no);
json_t *answer_test(void *owner, struct slice name, uint64_t id);

/* answers_route.c */
json_t *answer_route_status(void *owner, struct slice name);
json_t *answer_route_test_start(void *owner, struct slice name, struct admin_refusal *no);
json_t *answer_route_test(void *owner, struct slice name, uint64_t id);

/* answers_traffic.c */
json_t *answer_conversations(void *owner, const struct admin_look *look, struct admin_refusal *no);
json_t *answer_conversation(void *owner, struct slice id);
/* answers_contacts.c */
json_t *answer_contacts(void *owner, const struct admin_look *look, struct admin_refusal *no);
json_t *answer_contact(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no);
json_t *answer_contact_remove(void *owner, struct slice sip, struct slice xmpp, bool both, struct admin_refusal *no);
json_t *answer_contacts_purge(void *owner, const struct admin_look *look, bool dry, struct admin_refusal *no);
json_t *answer_contacts_put(void *owner, const json_t *list, struct admin_refusal *no);
/* answers_trace.c */
json_t *answer_trace_start(void *owner, const struct admin_trace *trace, bool dry, struct admin_refusal *no);
json_t *answer_trace_read(void *owner, uint64_t id, struct slice who, uint64_t after, uint64_t limit);
/* answers_trial.c */
json_t *answer_im_test_start(void *owner, struct slice from, struct slice to, struct slice text,
                             struct admin_refusal *no);
json_t *answer_im_test(void *owner, uint64_t id);

bool answer_trace_end(void *owner, uint64_t id, struct slice who);

json_t *answer_queue(void *owner, const struct admin_look *look, struct admin_refusal *no);

#endif
