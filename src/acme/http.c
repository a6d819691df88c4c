#include "acme/http.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "base/clock.h"

#define CONNECT_MS 15000u
#define WHOLE_MS 60000u

struct acme_http {
    CURL *curl;
    struct curl_slist *headers;
    const char *trust_file;
    const atomic_bool *stop;
    uint64_t until_ms;
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

bool acme_answer_header(struct acme_answer *a, struct slice line, int64_t now_s)
{
    struct slice name, value;

    a->header_bytes += line.n;
    if (a->header_bytes > ACME_HEADERS_MAX)
        return false;
    if (!slice_cut(line, ':', &name, &value))
        return true;
    value = slice_trim(value);
    while (value.n && (value.p[value.n - 1] == '\r' || value.p[value.n - 1] == '\n'))
        value.n--;
    if (slice_ieq(name, SLICE("Replay-Nonce")))
        keep(a->nonce, ACME_NONCE_MAX, acme_is_token(value) ? value : slice_of(line.p, 0));
    else if (slice_ieq(name, SLICE("Location")))
        keep(a->location, ACME_URL_MAX, acme_is_url(value) ? value : slice_of(line.p, 0));
    else if (slice_ieq(name, SLICE("Retry-After")))
        a->retry_after_s = acme_read_retry_after(value, now_s);
    return true;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    return acme_answer_header(arg, slice_of(p, size * n), clock_wall_s()) ? size * n : 0;
}

static int on_progress(void *arg, curl_off_t dl_total, curl_off_t dl, curl_off_t ul_total, curl_off_t ul)
{
    const struct acme_http *h = arg;

    return atomic_load(h->stop) ? 1 : 0;
}

struct acme_http *acme_http_new(const char *trust_file, const atomic_bool *stop, uint64_t until_ms, struct err *err)
{
    struct acme_http *h = calloc(1, sizeof(*h));

    if (h) {
        h->curl = curl_easy_init();
        h->headers = curl_slist_append(NULL, "Content-Type: application/jose+json");
        h->trust_file = trust_file;
        h->stop = stop;
        h->until_ms = until_ms;
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
static void set_up(struct acme_http *h, const char *url, uint64_t ms, struct acme_answer *out)
{
    curl_easy_reset(h->curl);
    curl_easy_setopt(h->curl, CURLOPT_URL, url);
    curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(h->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(ms < CONNECT_MS ? ms : CONNECT_MS));
    curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, (long)(ms < WHOLE_MS ? ms : WHOLE_MS));
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
    uint64_t now_ms = clock_mono_ms();
    CURLcode rc;

    *out = (struct acme_answer){ 0 };
    buf_init(&out->body, ACME_ANSWER_MAX);
    if (now_ms >= h->until_ms)
        return err_set(err, "it has taken too long already");
    h->fault[0] = '\0';
    set_up(h, url, h->until_ms - now_ms, out);
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
                       !buf_ok(&out->body) || out->header_bytes > ACME_HEADERS_MAX ? "the answer is too large"
                       : h->fault[0]                                               ? h->fault
                                                                                   : curl_easy_strerror(rc));
    curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &out->status);
    return 0;
}

void acme_answer_fini(struct acme_answer *a)
{
    buf_free(&a->body);
}
