#include "acme/http.h"

#include <curl/curl.h>
#include <stdlib.h>

#define CONNECT_S 15L
#define WHOLE_S 60L
#define RETRY_AFTER_MAX 86400u

struct acme_http {
    CURL *curl;
    struct curl_slist *headers;
    const char *trust_file;
    const atomic_bool *stop;
    char fault[CURL_ERROR_SIZE];
};

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct acme_answer *a = arg;

    buf_add(&a->body, p, size * n);
    return buf_ok(&a->body) ? size * n : 0;
}

static void keep(char *out, size_t max, struct slice value)
{
    if (value.n > max)
        value.n = 0;
    memcpy(out, value.p, value.n);
    out[value.n] = '\0';
}

/* One that is longer than it may be counts as missing. */
static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct acme_answer *a = arg;
    struct slice name, value;

    if (!slice_cut(slice_of(p, size * n), ':', &name, &value))
        return size * n;
    value = slice_trim(value);
    while (value.n && (value.p[value.n - 1] == '\r' || value.p[value.n - 1] == '\n'))
        value.n--;
    if (slice_ieq(name, SLICE("Replay-Nonce")))
        keep(a->nonce, ACME_NONCE_MAX, acme_is_token(slice_first(value, ACME_TOKEN_MAX)) ? value : slice_of(p, 0));
    else if (slice_ieq(name, SLICE("Location")))
        keep(a->location, ACME_URL_MAX, acme_is_url(value) ? value : slice_of(p, 0));
    else if (slice_ieq(name, SLICE("Retry-After")) && !slice_u64(value, RETRY_AFTER_MAX, &a->retry_after_s))
        a->retry_after_s = 0;
    return size * n;
}

static int on_progress(void *arg, curl_off_t dl_total, curl_off_t dl, curl_off_t ul_total, curl_off_t ul)
{
    const struct acme_http *h = arg;

    return atomic_load(h->stop) ? 1 : 0;
}

struct acme_http *acme_http_new(const char *trust_file, const atomic_bool *stop, struct err *err)
{
    struct acme_http *h = calloc(1, sizeof(*h));

    if (h) {
        h->curl = curl_easy_init();
        h->headers = curl_slist_append(NULL, "Content-Type: application/jose+json");
        h->trust_file = trust_file;
        h->stop = stop;
    }
    if (h && h->curl && h->headers)
        return h;
    acme_http_free(h);
    err_memory(err, "preparing to ask the ACME server");
    return NULL;
}

void acme_http_free(struct acme_http *h)
{
    if (!h)
        return;
    curl_easy_cleanup(h->curl);
    curl_slist_free_all(h->headers);
    free(h);
}

/* What holds for every request. Redirects are not followed: what is signed is signed for one address. */
static void set_up(struct acme_http *h, const char *url, struct acme_answer *out)
{
    curl_easy_reset(h->curl);
    curl_easy_setopt(h->curl, CURLOPT_URL, url);
    curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(h->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    curl_easy_setopt(h->curl, CURLOPT_TIMEOUT, WHOLE_S);
    curl_easy_setopt(h->curl, CURLOPT_USERAGENT, "Stox/" STOX_VERSION);
    curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->fault);
    curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(h->curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(h->curl, CURLOPT_HEADERDATA, out);
    curl_easy_setopt(h->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(h->curl, CURLOPT_XFERINFODATA, h);
    if (h->trust_file) {
        curl_easy_setopt(h->curl, CURLOPT_CAINFO, h->trust_file);
        curl_easy_setopt(h->curl, CURLOPT_CAPATH, NULL);
    }
}

int acme_http_ask(struct acme_http *h, enum acme_method method, const char *url, struct slice body,
                  struct acme_answer *out, struct err *err)
{
    CURLcode rc;

    *out = (struct acme_answer){ 0 };
    buf_init(&out->body, ACME_ANSWER_MAX);
    h->fault[0] = '\0';
    set_up(h, url, out);
    if (method == ACME_HEAD)
        curl_easy_setopt(h->curl, CURLOPT_NOBODY, 1L);
    if (method == ACME_POST) {
        curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->headers);
        curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE, (long)body.n);
        curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body.p);
    }
    rc = curl_easy_perform(h->curl);
    if (rc != CURLE_OK)
        return err_set(err, "%s",
                       !buf_ok(&out->body) ? "the answer is too large"
                       : h->fault[0]       ? h->fault
                                           : curl_easy_strerror(rc));
    curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &out->status);
    return 0;
}

void acme_answer_fini(struct acme_answer *a)
{
    buf_free(&a->body);
}
