/*
 * Who is logged in, in memory: a restart ends all sessions. A session is known by the digest of its cookie. It ends after
 * SESSION_IDLE_MS without a request and after SESSION_MS in any case; and with its account's password.
 */
#ifndef STOX_ADMIN_SESSION_H
#define STOX_ADMIN_SESSION_H

#include "admin/secret.h"
#include "store/setting.h"

#define SESSION_IDLE_MS (30u * 60 * 1000)
#define SESSION_MS (12u * 3600 * 1000)
#define SESSIONS_MAX 200        /* the one used longest ago makes room */
#define SESSIONS_PER_ACCOUNT 20 /* likewise: nobody logs the others out */

struct session {
    char id[SECRET_DIGEST + 1]; /* digest of the cookie; "": free */
    char csrf[SECRET_CHARS + 1];
    char account[SETTING_NAME_MAX + 1];
    char password[SECRET_DIGEST + 1]; /* digest of the account's stored password: another one ends the session */
    uint64_t made_ms, used_ms;
};

struct sessions {
    struct session all[SESSIONS_MAX];
};

/* A new session; cookie gets its secret. NULL on memory. */
struct session *session_new(struct sessions *s, struct slice account, struct slice stored_password, uint64_t now_ms,
                            char cookie[SECRET_CHARS + 1]);

/* The living session of this cookie, which counts as used now; NULL: there is none. */
struct session *session_find(struct sessions *s, struct slice cookie, uint64_t now_ms);

/* Is it still this account's password? */
bool session_fits(const struct session *s, struct slice stored_password);

/* Ends one, and all of an account except one (NULL: none). */
void session_end(struct session *s);
void sessions_end_of(struct sessions *all, struct slice account, const struct session *except);

/* Seconds until it ends if nothing more happens. */
unsigned session_left_s(const struct session *s, uint64_t now_ms);

#endif
