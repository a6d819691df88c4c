/*
 * The proxy's end as its own files see it: proxy.c (life, lines, sessions), proxy_settings.c (copies), proxy_out.c (toward
 * partners), proxy_in.c (from partners), proxy_owner.c (which gateway they are for), proxy_links.c (what is proven), proxy_seen.c,
 * proxy_streams.c, proxy_trials.c and proxy_knocks.c (for administrators).
 */
#ifndef STOX_LINK_PROXY_PARTS_H
#define STOX_LINK_PROXY_PARTS_H

#include "base/hash.h"
#include "link/copy.h"
#include "link/credit.h"
#include "link/proxy.h"

struct link_proxy {
    struct link_proxy_conf conf;
    struct federation *federation; /* owned */
    struct list lines;             /* struct proxy_line, owned */
    size_t n_lines;
    struct list sessions; /* struct proxy_session, owned; who was heard longest without a pause first */
    size_t n_sessions;
    struct listener **listeners; /* owned, as the array */
    size_t n_listeners;
    struct hash outs; /* struct proxy_out by token */
    uint64_t last_token, last_in;
    size_t kept; /* bytes of struct proxy_in */
    unsigned char process[LINK_RANDOM];
    struct buf scratch; /* a stanza being written */
    struct log_limit log_strangers, log_lost;
    bool stopping;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

/* A connection, which has a session from HELLO on. */
struct proxy_line {
    struct list link;
    struct link_proxy *proxy;
    struct link_line *line;
    struct proxy_session *session; /* NULL: none yet, or it was taken away */
    bool twin;                     /* refused, as another gateway has its key */
};

struct proxy_session {
    struct list link;
    struct link_proxy *proxy;
    struct link_session session;
    char pin[PIN_TEXT]; /* the gateway's */
    char name[256];
    unsigned char twin[LINK_RANDOM]; /* the process that was refused last, as it has the same key */
    struct link_copy *copy;          /* in use; NULL: none yet */
    struct link_copy *next;          /* being told */
    uint64_t next_version;           /* 0: none is being told, or it was refused already */
    uint64_t n_next;
    char refused[LINK_WHY_MAX]; /* why the last version was not used; "": it was */
    struct buf lists;           /* revocation lists, being told */
    size_t lists_n;             /* so many bytes of them are to come in all */
    bool has_lists;             /* those that it has told are in use */
    enum link_phase phase;
    struct timer gone;     /* without a line */
    struct timer lease;    /* runs out */
    struct list outs;      /* struct proxy_out, owned */
    struct hash by_id;     /* of these */
    struct hash ins_by_id; /* struct proxy_in, owned: given to the gateway, or waiting, and not handled */
    struct list ins;       /* the same, in the order in which they came */
    uint64_t let_go;       /* up to this id some of them are another gateway's now, or nobody's */
    struct hash linked;    /* struct proxy_linked, owned */
    struct hash accounts;  /* struct proxy_account, owned */
    bool begins;           /* it has no line yet */
    bool learns;           /* its copy is its predecessor's: it gets no stanzas until it has told its own */
    bool knows_links;      /* it was told of all that are up */
    bool leaving;          /* another process of its gateway serves: it ends what it has, and has no settings */
    bool over;             /* it goes at the end of what runs now */
    struct hash shown;     /* struct proxy_shown, owned: the streams that it has been told of, on this line */
    uint64_t n_shows;      /* looks at all streams, so far */
    uint64_t attempts_ms;  /* set-ups that failed before were told */
    struct list probes;    /* struct proxy_probe, owned */
    size_t n_probes;
    struct list knocks; /* struct proxy_knock, owned */
    size_t n_knocks;
    bool watches; /* it wants notes */
    unsigned notes_dropped;
};

/* One partner's share of a link. */
struct proxy_account {
    struct hash_node node;
    struct proxy_session *session;
    struct link_credit in, out;
    struct list waiting; /* struct proxy_in: stanzas that were read before the pause counted */
    size_t kept;         /* bytes of struct proxy_in */
    bool paused;
    size_t name_n;
    char name[];
};

/* A stanza of the gateway's that is federation's now. */
struct proxy_out {
    struct list link;
    struct hash_node by_token, by_id;
    struct proxy_session *session;
    struct proxy_account *account;
    uint64_t token, id;
    size_t bytes; /* charged */
    struct timer deadline;
};

/*
 * A partner's stanza, until its gateway has handled it. It is kept whole, so that another gateway can have it when this one ends, unless
 * too much is kept already: then its stream is closed, and the partner's server sends it again if it counts.
 */
struct proxy_in {
    struct hash_node node;
    struct list link, wait;
    struct proxy_account *account;
    uint64_t id, receipt, stream;    /* id: its receipt on the link, of this gateway alone */
    size_t kept;                     /* bytes; 0: it is not */
    struct link_stanza_frame stanza; /* kept: what its slices point to lies behind it */
    char bytes[];
};

/* ---- proxy.c ---- */

/* The gateway has done what none may: its line ends for this reason, and its session. */
void proxy_complain(struct proxy_session *s, enum link_reason reason, const char *what);

/* The session cannot go on: what it has under way is given up, at the end of this turn. why: for the log. */
void proxy_session_over(struct proxy_session *s, const char *why);

/* Its partner's account; made if it is not there: NULL on memory. */
struct proxy_account *proxy_account_find(const struct proxy_session *s, struct slice name);
struct proxy_account *proxy_account_of(struct proxy_session *s, struct slice name);

/* Numbered; a session that cannot keep it is over. */
void proxy_tell(struct proxy_session *s, const struct link_frame *frame);

/* ---- proxy_owner.c ---- */

/*
 * Whose the pair of domains is: of the sessions that serve local and have remote for a partner's, the first one that serves and is heard;
 * else the first one. NULL: none.
 */
struct proxy_session *proxy_owner_of(const struct link_proxy *p, struct slice local, struct slice remote);

/* Why it may not send for this pair; NULL: it may, and *partner is whose account it goes by. */
const char *proxy_may_not_send(const struct proxy_session *s, struct slice local, struct slice remote,
                               const struct xmpp_partner **partner);

/* It is not heard any more, or does not serve: from now on others come first, and stay first. */
void proxy_stand_back(struct proxy_session *s);

/* What gateways have that are not heard and not linked is for those that are. */
void proxy_take_over(struct link_proxy *p);

/* ---- proxy_settings.c ---- */

extern const struct xmpp_ops proxy_ops;
void proxy_on_setting(struct proxy_session *s, const struct link_frame *frame);
void proxy_on_revocations(struct proxy_session *s, const struct link_revocations_frame *f);
void proxy_on_revocation_part(struct proxy_session *s, const struct link_revocation_part_frame *f);
/* Of all sessions together: limits, secret, phase, and what federation looks at anew. */
void proxy_use_settings(struct link_proxy *p);
void proxy_phase(struct link_proxy *p);

/* ---- proxy_out.c ---- */

void proxy_on_send(struct proxy_session *s, const struct link_send_frame *send);
void proxy_on_withdraw(struct proxy_session *s, const struct link_withdraw_frame *withdraw);
void proxy_on_settled(void *owner, uint64_t token, enum xmpp_fate fate, const char *why);
void proxy_on_lease(struct timer *t);
void proxy_out_drop_all(struct proxy_session *s); /* withdrawn, telling nobody */

/* ---- proxy_in.c ---- */

void proxy_on_stanza(void *owner, const struct xmpp_stanza *stanza);
void proxy_on_handled(struct proxy_session *s, const struct link_handled_frame *handled);
void proxy_on_credit(struct proxy_session *s, const struct link_credit_frame *credit);
void proxy_flush(struct proxy_session *s);              /* there is room: what waits */
void proxy_pauses(struct proxy_session *s, bool pause); /* takes all back, or asks for them again */
/*
 * What it has not handled is given to those whose pairs they are now. ends: it is about to be freed, and what nobody has is given up with
 * its stream.
 */
void proxy_pass_on(struct proxy_session *s, bool ends);
void proxy_judge_anew(struct proxy_session *s); /* by its new settings: what is none of its pairs is given up */
void proxy_in_drop_all(struct proxy_session *s);

/* ---- proxy_links.c ---- */

void proxy_on_link(void *owner, struct slice remote, bool up);
void proxy_tell_links(struct proxy_session *s); /* all that are up */
void proxy_see_links(struct proxy_session *s);  /* those that have ended in order since */
void proxy_links_drop_all(struct proxy_session *s);

/* ---- proxy_seen.c ---- */

void proxy_show(struct proxy_session *s);      /* copies for administrators, unless its line is slow */
void proxy_show_anew(struct proxy_session *s); /* another line begins: it knows nothing */
void proxy_seen_drop_all(struct proxy_session *s);
/* Unnumbered. False: its line is gone or slow; what is not numbered is told again, or missed by nobody. */
bool proxy_say(struct proxy_session *s, const struct link_frame *frame);
void proxy_say_steps(struct proxy_session *s, const struct xmpp_trace *trace);
bool proxy_on_watched(void *owner);
void proxy_on_noted(void *owner, struct slice local, struct slice remote, bool inbound, const char *step,
                    enum step_result result, struct slice text);

/* ---- proxy_streams.c ---- */

void proxy_show_streams(struct proxy_session *s);
void proxy_on_stream_close(struct proxy_session *s, const struct link_stream_close_frame *close);
void proxy_streams_drop_all(struct proxy_session *s);

/* ---- proxy_trials.c ---- */

void proxy_show_attempts(struct proxy_session *s);
void proxy_on_probe(struct proxy_session *s, const struct link_probe_frame *probe);
void proxy_show_probes(struct proxy_session *s);
void proxy_probes_drop_all(struct proxy_session *s);

/* ---- proxy_knocks.c ---- */

void proxy_on_knock(struct proxy_session *s, const struct link_knock_frame *knock);
void proxy_knocks_drop_all(struct proxy_session *s);

#endif
