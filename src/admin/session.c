#include "admin/session.h"

#include "base/text.h"

void session_end(struct session *s)
{
    explicit_bzero(s, sizeof(*s));
}

bool session_is_over(const struct session *s, uint64_t now_ms)
{
    return now_ms - s->made_ms >= SESSION_MS || now_ms - s->used_ms >= SESSION_IDLE_MS;
}

/* A free place; of an account that has its share, or when there is none, the one used longest ago. */
static struct session *free_place(struct sessions *s, struct slice account, uint64_t now_ms)
{
    struct session *free = NULL, *oldest = &s->all[0], *own = NULL;
    unsigned n_own = 0;

    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *one = &s->all[i];

        if (!one->id[0] || session_is_over(one, now_ms)) {
            free = one;
            continue;
        }
        if (one->used_ms < oldest->used_ms)
            oldest = one;
        if (!slice_is(account, one->account))
            continue;
        n_own++;
        if (!own || one->used_ms < own->used_ms)
            own = one;
    }
    if (n_own >= SESSIONS_PER_ACCOUNT)
        return own;
    return free ? free : oldest;
}

struct session *session_new(struct sessions *s, struct slice account, struct slice stored_password, uint64_t now_ms,
                            char cookie[SECRET_CHARS + 1])
{
    struct session *one = free_place(s, account, now_ms);

    session_end(one);
    secret_make(cookie);
    if (account.n >= sizeof(one->account) || !secret_digest(slice_of(cookie, SECRET_CHARS), one->id) ||
        !secret_digest(stored_password, one->password)) {
        session_end(one);
        return NULL;
    }
    memcpy(one->account, account.p, account.n);
    secret_make(one->csrf);
    one->number = ++s->last;
    one->made_ms = one->used_ms = now_ms;
    return one;
}

struct session *session_find(struct sessions *s, struct slice cookie, uint64_t now_ms, bool use)
{
    char id[SECRET_DIGEST + 1];

    if (cookie.n != SECRET_CHARS || !secret_digest(cookie, id))
        return NULL;
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *one = &s->all[i];

        if (!one->id[0] || !text_equal_secret(slice_str(one->id), slice_of(id, SECRET_DIGEST)))
            continue;
        if (session_is_over(one, now_ms)) {
            session_end(one);
            return NULL;
        }
        if (use)
            one->used_ms = now_ms;
        return one;
    }
    return NULL;
}

struct session *session_numbered(struct sessions *s, uint64_t number, uint64_t now_ms)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (s->all[i].id[0] && s->all[i].number == number && !session_is_over(&s->all[i], now_ms))
            return &s->all[i];
    return NULL;
}

bool session_fits(const struct session *s, struct slice stored_password)
{
    char digest[SECRET_DIGEST + 1];

    return secret_digest(stored_password, digest) &&
           text_equal_secret(slice_of(s->password, SECRET_DIGEST), slice_of(digest, SECRET_DIGEST));
}

void sessions_end_of(struct sessions *all, struct slice account, const struct session *except)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (all->all[i].id[0] && &all->all[i] != except && slice_is(account, all->all[i].account))
            session_end(&all->all[i]);
}

unsigned session_left_s(const struct session *s, uint64_t now_ms)
{
    uint64_t whole = s->made_ms + SESSION_MS, idle = s->used_ms + SESSION_IDLE_MS;
    uint64_t end = idle < whole ? idle : whole;

    return end > now_ms ? (unsigned)((end - now_ms) / 1000) : 0;
}
