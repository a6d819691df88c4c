/*
 * Digest authentication toward servers that ask who we are (RFC 3261 22.2, 22.3; RFC 7616; RFC 8760). What each route's servers
 * have asked is remembered, so that later requests carry the answer at once. SHA-256 is preferred, and MD5 answered only where
 * the account allows it. A password that was refused is not shown again for a while: accounts get locked by that.
 *
 * Nobody outside the stack has to care: sip_ops.account says whom we prove to be, and
 *
 *   any request but INVITE   goes again by itself inside its transaction (client_login.c), with the next CSeq, the same Call-ID
 *                            and a new branch: sip_send gives one result, and a 401 or 407 in it cannot be answered. Who counts
 *                            CSeq himself (dialogs, subscriptions) gives his counter to sip_client_count
 *   INVITE                   is sent again by its session (dial.c, dialog_out.c)
 *   ACK to a 2xx             takes over the credentials of its INVITE (22.1)
 *   OPTIONS, CANCEL          are never signed
 */
#ifndef STOX_SIP_LOGIN_H
#define STOX_SIP_LOGIN_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/timers.h"
#include "sip/sip.h"

#define SIP_LOGIN_PAUSE_MS 30000

struct sip_logins {
    const struct sip_ops *ops;
    void *owner;
    struct log *log;
    struct timers *timers;
    struct hash asked; /* one for each route and asker: its servers (401), a proxy (407) */
    struct log_limit lines;
    struct buf put; /* lines in the making */
};

/* Of one request, however often it goes. Zero at first. */
struct sip_login {
    uint8_t n_signed; /* how often it carried credentials */
    bool retried[2];  /* for a server, for a proxy */
};

void sip_logins_init(struct sip_logins *t); /* the first four fields are set */
void sip_logins_fini(struct sip_logins *t);
void sip_logins_forget(struct sip_logins *t); /* names and passwords may be others now */

/*
 * Header lines that answer what the route's servers have asked; empty: they have asked nothing, or our password was refused a
 * moment ago, or no memory. Borrowed until the next call.
 */
struct slice sip_login_lines(struct sip_logins *t, struct slice route, enum sip_method method, struct slice uri,
                             struct slice body);

/* At least as many bytes as these lines would have for such a request now. */
size_t sip_login_room(const struct sip_logins *t, struct slice route, struct slice uri);

/* An answer. True: it is a 401 or 407 that can be answered, and the request is to go again. Once for each nonce (22.2). */
bool sip_login_asked(struct sip_logins *t, struct slice route, struct sip_login *s, const struct sip_msg *answer);

#endif
