/*
 * The bridge: decides who may talk to whom, and carries each message from one protocol to the other. It owns the SIP stack
 * and the XMPP side; they know nothing of each other.
 *
 * The way of a message, SIP to XMPP:  sip -> s2x_message -> map_im_to_stanza -> federation_send, and back: settled -> sip_respond.
 * XMPP to SIP:  xmpp -> x2s_message -> map_im_to_message -> sip_send, and back: on_result -> error stanza, federation_handled.
 */
#ifndef STOX_BRIDGE_BRIDGE_H
#define STOX_BRIDGE_BRIDGE_H

#include "bridge/contact.h"
#include "bridge/directory.h"
#include "net/dns.h"
#include "net/loop.h"
#include "net/tls.h"
#include "sip/probe.h"
#include "sip/subscription.h"
#include "xmpp/federation.h"

struct bridge;

struct bridge_conf {
    struct loop *loop;           /* all borrowed; outlive the bridge */
    const struct boot *boot;     /* host name and addresses to listen on */
    struct directory *directory; /* the first one: the bridge keeps it, the caller may drop his */
    struct tls *tls;             /* NULL: no TLS */
    struct dns *dns;
    const struct federation_maker *federation; /* of the XMPP side; what is behind it outlives the bridge too */
    struct ledger
        *ledger; /* of contacts, not started; closed after the door is shut and before bridge_free; NULL: none */
    struct loop_door *door; /* with ledger */
    uint8_t secret[32]; /* of this installation: ids derive from it, and dialback keys when there is no passphrase */
};

struct bridge *bridge_new(const struct bridge_conf *conf, struct err *err);

/* Reads the contacts, and opens the listeners that the configuration names. Blocks: seconds for a million contacts. */
int bridge_listen(struct bridge *b, struct err *err);

/*
 * The settings of next count from now on, for all that is there and all that comes; next is kept. What they no longer allow
 * ends: streams from the end of this turn on, in slices (federation_reconsider), messages that wait for SIP at once. Nothing here takes memory,
 * so it cannot fail. Returns the directory of before for the caller to drop, off the loop.
 */
struct directory *bridge_apply(struct bridge *b, struct directory *next);

/* The TLS context has new revocation lists: streams whose certificates they name end at the end of this turn. */
void bridge_revocations_changed(struct bridge *b);

/*
 * drain.c: takes no new work (503 with Retry-After, streams that are begun get system-shutdown), lets what is under way end, for the
 * gateway's stop-within at most, gives back the rest, ends presence and sessions, and closes streams in order. Then done is called,
 * or, drained, it rests until bridge_resume or bridge_stop. bridge_stop after bridge_drain goes on from there.
 */
void bridge_stop(struct bridge *b, void (*done)(void *arg), void *arg);
void bridge_drain(struct bridge *b);
void bridge_resume(struct bridge *b); /* as if it had just begun; not after bridge_stop */

/*
 * Another process takes over. Frozen, presence and contacts rest: SUBSCRIBE and what would change a contact is refused for now, and
 * soon nothing of ours waits for the disk (bridge_is_frozen). Then either bridge_thaw, or bridge_leave: what is connected to this process
 * goes on to be served until it is closed in order, within stop-within; pass gets datagrams that are not ours (sip/sip.h); done at the end.
 */
void bridge_freeze(struct bridge *b);
bool bridge_is_frozen(const struct bridge *b);
void bridge_thaw(struct bridge *b);
void bridge_leave(struct bridge *b, sip_pass *pass, void *pass_arg, void (*done)(void *arg), void *arg);

enum bridge_phase { BRIDGE_SERVING, BRIDGE_FROZEN, BRIDGE_LEAVING, BRIDGE_DRAINING, BRIDGE_STOPPING };
struct bridge_work {
    enum bridge_phase phase;
    bool quiet; /* draining, and nothing is left */
    size_t held, queued, sessions, streams;
    uint64_t stop_ms; /* stop-within */
};
void bridge_work(const struct bridge *b, struct bridge_work *out);
void bridge_free(struct bridge *b);

