/* The directory: who is found by which name, and its certificates from one to the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "../net/test_certs.h"
#include "../store/make.h"
#include "bridge/directory.h"
#include "net/tls_priv.h"

static struct tls *tls;

static int begin(void **state)
{
    struct err err;

    certs_begin();
    tls = tls_new(&err);
    return tls ? 0 : -1;
}

static int end(void **state)
{
    tls_free(tls);
    certs_end();
    return 0;
}

static void write_certificate(const char *name)
{
    struct cert c = cert_make(&(struct cert_spec){ .cn = name }, NULL);
    char file[64];

    snprintf(file, sizeof(file), "%s.pem", name);
    certs_write_chain(file, &c, NULL);
    snprintf(file, sizeof(file), "%s.key", name);
    certs_write_key(file, &c, NULL);
    cert_free(&c);
}

/* Domains with certificates of these names; "domain=certificate" each. */
static struct config *config_of(const char *const *domains, size_t n)
{
    struct config *c;
    struct buf text;

    buf_init(&text, 65536);
    buf_str(&text, "route r { transport = udp\n next-hop = \"192.0.2.10\" }\n");
    for (size_t i = 0; i < n; i++) {
        struct slice domain, certificate;
        char file[64];

        slice_cut(slice_str(domains[i]), '=', &domain, &certificate);
        snprintf(file, sizeof(file), "%.*s.pem", SLICE_FMT(certificate));
        buf_printf(&text, "sip-domain \"%.*s\" { route = r\n certificate = \"%s\"", SLICE_FMT(domain),
                   certs_path(file));
        snprintf(file, sizeof(file), "%.*s.key", SLICE_FMT(certificate));
        buf_printf(&text, "\n key = \"%s\" }\n", certs_path(file));
    }
    buf_char(&text, '\0');
    c = make_config(text.p);
    buf_free(&text);
    return c;
}

static struct directory *directory_of(const char *const *domains, size_t n, const struct directory *before, bool strict,
                                      struct err *err)
{
    struct directory_conf conf = { .config = config_of(domains, n), .tls = tls, .before = before, .strict = strict };
    struct directory *d = directory_new(&conf, err);

    config_drop(conf.config);
    return d;
}

/* Is it the very same certificate in memory? */
static bool shared(const struct directory *a, const struct directory *b, const char *name)
{
    return tls_identities_find(directory_identities(a), slice_str(name)) ==
           tls_identities_find(directory_identities(b), slice_str(name));
}

/* Is a certificate used whose subject is this name, for a stream of domain? */
static void shows(struct directory *d, const char *domain, const char *want)
{
    const struct tls_wish wish = { .role = TLS_SERVER, .identity = slice_str(domain) };
    char cn[100] = "";
    X509 *x;
    SSL *ssl;

    tls_use_identities(tls, directory_identities(d));
    ssl = tls_session(tls, &wish);
    assert_non_null(ssl);
    x = SSL_get_certificate(ssl);
    if (x)
        X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, sizeof(cn));
    SSL_free(ssl);
    tls_use_identities(tls, NULL);
    if (strcmp(cn, want) != 0)
        fail_msg("%s shows \"%s\" instead of \"%s\"", domain, cn, want);
}

static void domains_are_found_by_both_spellings(void **state)
{
    struct directory_conf conf = {
        .config = make_config(
            "route r { transport = udp\n next-hop = \"192.0.2.10\" }\nsip-domain \"xn--bcher-kva.example\" { "
            "route = r }\npartner fabrikam.example { additional-domains = "
            "{\"xn--bcher-kva.test\", \"more.example\"} }\n")
    };
    struct err err;
    struct directory *d = directory_new(&conf, &err);
    const char *const partners[] = { "fabrikam.example", "more.example", "xn--bcher-kva.test", "bücher.test" };

    config_drop(conf.config); /* it keeps its own */
    assert_non_null(d);
    assert_non_null(directory_route_to(d, SLICE("xn--bcher-kva.example")));
    assert_non_null(directory_route_to(d, SLICE("bücher.example")));
    assert_null(directory_route_to(d, SLICE("fabrikam.example")));
    for (size_t i = 0; i < sizeof(partners) / sizeof(partners[0]); i++)
        assert_ptr_equal(directory_partner(d, slice_str(partners[i])), directory_partner(d, SLICE("fabrikam.example")));
    assert_null(directory_partner(d, SLICE("sub.fabrikam.example")));
    assert_null(directory_partner(d, SLICE("bücher.example")));
    assert_null(directory_identities(d));
    directory_drop(d);
}

static void certificates_are_replaced_added_and_removed(void **state)
{
    static const char *const first[] = { "a.example=one", "bücher.example=two" };
    static const char *const second[] = { "a.example=three", "c.example=one" };
    struct err err = { "" };
    struct directory *d, *next;

    write_certificate("one");
    write_certificate("two");
    write_certificate("three");
    d = directory_of(first, 2, NULL, true, &err);
    assert_non_null(d);
    shows(d, "a.example", "one");
    shows(d, "xn--bcher-kva.example", "two"); /* as DNS and streams name it */
    shows(d, "c.example", "");
    next = directory_of(second, 2, d, true, &err);
    assert_non_null(next);
    shows(next, "a.example", "three");
    shows(next, "xn--bcher-kva.example", "");
    shows(next, "c.example", "one");
    shows(d, "a.example", "one"); /* nothing was taken away from it */
    directory_drop(d);
    shows(next, "a.example", "three");
    directory_drop(next);
}

