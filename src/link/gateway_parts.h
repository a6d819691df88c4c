/*
 * The gateway's end as its own files see it: gateway.c (its life), gateway_link.c (one link), gateway_proxies.c (which ones there are),
 * gateway_settings.c (what proxies are told), gateway_out.c (toward partners), gateway_in.c (from partners), gateway_seen.c,
 * gateway_streams.c, gateway_trials.c and gateway_knocks.c (for administrators), gateway_federation.c (all of it as a maker of federation).
 */
#ifndef STOX_LINK_GATEWAY_PARTS_H
#define STOX_LINK_GATEWAY_PARTS_H

#include "base/hash.h"
#include "link/credit.h"
#include "link/ear.h"
#include "link/gateway.h"
#include "xmpp/tally.h"

#define LINK_NOT_TOLD "memory is missing, or a value is longer than a proxy takes"
#define GATEWAY_LINKS (2 * LINK_PROXIES_MAX) /* those that are being left with them */

/* The link to one proxy: a place for one, that another one may have later. */
struct gateway_link {
    struct link_gateway *gateway;
    bool taken;                     /* there is a proxy */
    bool leaving;                   /* the settings have it no more; it stays until it can write nothing any more */
    struct link_gateway_proxy conf; /* its texts are the next two */
    char name[256], pin[PIN_TEXT];
    struct link_line *line; /* NULL: none */
    struct link_session session;
    uint32_t n_sessions;  /* so far: which one a receipt is of */
    struct link_ear *ear; /* of the line */
    struct timer redial;
    unsigned n_failed;             /* in a row */
    uint64_t n_links;              /* so far */
    struct timer move;             /* without a line: then what it has is given to another */
    struct timer silence;          /* of a line, since its proxy was heard; after input, which may be that */
    bool silent;                   /* it has run out */
    uint64_t used;                 /* version of the settings that it uses; 0: none yet */
    size_t settings_at;            /* bytes of the settings that the line has got */
    size_t lists_at;               /* likewise of revocation lists */
    struct hash accounts;          /* struct gateway_account, owned, as long as the session */
    struct hash linked;            /* struct gateway_domain, owned, likewise: who has a proven stream */
    bool rested;                   /* it has said so */
    struct hash streams;           /* struct gateway_stream, owned: copies, as long as the line */
    struct list streams_in_order;  /* the same */
    struct list attempts;          /* struct gateway_attempt, owned: copies; the oldest first */
    struct xmpp_trace **filling;   /* whose steps come now; NULL: of nothing that is kept */
    struct gateway_stream *filled; /* whose pairs come now; NULL: likewise */
    bool watched;                  /* it was told that somebody looks */
    uint32_t trip_ms;
    char program[LINK_PROGRAM_MAX + 1];     /* "": it has not said */
    uint64_t since_ms;                      /* up, down, or ready since */
    char why[LINK_WHY_MAX + 60], host[256]; /* see struct link_proxy_info */
    char refused[LINK_WHY_MAX + 60];        /* why it does not use the last version of the settings; "": it does */
    struct xmpp_counters counted, before;   /* by the proxy's process that counted last; by those before it */
    unsigned char counted_by[LINK_RANDOM];
};

/* One partner's share of it. */
struct gateway_account {
    struct hash_node node;
    struct gateway_link *link;
    struct list owing; /* in the gateway's list while something is */
    struct link_credit in, out;
    size_t stanzas, bytes; /* taken, and not given back yet */
    size_t name_n;
    char name[];
};

struct gateway_domain {
    struct hash_node node;
    size_t n;
    char name[];
};

/* What is on its way between two domains. */
struct gateway_pair {
    struct hash_node node;
    struct link_gateway *gateway;
    struct list waiting;     /* in the gateway's list while something waits */
    struct list owed, queue; /* struct gateway_out, owned: nobody asks for their fate; the others */
    struct list sent;        /* struct gateway_out, owned: a proxy has them */
    size_t n, bytes;
    size_t local_n, remote_n;
    char names[]; /* local, remote */
};

struct gateway_out {
    struct list link;
    struct hash_node by_token, by_id;
    struct gateway_pair *pair;
    struct gateway_link *at;         /* sent; NULL: it waits */
    struct gateway_account *account; /* sent */
    uint64_t token;                  /* 0: nobody wants to know */
    uint64_t id;                     /* sent */
    uint64_t since_ms, until_ms;
    unsigned writes; /* that may have been */
    size_t n;
    char bytes[];
};

