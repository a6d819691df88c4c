/* The inside of lanes. lane.c: the object and its queue; lane_launch.c: where a message leaves; lane_answer.c: what SIP has
 * answered; flight_back.c: what its sender hears. */
#ifndef STOX_BRIDGE_LANE_PARTS_H
#define STOX_BRIDGE_LANE_PARTS_H

#include "bridge/lane.h"
#include "map/error.h"

/* ---- lane.c ---- */

/* f is the next to fly. */
void lane_push_first(struct lane *lane, struct flight *f);
/* None of those that wait has waited yet: they waited for a session, not for one another. */
void lane_restart_clocks(struct lane *lane);
/* Sends the oldest message, unless one flies; those that waited too long, or cannot be sent, go back. An empty lane ends. */
void lane_next(struct lane *lane);

/* ---- lane_launch.c ---- */

/* The way to its recipient as the settings are now; NULL: it was given back. */
const struct route *flight_route(struct flight *f, struct bridge *b);
/* True: it is lane->flying now. False: it was given back, and is the caller's to free. */
bool lane_launch(struct lane *lane, struct flight *f);

/* ---- lane_answer.c ---- */

/* See sip_request; arg is the lane, which may be gone after this. */
void lane_on_result(void *arg, const struct sip_result *result);

/* ---- flight_back.c: f stays the caller's ---- */

/* Its recipient may not be reached. */
void flight_give_back_refused(struct flight *f, struct bridge *b, const struct gate_refusal *no);
/* The fault is ours; text is what the sender reads. */
void flight_give_back_condition(struct flight *f, struct bridge *b, enum map_condition condition, const char *text);
/* No server has said anything: why, as its sender understands it. */
void flight_give_back_unanswered(struct flight *f, struct bridge *b, enum sip_no_answer why);
/* The final answer to a text, or that there is none. */
void flight_text_ended(struct flight *f, struct bridge *b, const struct sip_result *result);

#endif