static void files_are_read_again_only_when_they_have_changed(void **state)
{
    static const char *const domains[] = { "a.example=one", "b.example=two" };
    struct err err = { "" };
    struct directory *d, *same, *changed;
    struct cert other;

    write_certificate("one");
    write_certificate("two");
    d = directory_of(domains, 2, NULL, true, &err);
    same = directory_of(domains, 2, d, true, &err);
    other = cert_make(&(struct cert_spec){ .cn = "renewed" }, NULL);
    unlink(certs_path("one.pem")); /* as a renewal does it: another file takes the name */
    unlink(certs_path("one.key"));
    certs_write_chain("one.pem", &other, NULL);
    certs_write_key("one.key", &other, NULL);
    changed = directory_of(domains, 2, same, true, &err);
    assert_true(d && same && changed);
    assert_true(shared(d, same, "a.example"));
    assert_true(shared(same, changed, "b.example"));
    assert_false(shared(same, changed, "a.example"));
    shows(changed, "a.example", "renewed");
    cert_free(&other);
    directory_drop(d);
    directory_drop(same);
    directory_drop(changed);
}

static void a_certificate_that_cannot_be_loaded(void **state)
{
    static const char *const good[] = { "a.example=one" }, *const bad[] = { "a.example=missing", "b.example=two" };
    struct err err = { "" };
    struct directory *d, *next;

    write_certificate("one");
    write_certificate("two");
    d = directory_of(good, 1, NULL, true, &err);
    assert_non_null(d);
    assert_null(directory_of(bad, 2, d, true, &err)); /* the administrator who changes it hears */
    assert_non_null(strstr(err.text, "sip-domain \"a.example\": "));
    assert_non_null(strstr(err.text, "missing.pem"));
    next = directory_of(bad, 2, d, false, &err); /* another gateway has changed it: we go on with what we have */
    assert_non_null(next);
    assert_true(slice_starts(directory_faults(next), SLICE("sip-domain \"a.example\": ")));
    assert_true(slice_ends(directory_faults(next), SLICE("; the certificate of before stays in use\n")));
    shows(next, "a.example", "one");
    shows(next, "b.example", "two");
    directory_drop(next);
    unlink(certs_path("one.pem")); /* what is in use and has gone must not stop other changes */
    next = directory_of(good, 1, d, true, &err);
    assert_non_null(next);
    shows(next, "a.example", "one");
    directory_drop(next);
    next = directory_of(good, 1, NULL, false, &err);
    assert_non_null(next);
    shows(next, "a.example", "");
    directory_drop(next);
    directory_drop(d);
}

/* ---- threads ---- */

#define TURNS 50

struct exchange {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct directory *next; /* made, not yet in use */
    bool over;
};

static void *make_directories(void *arg)
{
    static const char *const odd[] = { "a.example=one", "b.example=two" }, *const even[] = { "a.example=one" };
    struct exchange *e = arg;
    struct directory *latest = NULL;

    for (int i = 0; i < TURNS; i++) {
        struct err err = { "" };
        struct directory *d = directory_of(i % 2 ? odd : even, i % 2 ? 2 : 1, latest, true, &err);

        pthread_mutex_lock(&e->lock);
        while (e->next)
            pthread_cond_wait(&e->changed, &e->lock);
        directory_drop(latest);
        latest = directory_keep(d);
        e->next = d;
        e->over = i + 1 == TURNS;
        pthread_cond_signal(&e->changed);
        pthread_mutex_unlock(&e->lock);
    }
    directory_drop(latest);
    return NULL;
}

/* One thread makes them while another one uses them: nothing is shared but what is counted. */
static void one_thread_makes_them_and_another_one_uses_them(void **state)
{
    struct exchange e = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    struct directory *now = NULL;
    pthread_t maker;
    bool over = false;

    write_certificate("one");
    write_certificate("two");
    assert_int_equal(pthread_create(&maker, NULL, make_directories, &e), 0);
    while (!over) {
        struct directory *next;

        pthread_mutex_lock(&e.lock);
        while (!e.next)
            pthread_cond_wait(&e.changed, &e.lock);
        next = e.next;
        e.next = NULL;
        over = e.over;
        pthread_cond_signal(&e.changed);
        pthread_mutex_unlock(&e.lock);
        shows(next, "a.example", "one");
        assert_non_null(directory_route_to(next, SLICE("a.example")));
        directory_drop(now);
        now = next;
    }
    pthread_join(maker, NULL);
    directory_drop(now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains_are_found_by_both_spellings),
        cmocka_unit_test(certificates_are_replaced_added_and_removed),
        cmocka_unit_test(files_are_read_again_only_when_they_have_changed),
        cmocka_unit_test(a_certificate_that_cannot_be_loaded),
        cmocka_unit_test(one_thread_makes_them_and_another_one_uses_them),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
