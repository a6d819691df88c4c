#include "acme/answers.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>

#define TYPE_PREFIX "urn:ietf:params:acme:error:"
#define DETAIL_MAX 400
#define SCHEME "https://"
#define RETRY_AFTER_MAX 86400u

/* Host and port of an address; the port that https has anyway is left out. */
static struct slice server_of(struct slice url)
{
    struct slice s = slice_from(url, strlen(SCHEME));
    size_t n = 0;

    while (n < s.n && s.p[n] != '/' && s.p[n] != '?' && s.p[n] != '#')
        n++;
    s.n = n;
    if (s.n >= 4 && memcmp(s.p + s.n - 4, ":443", 4) == 0)
        s.n -= 4;
    return s;
}

bool acme_is_url(struct slice url)
{
    if (url.n <= strlen(SCHEME) || url.n > ACME_URL_MAX || !slice_istarts(url, SLICE(SCHEME)))
        return false;
    for (size_t i = 0; i < url.n; i++)
        if (url.p[i] <= ' ' || url.p[i] > '~' || url.p[i] == '\\')
            return false;
    return server_of(url).n > 0 && !memchr(server_of(url).p, '@', server_of(url).n);
}

bool acme_same_server(struct slice a, struct slice b)
{
    return slice_ieq(server_of(a), server_of(b));
}

uint64_t acme_read_retry_after(struct slice value, int64_t now_s)
{
    char date[64];
    uint64_t s = 0;
    int64_t at;

    if (value.n && value.p[0] >= '0' && value.p[0] <= '9' && value.n <= 18)
        return !slice_u64(value, UINT64_MAX, &s) ? 0 : s < RETRY_AFTER_MAX ? s : RETRY_AFTER_MAX;
    if (value.n >= sizeof(date))
        return 0;
    snprintf(date, sizeof(date), "%.*s", SLICE_FMT(value));
    at = curl_getdate(date, NULL);
    if (at <= now_s)
        return 0;
    return at - now_s < (int64_t)RETRY_AFTER_MAX ? (uint64_t)(at - now_s) : RETRY_AFTER_MAX;
}

bool acme_is_token(struct slice token)
{
    if (token.n == 0 || token.n > ACME_TOKEN_MAX)
        return false;
    for (size_t i = 0; i < token.n; i++) {
        char c = token.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return true;
}

static struct slice text_of(const json_t *object, const char *member)
{
    const json_t *v = json_object_get(object, member);

    return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v)) : slice_of(NULL, 0);
}

/* NULL: there is none that may be asked, or no memory. */
static char *url_of(const json_t *object, const char *member, struct arena *a)
{
    struct slice url = text_of(object, member);

    return acme_is_url(url) ? arena_strdup(a, url) : NULL;
}

static enum acme_status status_of(const json_t *object)
{
    static const struct {
        const char *word;
        enum acme_status status;
    } words[] = { { "pending", ACME_PENDING }, { "ready", ACME_READY },     { "processing", ACME_PROCESSING },
                  { "valid", ACME_VALID },     { "invalid", ACME_INVALID }, { "deactivated", ACME_INVALID },
                  { "expired", ACME_INVALID }, { "revoked", ACME_INVALID } };
    struct slice word = text_of(object, "status");

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_is(word, words[i].word))
            return words[i].status;
    return ACME_OTHER;
}

static json_t *load(struct slice text)
{
    json_t *v =
        text.n <= ACME_ANSWER_MAX ? json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, NULL) : NULL;

    if (json_is_object(v))
        return v;
    json_decref(v);
    return NULL;
}

static void take_problem(const json_t *v, struct acme_problem *out, struct arena *a)
{
    struct slice type = text_of(v, "type"), prefix = SLICE(TYPE_PREFIX);

    if (slice_starts(type, prefix))
        type = slice_from(type, prefix.n);
    out->type = arena_dup(a, slice_first(type, 64));
    out->detail = arena_dup(a, slice_first(text_of(v, "detail"), DETAIL_MAX));
    if (!out->type.p || !out->detail.p)
        *out = (struct acme_problem){ 0 };
}

