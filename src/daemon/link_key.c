#include "daemon/link_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rand.h"
#include "link/line.h"
#include "pki/key.h"
#include "pki/wipe.h"
#include "store/config_text.h"

#define PATH_TEXT_MAX 4096
#define PEM_MAX 16384
#define BOOT_MAX (1u << 20)
#define DAY_S 86400L
#define LIFE_S (3650 * DAY_S) /* of a process */

/* ---- the file ---- */

static int fault(struct err *err, const char *what, const char *path)
{
    return err_set(err, "link-key: cannot %s %s: %s", what, path, strerror(errno));
}

static int write_all(int fd, const BIO *pem)
{
    char *p;
    long n = BIO_get_mem_data((BIO *)pem, &p);

    return n > 0 && write(fd, p, (size_t)n) == n && fsync(fd) == 0 ? 0 : -1;
}

/* Written beside and renamed, so that a crash leaves none, or a whole one. */
static int write_key(const char *path, const BIO *pem, struct err *err)
{
    char beside[PATH_TEXT_MAX + 8];
    bool ok;
    int fd;

    snprintf(beside, sizeof(beside), "%s.new", path);
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault(err, "create", path);
    ok = write_all(fd, pem) == 0;
    if (close(fd) || !ok || rename(beside, path))
        return fault(err, "write", path);
    return 0;
}

static EVP_PKEY *make_key(const char *path, struct err *err)
{
    EVP_PKEY *key = pki_key_make(PKI_P256, err);
    BIO *pem = key ? BIO_new(BIO_s_mem()) : NULL;
    int rc = -1;

    if (pem && PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) == 1)
        rc = write_key(path, pem, err);
    else if (key)
        err_memory(err, "making the key of the link");
    BIO_free(pem);
    if (rc == 0)
        return key;
    pki_key_free(key);
    return NULL;
}

static int no_passphrase(char *out, int size, int writing, void *arg)
{
    return -1;
}

static EVP_PKEY *parse_key(const char *path, const char *text, size_t n, struct err *err)
{
    BIO *in = BIO_new_mem_buf(text, (int)n);
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;

    BIO_free(in);
    ERR_clear_error();
    if (!key)
        err_set(err, "link-key: %s holds no private key in PEM form without a passphrase; remove it to have one made",
                path);
    return key;
}

static EVP_PKEY *read_key(int fd, const char *path, struct err *err)
{
    char text[PEM_MAX];
    EVP_PKEY *key = NULL;
    struct stat st;
    ssize_t n = -1;

    if (fstat(fd, &st))
        fault(err, "look at", path);
    else if (st.st_mode & 077)
        err_set(err,
                "link-key: %s can be read by others than its owner: chmod 600 it, and replace it if it may have leaked",
                path);
    else if ((n = read(fd, text, sizeof(text))) < 0)
        fault(err, "read", path);
    else
        key = parse_key(path, text, (size_t)n, err);
    explicit_bzero(text, sizeof(text));
    return key;
}

static EVP_PKEY *take_key(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    EVP_PKEY *key;

    if (fd < 0 && errno == ENOENT)
        return make_key(path, err);
    if (fd < 0) {
        fault(err, "open", path);
        return NULL;
    }
    key = read_key(fd, path, err);
    close(fd);
    return key;
}

/* ---- what TLS shows ---- */

static X509 *wrap(EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509_NAME *name = x ? X509_get_subject_name(x) : NULL;
    uint64_t serial;

    rand_bytes(&serial, sizeof(serial));
    if (name && X509_set_version(x, X509_VERSION_3) == 1 &&
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S) && X509_gmtime_adj(X509_getm_notAfter(x), LIFE_S) &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"stox-link", -1, -1, 0) == 1 &&
        X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 && X509_sign(x, key, EVP_sha256()) > 0)
        return x;
    X509_free(x);
    return NULL;
}

static bool pin_of(const X509 *x, char pin[PIN_TEXT])
{
    unsigned char *der = NULL, hash[PIN_HASH];
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
    bool ok = n > 0 && EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(), NULL) == 1 && pin_print(hash, pin);

    OPENSSL_free(der);
    return ok;
}

static int show(struct tls *tls, EVP_PKEY *key, X509 *x, struct err *err)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct tls_identities *set = tls_identities_new();
    const struct tls_own own = { .source = "link-key", .chain = chain, .key = key };
    int rc = -1;

    if (!chain || !set || !sk_X509_push(chain, x))
        err_memory(err, "starting");
    else if ((rc = tls_identities_add_own(set, tls, SLICE(LINK_CERTIFICATE), &own, err)) == 0)
        tls_use_identities(tls, set);
    tls_identities_drop(set);
    sk_X509_free(chain);
    return rc;
}

static int use(struct tls *tls, const char *path, char pin[PIN_TEXT], struct err *err)
{
    EVP_PKEY *key = take_key(path, err);
    X509 *x = key ? wrap(key) : NULL;
    int rc = -1;

    if (x && pin_of(x, pin))
        rc = show(tls, key, x, err);
    else if (key)
        err_set(err, "link-key: no certificate can be made of the key in %s: use one of ECDSA P-256", path);
    X509_free(x);
    pki_key_free(key);
    ERR_clear_error();
    return rc;
}

static int path_of(const struct boot *boot, char path[PATH_TEXT_MAX], struct err *err)
{
    int n = boot->link_key ? snprintf(path, PATH_TEXT_MAX, "%s", boot->link_key)
                           : snprintf(path, PATH_TEXT_MAX, "%s/" LINK_KEY_FILE, boot->state_dir);

    if (n >= PATH_TEXT_MAX)
        return err_set(err, "link-key: the path is too long");
    if (mkdir(boot->state_dir, 0700) && errno != EEXIST)
        return fault(err, "create the state directory", boot->state_dir);
    return 0;
}

int link_key_use(struct tls *tls, const struct boot *boot, char pin[PIN_TEXT], struct err *err)
{
    char path[PATH_TEXT_MAX];
    int rc;

    if (path_of(boot, path, err))
        return -1;
    pki_wipe_begin();
    rc = use(tls, path, pin, err);
    pki_wipe_end();
    return rc;
}

static int pin_of_file(const char *path, char pin[PIN_TEXT], struct err *err)
{
    EVP_PKEY *key = take_key(path, err);
    X509 *x = key ? wrap(key) : NULL;
    int rc = -1;

    if (x && pin_of(x, pin))
        rc = 0;
    else if (key)
        err_set(err, "link-key: no certificate can be made of the key in %s: use one of ECDSA P-256", path);
    X509_free(x);
    pki_key_free(key);
    ERR_clear_error();
    return rc;
}

int link_key_make(const struct stoxd_start *how, char pin[PIN_TEXT], struct err *err)
{
    char path[PATH_TEXT_MAX];
    struct arena arena;
    struct boot boot;
    int rc;

    arena_init(&arena, BOOT_MAX);
    rc = boot_read(how->config_file, &boot, &arena, err);
    if (rc == 0)
        rc = path_of(&boot, path, err);
    arena_reset(&arena);
    pki_wipe_begin();
    if (rc == 0)
        rc = pin_of_file(path, pin, err);
    pki_wipe_end();
    return rc;
}
