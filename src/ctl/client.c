#include "ctl/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "ctl/term.h"
#include "net/addr.h"
#include "store/json.h"

#define ANSWER_MAX (1024u << 20)
#define BODY_MAX (256u << 20) /* the daemon takes less, and says so */
#define URL_MAX 16384
#define TOKEN_MAX 1000
#define PAGES_MAX 100000

struct client {
    CURL *curl;
    const char *server; /* as given */
    const char *base;   /* what paths are put behind */
    bool is_unix;
    struct curl_slist *headers;
    char why[CURL_ERROR_SIZE];
};

void client_free(struct client *client)
{
    if (!client)
        return;
    curl_slist_free_all(client->headers);
    curl_easy_cleanup(client->curl);
    free(client);
}

void answer_fini(struct answer *a)
{
    json_decref(a->body);
    buf_free(&a->text);
    a->body = NULL;
}

/* Does a URL name this machine itself? Then a token never crosses a network. */
static bool is_loopback(const char *url)
{
    struct slice host = slice_from(slice_str(url), sizeof("http://") - 1), rest;
    struct addr addr;

    slice_cut(host, '/', &host, &rest);
    if (addr_parse(host, 80, &addr))
        return addr_is_loopback(&addr);
    slice_cut(host, ':', &host, &rest);
    return slice_ieq(host, SLICE("localhost"));
}

/* A scheme, a host and a port: a name and a password in it, or a query, would be something else than it seems. */
static bool is_server_url(struct slice url)
{
    const struct text_set set = text_set(".-_:[]/");
    bool known = slice_starts(url, SLICE("http://")) || slice_starts(url, SLICE("https://"));

    for (size_t i = 0; i < url.n && known; i++)
        known = text_in(&set, (unsigned char)url.p[i]);
    return known;
}

static enum ctl_exit set_unix(struct ctl *c, struct client *client)
{
    client->is_unix = true;
    client->base = "http://localhost";
    if (curl_easy_setopt(client->curl, CURLOPT_UNIX_SOCKET_PATH, client->server + 5) != CURLE_OK)
        return ctl_fail_memory(c);
    return CTL_DONE;
}

static enum ctl_exit set_server(struct ctl *c, struct client *client)
{
    struct slice url;

    client->server = args_value(&c->args, OPT_SERVER);
    if (!client->server)
        client->server = getenv("STOX_SERVER");
    if (!client->server || !client->server[0])
        client->server = CLIENT_SERVER;
    url = slice_str(client->server);
    /* A proxy of the environment may carry TLS, but sees nothing in the clear. */
    if (!slice_starts(url, SLICE("https://")))
        curl_easy_setopt(client->curl, CURLOPT_PROXY, "");
    if (slice_starts(url, SLICE("unix:")))
        return set_unix(c, client);
    if (!is_server_url(url))
        return ctl_fail(c, CTL_USAGE,
                        "--server: \"%s\" is neither unix:PATH nor http://HOST:PORT nor https://HOST:PORT",
                        client->server);
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    client->base = arena_strdup(&c->arena, url);
    return client->base ? CTL_DONE : ctl_fail_memory(c);
}

/* From the file, or the environment; .p NULL: none. */
static enum ctl_exit read_token(struct ctl *c, struct slice *token)
{
    const char *file = args_value(&c->args, OPT_TOKEN_FILE);
    char text[TOKEN_MAX + 2];
    size_t n;
    FILE *f;

    *token = slice_str(getenv("STOX_TOKEN"));
    if (!file)
        return CTL_DONE;
    f = fopen(file, "re");
    if (!f)
        return ctl_fail(c, CTL_USAGE, "the token file %s cannot be read: %s", file, strerror(errno));
    n = fread(text, 1, sizeof(text), f);
    fclose(f);
    *token = arena_dup(&c->arena, slice_trim(slice_of(text, n)));
    return token->p ? CTL_DONE : ctl_fail_memory(c);
}

static enum ctl_exit set_token(struct ctl *c, struct client *client)
{
    const struct text_set set = text_set("-._~+/=");
    char header[TOKEN_MAX + 40];
    struct slice token;
    enum ctl_exit rc = read_token(c, &token);