struct bridge_counters {
    uint64_t s2x_in, s2x_delivered, s2x_unconfirmed, s2x_refused, s2x_timed_out, s2x_outcome_unknown;
    uint64_t x2s_in, x2s_delivered, x2s_refused, x2s_empty;
    uint64_t s2x_throttled, x2s_throttled; /* of those refused: their senders were too fast */
    uint64_t bounces_matched, bounces_late;
    uint64_t typing_to_xmpp, typing_to_sip, receipts_to_xmpp, receipts_to_sip; /* to SIP: answered 2xx */
    uint64_t statuses_dropped;                            /* could not be told, or there was something newer */
    uint64_t challenges, digest_failures, digest_replays; /* of SIP requests that must prove who they are from */
    size_t held, queued;
};
const struct bridge_counters *bridge_counters(const struct bridge *b);

/* Appends all that is counted as OpenMetrics text, names stox_...; without the # EOF, which is the caller's to add. */
void bridge_put_metrics(const struct bridge *b, struct buf *out);

/* The XMPP side (xmpp/federation.h), handed through. */
void bridge_each_stream(const struct bridge *b, xmpp_stream_fn *fn, void *arg);
bool bridge_close_stream(struct bridge *b, uint64_t id);
bool bridge_show_stream(const struct bridge *b, uint64_t id, xmpp_detail_fn *fn, void *arg);
void bridge_each_attempt(const struct bridge *b, xmpp_attempt_fn *fn, void *arg);
uint64_t bridge_probe_start(struct bridge *b, struct slice local, struct slice remote, const char **why);
bool bridge_probe_show(const struct bridge *b, uint64_t id, xmpp_probe_fn *fn, void *arg);
/*
 * How the servers of a route are (bridge/watch.h), and the test of the way to one of its domains (sip/probe.h). False and 0: there is
 * no such route, when *why is NULL.
 */
struct watch_hop;
bool bridge_route_show(const struct bridge *b, struct slice route, void (*fn)(void *arg, const struct watch_hop *hop),
                       void *arg, const char **why);
uint64_t bridge_route_test(struct bridge *b, struct slice route, const char **why);
bool bridge_route_test_show(const struct bridge *b, uint64_t id,
                            void (*fn)(void *arg, const struct sip_probe_info *info), void *arg);
/* One conversation (bridge/talk.h). Borrowed until return. */
struct talk;
struct bridge_talk {
    const struct talk *talk;
    struct slice route; /* of its SIP user's domain; empty: it is none of ours any more */
    uint64_t now_ms;    /* of the loop's clock, as all times of it */
};
/* Those active before that turn, last first, until fn returns false. False: it did. */
bool bridge_each_talk(const struct bridge *b, uint64_t before, bool (*fn)(void *arg, const struct bridge_talk *talk),
                      void *arg);
bool bridge_show_talk(const struct bridge *b, uint64_t id, bool (*fn)(void *arg, const struct bridge_talk *talk),
                      void *arg);
/* A subscription on the SIP side, either way. Borrowed until return. */
struct bridge_sub {
    const struct contact *contact;
    bool sip_watches; /* a SIP user watches; otherwise a partner's user does */
    const char *state;
    bool there; /* there is one at this moment: info is its */
    struct sip_sub_info info;
    uint64_t retry_in_ms; /* 0: no timer runs */
};
typedef void bridge_sub_fn(void *arg, const struct bridge_sub *s);
/* In slices of about n contacts from *cursor on; of one user, on either side; of two people: false, they are no contact. */
void bridge_each_sub(struct bridge *b, uint64_t *cursor, size_t n, bridge_sub_fn *fn, void *arg);
void bridge_subs_of_user(struct bridge *b, const struct jid *user, bridge_sub_fn *fn, void *arg);
bool bridge_subs_of(struct bridge *b, const struct jid *local, const struct jid *remote, bridge_sub_fn *fn, void *arg);
/* What each knows of the other one's presence. sip_watches: it is the partner's user's. */
struct map_presence;
typedef void bridge_presence_fn(void *arg, bool sip_watches, const struct map_presence *p);
void bridge_presence_of(struct bridge *b, const struct jid *local, const struct jid *remote, bridge_presence_fn *fn,
                        void *arg);