void acme_read_problem(struct slice text, struct acme_problem *out, struct arena *a)
{
    json_t *v = load(text);

    *out = (struct acme_problem){ 0 };
    if (v)
        take_problem(v, out, a);
    json_decref(v);
}

bool acme_read_directory(struct slice text, struct acme_directory *out, struct arena *a)
{
    json_t *v = load(text);
    const json_t *meta = json_object_get(v, "meta");

    *out = (struct acme_directory){ .new_nonce = url_of(v, "newNonce", a),
                                    .new_account = url_of(v, "newAccount", a),
                                    .new_order = url_of(v, "newOrder", a),
                                    .terms = url_of(meta, "termsOfService", a),
                                    .binds_accounts = json_is_true(json_object_get(meta, "externalAccountRequired")) };
    json_decref(v);
    return out->new_nonce && out->new_account && out->new_order;
}

static bool take_authorizations(const json_t *list, struct acme_order *out, struct arena *a)
{
    const json_t *v;
    size_t i;

    if (json_array_size(list) == 0 || json_array_size(list) > PKI_NAMES_MAX)
        return false;
    json_array_foreach(list, i, v)
    {
        struct slice url = slice_of(json_string_value(v), json_string_length(v));

        if (!json_is_string(v) || !acme_is_url(url) || !(out->authorizations[i] = arena_strdup(a, url)))
            return false;
        out->n++;
    }
    return true;
}

bool acme_read_order(struct slice text, struct acme_order *out, struct arena *a)
{
    json_t *v = load(text);
    bool ok;

    *out = (struct acme_order){ .status = status_of(v),
                                .finalize = url_of(v, "finalize", a),
                                .certificate = url_of(v, "certificate", a) };
    take_problem(json_object_get(v, "error"), &out->problem, a);
    ok = out->status != ACME_OTHER && out->finalize &&
         take_authorizations(json_object_get(v, "authorizations"), out, a) &&
         (out->status != ACME_VALID || out->certificate);
    json_decref(v);
    return ok;
}

static bool take_challenge(const json_t *v, struct acme_challenge *out, struct arena *a)
{
    struct slice token = text_of(v, "token");

    *out = (struct acme_challenge){ .status = status_of(v), .url = url_of(v, "url", a) };
    take_problem(json_object_get(v, "error"), &out->problem, a);
    out->token = acme_is_token(token) ? arena_strdup(a, token) : NULL;
    return out->url && out->token && out->status != ACME_OTHER;
}

static bool take_challenges(const json_t *list, struct acme_authorization *out, struct arena *a)
{
    static const char *const kinds[ACME_N_KINDS] = { [ACME_HTTP_01] = "http-01", [ACME_TLS_ALPN_01] = "tls-alpn-01" };
    const json_t *v;
    size_t i;

    json_array_foreach(list, i, v)
    {
        for (size_t k = 0; k < ACME_N_KINDS; k++)
            if (slice_is(text_of(v, "type"), kinds[k]) && !out->proofs[k].url && !take_challenge(v, &out->proofs[k], a))
                return false;
        if (!out->problem.detail.n)
            take_problem(json_object_get(v, "error"), &out->problem, a);
    }
    return true;
}

bool acme_read_authorization(struct slice text, struct acme_authorization *out, struct arena *a)
{
    json_t *v = load(text);
    bool ok;

    *out = (struct acme_authorization){ .status = status_of(v) };
    out->name = arena_dup(a, slice_first(text_of(json_object_get(v, "identifier"), "value"), PKI_NAME_MAX));
    ok = out->status != ACME_OTHER && out->name.p && out->name.n &&
         take_challenges(json_object_get(v, "challenges"), out, a);
    json_decref(v);
    return ok;
}