    if (rc != CTL_DONE || !token.n)
        return rc;
    for (size_t i = 0; i < token.n; i++)
        if (token.n > TOKEN_MAX || !text_in(&set, (unsigned char)token.p[i]))
            return ctl_fail(c, CTL_USAGE,
                            "this is no token: it has other characters than letters, digits, \"-\" and \"_\"");
    if (!client->is_unix && slice_starts(slice_str(client->server), SLICE("http://")) && !is_loopback(client->server))
        return ctl_fail(c, CTL_USAGE, "the token would cross the network in the clear to %s: use https://",
                        client->server);
    snprintf(header, sizeof(header), "Authorization: Bearer %.*s", SLICE_FMT(token));
    client->headers = curl_slist_append(NULL, header);
    return client->headers ? CTL_DONE : ctl_fail_memory(c);
}

static bool add_header(struct client *client, const char *text)
{
    struct curl_slist *longer = curl_slist_append(client->headers, text);

    if (longer)
        client->headers = longer;
    return longer != NULL;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct buf *b = arg;

    buf_add(b, p, size * n);
    return buf_ok(b) ? size * n : 0;
}

static enum ctl_exit client_open(struct ctl *c)
{
    struct client *client = calloc(1, sizeof(*client));
    const char *ca = args_value(&c->args, OPT_CA_FILE);
    enum ctl_exit rc;

    c->client = client;
    if (!client || !(client->curl = curl_easy_init()))
        return ctl_fail_memory(c);
    rc = set_server(c, client);
    if (rc == CTL_DONE)
        rc = set_token(c, client);
    if (rc != CTL_DONE)
        return rc;
    if (!add_header(client, "Content-Type: application/json") || !add_header(client, "Expect:"))
        return ctl_fail_memory(c);
    curl_easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, client->why);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->headers);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(client->curl, CURLOPT_USERAGENT, "stoxctl/" STOX_VERSION);
    curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, 600L);
    curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    if (ca && curl_easy_setopt(client->curl, CURLOPT_CAINFO, ca) != CURLE_OK)
        return ctl_fail_memory(c);
    return CTL_DONE;
}

static enum ctl_exit say_unreachable(struct ctl *c, CURLcode code)
{
    struct client *client = c->client;
    long os = 0;

    curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &os);
    if (code == CURLE_WRITE_ERROR)
        return ctl_fail(c, CTL_REFUSED, "the answer of %s is too large to be kept", client->server);
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
        return ctl_fail(c, CTL_UNREACHABLE, "the certificate of %s is not trusted: %s (its authority: --ca-file)",
                        client->server, client->why);
    if (os == EACCES || os == EPERM)
        return ctl_fail(
            c, CTL_DENIED,
            "may not open %s: %s (root and the service user may; others use --server https://... with a token)",
            client->server, strerror((int)os));
    if (client->is_unix)
        return ctl_fail(c, CTL_UNREACHABLE, "cannot reach stoxd at %s: %s (is it running? another socket: --server)",
                        client->server, code == CURLE_COULDNT_CONNECT && os ? strerror((int)os) : client->why);
    return ctl_fail(c, CTL_UNREACHABLE,
                    "cannot reach stoxd at %s: %s (is it running, and does it serve its API there?)", client->server,
                    client->why[0] ? client->why : curl_easy_strerror(code));
}

static enum ctl_exit exit_of_status(long status)
{
    switch (status) {
    case 401:
    case 403:
    case 429: return CTL_DENIED;
    case 404: return CTL_NOT_FOUND;
    case 409:
    case 412: return CTL_CONFLICT;
    case 503: return CTL_UNREACHABLE;
    default: return CTL_REFUSED;
    }
}

/* What the daemon says is wrong: its own sentence, and what helps where it cannot know. */
static enum ctl_exit say_problem(struct ctl *c, long status, const struct answer *a)
{
    const char *detail = json_string_value(json_object_get(a->body, "detail"));
    const char *title = json_string_value(json_object_get(a->body, "title"));
    enum ctl_exit code = exit_of_status(status);

    if (!json_is_object(a->body))
        return ctl_fail(c, CTL_UNREACHABLE, "%s answers %ld and no JSON: is this stoxd?", c->client->server, status);
    if (status == 401)
        return ctl_fail(
            c, code,
            c->client->is_unix
                ? "%s does not know you: be root or the service user, or use --server https://... with a token"
                : "%s does not know you: give a token (--token-file), a good one",
            c->client->server);
    return ctl_fail(c, code, "%s", detail ? detail : title ? title : "the daemon refuses, and does not say why");
}