/* Asks both sides anew. How many subscriptions that concerns. */
size_t bridge_refresh_subs(struct bridge *b, const struct jid *local, const struct jid *remote);

/* Contacts (bridge/contact.h), in slices from *cursor on; or those of one user, on either side. */
typedef void bridge_contact_fn(void *arg, const struct contact *c);
void bridge_each_contact(struct bridge *b, uint64_t *cursor, size_t n, bridge_contact_fn *fn, void *arg);
void bridge_contacts_of(struct bridge *b, const struct jid *user, bridge_contact_fn *fn, void *arg);
const struct contact *bridge_find_contact(const struct bridge *b, const struct jid *local, const struct jid *remote);
/* Our user watches the partner's no more; both: nor the other way round. False: *why; NULL: there is none. */
bool bridge_remove_contact(struct bridge *b, const struct jid *local, const struct jid *remote, bool both,
                           const char **why);
/* All contacts, both ways, of a user and of a domain: of ours, or of a partner with all it has. Empty: of all. */
struct bridge_purge {
    struct jid user;
    struct slice domain;
    bool dry; /* only counts */
};
/* A slice of it, from *cursor on; adds to *n_gone. False: the ledger takes no more now; go on later from 0. */
bool bridge_purge_contacts(struct bridge *b, const struct bridge_purge *what, uint64_t *cursor, size_t n,
                           uint64_t *n_gone);
/* Made, or changed to this, as another node would change it. False: *why. */
struct bridge_new_contact {
    struct jid local, remote;
    enum contact_x2s x2s;
    enum contact_s2x s2x;
    bool added;
};
bool bridge_put_contact(struct bridge *b, const struct bridge_new_contact *c, const char **why);
/* What became of such a change: it is being written; it is stored; or it is not so (it could not be written, or was changed again). */
enum bridge_written { BRIDGE_WRITING, BRIDGE_WRITTEN, BRIDGE_NOT_SO };
enum bridge_written bridge_contact_written(const struct bridge *b, const struct bridge_new_contact *c);
/* See bridge/viewer.h. */
struct viewer_wish;
struct viewer_event;
struct viewer_state;
uint64_t bridge_view(struct bridge *b, const struct viewer_wish *wish, bool *full);
bool bridge_view_end(struct bridge *b, uint64_t id, struct slice who);
bool bridge_view_read(struct bridge *b, uint64_t id, struct slice who, uint64_t after, size_t limit,
                      void (*fn)(void *arg, const struct viewer_event *e), void *arg, struct viewer_state *state);
/* See bridge/trial.h. */
struct trial;
uint64_t bridge_trial_start(struct bridge *b, struct slice from, struct slice to, struct slice text, unsigned *status,
                            const char **why);
const struct trial *bridge_trial_find(const struct bridge *b, uint64_t id);
/* See bridge/presence_trial.h; ways: our user watches the partner's, and the other way round. */
struct presence_trial;
uint64_t bridge_presence_trial_start(struct bridge *b, struct slice sip, struct slice xmpp, const bool ways[2],
                                     unsigned *status, const char **why);
const struct presence_trial *bridge_presence_trial_find(const struct bridge *b, uint64_t id);
uint64_t bridge_talk_id(const struct bridge *b, const struct jid *local, const struct jid *remote);
uint64_t bridge_now_ms(const struct bridge *b); /* of the loop's clock */
/* The primary domain of the partner that this domain (prepared) belongs to; empty: of none. Borrowed for this turn. */
struct slice bridge_partner_of(const struct bridge *b, struct slice domain);
/* What the gates between two people find (bridge/gate.h). Borrowed for this turn. */
struct gate_look;
void bridge_gates(const struct bridge *b, const struct jid *sip, const struct jid *xmpp, struct gate_look *out);

#endif