/* A stanza that the owner has. */
struct gateway_in {
    struct hash_node node;
    uint64_t ours, theirs;
    struct gateway_link *link;
    uint32_t session;
};

struct gateway_knock {
    uint64_t id;             /* 0: none */
    struct gateway_link *at; /* whose proxy tries it */
    uint64_t since_ms;
    struct link_knock_info info;
};

/* A proxy of the settings. */
struct gateway_wanted {
    struct link_gateway_proxy conf; /* its texts are the next two */
    char name[256], pin[PIN_TEXT];
};

struct link_gateway {
    struct federation federation; /* what the owner has of it */
    struct link_gateway **made;   /* see struct link_maker; NULL: nobody asks */
    struct link_gateway_conf conf;
    struct gateway_link links[GATEWAY_LINKS];
    struct gateway_wanted wanted[LINK_PROXIES_MAX];
    size_t n_wanted;
    bool started;
    bool leaving; /* another process serves: no link is dialled any more */
    unsigned char process[LINK_RANDOM];
    char secret[XMPP_SECRET_MAX];
    uint64_t version;
    struct buf settings; /* frames of that version */
    struct buf lists;    /* likewise, of revocation lists */
    struct hash pairs, tokens, ids, receipts;
    struct list waiting; /* struct gateway_pair */
    struct list owing;   /* struct gateway_account */
    struct xmpp_tally paused;
    struct xmpp_counters counters;
    uint64_t last_id, last_receipt;
    struct list probes; /* struct gateway_probe, owned; the oldest first */
    size_t n_probes;
    uint64_t last_probe;
    struct gateway_knock knocks[LINK_KNOCKS_MAX];
    uint64_t last_knock;
    enum link_phase phase;
    struct deferred turn;
    struct deferred tell;                 /* settings have changed */
    struct timer again;                   /* settings or lists could not be told or taken: time to try it again */
    bool settings_missing, lists_missing; /* they could not be told */
    struct log_limit log_lost;
    bool freeing;
    struct timer stop;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

static inline struct slice gateway_local(const struct gateway_pair *p)
{
    return slice_of(p->names, p->local_n);
}

static inline struct slice gateway_remote(const struct gateway_pair *p)
{
    return slice_of(p->names + p->local_n, p->remote_n);
}

/* ---- gateway.c ---- */

void gateway_turn(struct link_gateway *g);
void gateway_stopped_if_done(struct link_gateway *g);

/* ---- gateway_link.c ---- */

void gateway_link_init(struct gateway_link *l, struct link_gateway *g);
void gateway_link_fini(struct gateway_link *l);
void gateway_link_dial(struct gateway_link *l);
void gateway_link_leave(struct gateway_link *l); /* its place is free afterwards, or later */
/* May stanzas go there now? */
bool gateway_is_ready(const struct gateway_link *l);
/* It is linked, and has not been heard for as long as its lease may last: it writes nothing any more. */
bool gateway_is_silent(const struct gateway_link *l);
/* Those that are silent while another one is ready: their links end, and what they had is for that one. */
void gateway_end_silent(struct link_gateway *g);
struct gateway_account *gateway_account_of(struct gateway_link *l, struct slice partner); /* NULL on memory */
/* The proxy has done what none may. */
void gateway_complain(struct gateway_link *l, enum link_reason reason, const char *what);
/* Numbered; a session that cannot keep it is lost. */
void gateway_tell(struct gateway_link *l, const struct link_frame *frame);
void gateway_tell_phase(struct gateway_link *l);

/* ---- gateway_proxies.c ---- */

/* The ready one that comes first by priority; NULL: none is. */
struct gateway_link *gateway_chosen(struct link_gateway *g);
/* A place is free: for one that has waited for it. */
void gateway_add_wanted(struct link_gateway *g);

/* ---- gateway_settings.c ---- */

void gateway_make_settings(struct link_gateway *g);
void gateway_make_lists(struct link_gateway *g);
void gateway_free_settings(struct link_gateway *g);
void gateway_push_settings(
    struct gateway_link *l); /* as much as the line has room for; then what is numbered follows */
void gateway_on_used(struct gateway_link *l, const struct link_settings_used_frame *used);

/* ---- gateway_out.c ---- */

void gateway_pump(struct link_gateway *g);
void gateway_on_fate(struct gateway_link *l, const struct link_fate_frame *fate);
void gateway_move_all(struct gateway_link *l);       /* its session is lost: what it had waits again, or is lost */
void gateway_refuse_removed(struct link_gateway *g); /* what waits for partners that are none any more */
void gateway_drop_pairs(struct link_gateway *g);

/* ---- gateway_in.c ---- */

void gateway_on_stanza(struct gateway_link *l, const struct link_stanza_frame *stanza);
void gateway_on_linked(struct gateway_link *l, const struct link_linked_frame *linked);
void gateway_give_credit(struct link_gateway *g);
void gateway_unlink_all(struct gateway_link *l); /* its session is lost */
void gateway_drop_receipts(struct link_gateway *g);

/* ---- gateway_seen.c ---- */

void gateway_on_counters(struct gateway_link *l, const struct link_counters_frame *counters);
void gateway_uncount(struct gateway_link *l);      /* its session is lost: it has no streams that we know of */
void gateway_keep_counted(struct gateway_link *l); /* another process counts from now on, or none */

/* A moment of the proxy's clock by ours: not in the future, and as far as its last PING tells. */
uint64_t gateway_time(const struct gateway_link *l, uint64_t proxy_ms);
void gateway_on_step(struct gateway_link *l, const struct link_step_frame *step);
/* The trace of what has come, empty, whose steps follow. Memory that is missing is as a trace that is. */
void gateway_fill(struct gateway_link *l, struct xmpp_trace **trace);
void gateway_unfill(struct gateway_link *l, struct xmpp_trace **trace); /* it is about to be freed, with the trace */
void gateway_watch(struct link_gateway *g); /* tells proxies whether anybody looks, if that has changed */
void gateway_on_note(struct gateway_link *l, const struct link_note_frame *note);

/* ---- gateway_streams.c ---- */

void gateway_on_stream(struct gateway_link *l, const struct link_stream_frame *stream);
void gateway_on_stream_pair(struct gateway_link *l, const struct link_stream_pair_frame *pair);
void gateway_on_stream_shown(struct gateway_link *l, const struct link_stream_shown_frame *shown);
void gateway_on_stream_shown_name(struct gateway_link *l, const struct link_stream_shown_name_frame *name);
void gateway_on_stream_count(struct gateway_link *l, const struct link_stream_count_frame *count);
void gateway_on_stream_gone(struct gateway_link *l, const struct link_stream_gone_frame *gone);
void gateway_drop_streams(struct gateway_link *l);
void gateway_each_stream(const struct link_gateway *g, xmpp_stream_fn *fn, void *arg);
bool gateway_show_stream(const struct link_gateway *g, uint64_t id, xmpp_detail_fn *fn, void *arg);
bool gateway_close_stream(struct link_gateway *g, uint64_t id);

/* Which stream the proxy has for what we send between these domains, as far as its copies tell. */
enum gateway_way { GATEWAY_WAY_NONE, GATEWAY_WAY_SET_UP, GATEWAY_WAY_STREAM };
/* *awaits: what its set-up waits for; borrowed, as long as the copy. */
enum gateway_way gateway_way_of(const struct gateway_link *l, struct slice local, struct slice remote,
                                const char **awaits);

/* ---- gateway_trials.c ---- */

void gateway_on_attempt(struct gateway_link *l, const struct link_attempt_frame *attempt);
void gateway_drop_attempts(struct gateway_link *l);
void gateway_each_attempt(const struct link_gateway *g, xmpp_attempt_fn *fn, void *arg);
uint64_t gateway_probe_start(struct link_gateway *g, struct slice local, struct slice remote, const char **why);
void gateway_on_probed(struct gateway_link *l, const struct link_probed_frame *probed);
void gateway_lose_probes(struct gateway_link *l); /* its session is lost */
void gateway_drop_probes(struct link_gateway *g);
bool gateway_probe_show(const struct link_gateway *g, uint64_t id, xmpp_probe_fn *fn, void *arg);

/* ---- gateway_knocks.c ---- */

void gateway_on_knocked(struct gateway_link *l, const struct link_knocked_frame *knocked);
void gateway_lose_knocks(struct gateway_link *l); /* its session is lost: nobody will tell */

#endif