static enum ctl_exit perform(struct ctl *c, const char *method, const char *url, const struct buf *body,
                             struct answer *out)
{
    CURL *curl = c->client->curl;
    json_error_t fault;
    bool no_memory = false;
    long status = 0;
    CURLcode code;

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->n);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->p);
    }
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &out->text);
    c->client->why[0] = '\0';
    code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        return say_unreachable(c, code);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    out->body = out->text.n ? json_read(buf_slice(&out->text), &fault, &no_memory) : NULL;
    if (no_memory)
        return ctl_fail_memory(c);
    return status >= 200 && status < 300 ? CTL_DONE : say_problem(c, status, out);
}

enum ctl_exit client_call(struct ctl *c, const char *method, const char *path, const json_t *body, struct answer *out)
{
    enum ctl_exit rc = CTL_DONE;
    struct buf url, text;

    *out = (struct answer){ NULL };
    buf_init(&out->text, ANSWER_MAX);
    if (!c->client)
        rc = client_open(c);
    if (rc != CTL_DONE)
        return rc;
    buf_init(&url, URL_MAX);
    buf_init(&text, BODY_MAX);
    buf_printf(&url, "%s%s", c->client->base, path);
    buf_char(&url, '\0');
    if (body)
        json_put(&text, json_incref((json_t *)body), 0);
    if (!buf_ok(&url))
        rc = ctl_fail(c, CTL_REFUSED, "a name that is too long");
    else if (!buf_ok(&text))
        rc = ctl_fail(c, CTL_REFUSED, "this is too much for one request, or memory is missing");
    else
        rc = perform(c, method, url.p, body ? &text : NULL, out);
    buf_free(&url);
    buf_free(&text);
    return rc;
}

const char *client_path(struct ctl *c, const char *prefix, struct slice part, const char *suffix)
{
    const struct text_set keep = text_set("-._~");
    struct buf b;
    const char *path;

    buf_init(&b, URL_MAX);
    buf_str(&b, prefix);
    text_put_percent(&b, part, &keep);
    buf_str(&b, suffix);
    path = buf_ok(&b) ? arena_strdup(&c->arena, buf_slice(&b)) : NULL;
    buf_free(&b);
    if (!path)
        ctl_fail_memory(c);
    return path;
}

static enum ctl_exit each_of_page(struct ctl *c, const json_t *page, client_item_fn *fn, void *arg)
{
    const json_t *items = json_object_get(page, "items");
    enum ctl_exit rc = CTL_DONE;

    if (!json_is_array(items))
        return ctl_fail(c, CTL_REFUSED, "the daemon's answer has no items: is it of another version?");
    for (size_t i = 0; i < json_array_size(items) && rc == CTL_DONE; i++)
        rc = fn(c, json_array_get(items, i), arg);
    return rc;
}

enum ctl_exit client_each(struct ctl *c, const char *collection, client_item_fn *fn, void *arg)
{
    const char *path = client_path(c, "/v1/", slice_str(collection), "?limit=1000");
    enum ctl_exit rc = path ? CTL_DONE : CTL_REFUSED;

    for (size_t page = 0; path && rc == CTL_DONE; page++) {
        struct answer a;
        const char *next;

        rc = client_call(c, "GET", path, NULL, &a);
        if (rc == CTL_DONE)
            rc = each_of_page(c, a.body, fn, arg);
        next = json_string_value(json_object_get(a.body, "next"));
        path = NULL;
        if (rc == CTL_DONE && next && page < PAGES_MAX) {
            const char *prefix = client_path(c, "/v1/", slice_str(collection), "?limit=1000&after=");

            path = prefix ? client_path(c, prefix, slice_str(next), "") : NULL;
            rc = path ? CTL_DONE : CTL_REFUSED;
        }
        answer_fini(&a);
    }
    return rc;
}

enum ctl_exit client_all(struct ctl *c, const char *collection, client_item_fn *fn, void *arg)
{
    const char *path = client_path(c, "/v1/", slice_str(collection), "");
    struct answer a;
    enum ctl_exit rc;

    if (!path)
        return CTL_REFUSED;
    rc = client_call(c, "GET", path, NULL, &a);
    if (rc == CTL_DONE)
        rc = each_of_page(c, a.body, fn, arg);
    answer_fini(&a);
    return rc;
}
