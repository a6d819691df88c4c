/*
 * Who is logged in, in memory: a restart ends all sessions. A session is known by the digest of its cookie. It ends after
 * SESSION_IDLE_MS without a request and after SESSION_MS in any case; and with its account's password.
 */
#ifndef STOX_ADMIN_SESSION_H
#define STOX_ADMIN_SESSION_H

#include "admin/secret.h"
#include "net/addr.h"
#include "store/setting.h"

#define SESSION_IDLE_MS (30u * 60 * 1000)
#define SESSION_MS (12u * 3600 * 1000)
#define SESSIONS_MAX 200        /* the one used longest ago makes room */
#define SESSIONS_PER_ACCOUNT 20 /* likewise: nobody logs the others out */
#define SESSION_AGENT_MAX 160

struct session {
    char id[SECRET_DIGEST + 1]; /* digest of the cookie; "": free */
    char csrf[SECRET_CHARS + 1];
    char account[SETTING_NAME_MAX + 1];
    char password[SECRET_DIGEST + 1]; /* digest of the account's stored password: another one ends the session */
    uint64_t number;                  /* what administrators call it: no two have the same */
    char from[ADDR_TEXT];
    char agent[SESSION_AGENT_MAX + 1]; /* what the browser says it is; printable */
    uint64_t made_ms, used_ms;
};

struct sessions {
    struct session all[SESSIONS_MAX];
    uint64_t last; /* number */
};

/* A new session; cookie gets its secret. NULL on memory. */
struct session *session_new(struct sessions *s, struct slice account, struct slice stored_password, uint64_t now_ms,
                            char cookie[SECRET_CHARS + 1]);

/* The living session of this cookie; NULL: there is none. use: it counts as used now. */
struct session *session_find(struct sessions *s, struct slice cookie, uint64_t now_ms, bool use);

/* The living session of this number; NULL: there is none. */
struct session *session_numbered(struct sessions *s, uint64_t number, uint64_t now_ms);

bool session_is_over(const struct session *s, uint64_t now_ms);

/* Is it still this account's password? */
bool session_fits(const struct session *s, struct slice stored_password);

/* Ends one, and all of an account except one (NULL: none). */
void session_end(struct session *s);
void sessions_end_of(struct sessions *all, struct slice account, const struct session *except);

/* Seconds until it ends if nothing more happens. */
unsigned session_left_s(const struct session *s, uint64_t now_ms);

#endif
