#include <stdlib.h>

#include "store/store_pg.h"

/*
 * A password with a bare '@' or '/' in it makes libpq take a part of it for the host, and show that in its messages. So
 * there may be one '@' only, before any '/'.
 */
static bool is_unambiguous(const char *url)
{
    struct slice rest = slice_str(strstr(url, "://") + 3), authority, query;
    size_t at, slash;

    slice_cut(rest, '?', &authority, &query);
    if (query.n && slice_find(query, '@') < query.n)
        return false;
    at = slice_find(authority, '@');
    slash = slice_find(authority, '/');
    return at == authority.n || (at < slash && slice_find(slice_from(authority, at + 1), '@') == authority.n - at - 1);
}

static int keep_secrets(struct pg_target *t, const PQconninfoOption *options)
{
    static const char *const names[] = { "password", "sslpassword" };

    for (const PQconninfoOption *o = options; o->keyword; o++) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (strcmp(o->keyword, names[i]) != 0 || !o->val || !o->val[0])
                continue;
            t->secrets[i].text = strdup(o->val);
            if (!t->secrets[i].text)
                return -1;
        }
    }
    return 0;
}

int pg_target_init(struct pg_target *t, const char *url, struct err *err)
{
    char *fault = NULL;
    PQconninfoOption *options;
    int rc;

    *t = (struct pg_target){ strdup(url), { { NULL } } };
    if (!t->url)
        return err_set(err, "out of memory");
    options = is_unambiguous(url) ? PQconninfoParse(url, &fault) : NULL;
    PQfreemem(fault);
    if (!options)
        return err_set(err, "the URL of the store is not one that PostgreSQL understands; in user and password the "
                            "characters @ : / ? # %% are written as %%40 %%3A %%2F %%3F %%23 %%25");
    rc = keep_secrets(t, options);
    PQconninfoFree(options);
    return rc ? err_set(err, "out of memory") : 0;
}

static void forget(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void pg_target_fini(struct pg_target *t)
{
    forget(t->url);
    for (size_t i = 0; i < sizeof(t->secrets) / sizeof(t->secrets[0]); i++)
        forget(t->secrets[i].text);
    *t = (struct pg_target){ 0 };
}
