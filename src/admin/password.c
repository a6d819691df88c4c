#include "admin/password.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/rand.h"
#include "base/text.h"

#define COST_LOG2 15 /* N = 2^15, 32 MiB */
#define BLOCK 8
#define PARALLEL 1
#define MEMORY_MAX (160u << 20)
#define KEY_BYTES 32
#define SALT_BYTES 16
#define STORED_MAX 300

struct hashing {
    uint64_t cost_log2, block, parallel;
    struct slice salt;
};

static bool derive(const struct hashing *h, struct slice password, unsigned char key[KEY_BYTES])
{
    return EVP_PBE_scrypt(password.p ? password.p : "", password.n, (const unsigned char *)h->salt.p, h->salt.n,
                          1ull << h->cost_log2, h->block, h->parallel, MEMORY_MAX, key, KEY_BYTES) == 1;
}

int password_judge(struct slice password, struct err *err)
{
    size_t at = 0, n = 0;
    uint32_t ch;

    if (password.n > PASSWORD_MAX)
        return err_set(err, "a password may have %d bytes at most", PASSWORD_MAX);
    while (at < password.n) {
        if (!text_next(password, &at, &ch) || ch < 0x20 || ch == 0x7f)
            return err_set(err, "a password is text without control characters");
        n++;
    }
    if (n < PASSWORD_MIN)
        return err_set(err, "a password has at least %d characters", PASSWORD_MIN);
    return 0;
}

bool password_hash(struct buf *out, struct slice password)
{
    unsigned char salt[SALT_BYTES], key[KEY_BYTES];
    struct hashing h = { COST_LOG2, BLOCK, PARALLEL, { (char *)salt, sizeof(salt) } };

    rand_bytes(salt, sizeof(salt));
    if (!derive(&h, password, key))
        return false;
    buf_printf(out, "scrypt$%d$%d$%d$", COST_LOG2, BLOCK, PARALLEL);
    text_put_base64(out, salt, sizeof(salt));
    buf_char(out, '$');
    text_put_base64(out, key, sizeof(key));
    OPENSSL_cleanse(key, sizeof(key));
    return buf_ok(out);
}

static bool take_number(struct slice *stored, uint64_t max, uint64_t *out)
{
    struct slice part;

    return slice_cut(*stored, '$', &part, stored) && slice_u64(part, max, out) && *out > 0;
}

static bool compare(const struct hashing *h, struct slice kept, struct slice password)
{
    unsigned char key[KEY_BYTES];
    bool same = kept.n == KEY_BYTES && derive(h, password, key) && CRYPTO_memcmp(key, kept.p, KEY_BYTES) == 0;

    OPENSSL_cleanse(key, sizeof(key));
    return same;
}

bool password_matches(struct slice stored, struct slice password)
{
    struct buf salt, key;
    struct hashing h;
    struct slice part;
    bool same = false;

    buf_init(&salt, STORED_MAX);
    buf_init(&key, STORED_MAX);
    if (password.n <= PASSWORD_MAX && slice_cut(stored, '$', &part, &stored) && slice_is(part, "scrypt") &&
        take_number(&stored, 17, &h.cost_log2) && take_number(&stored, 8, &h.block) &&
        take_number(&stored, 4, &h.parallel) && slice_cut(stored, '$', &part, &stored) && text_unbase64(&salt, part) &&
        text_unbase64(&key, stored)) {
        h.salt = buf_slice(&salt);
        same = compare(&h, buf_slice(&key), password);
    }
    buf_free(&salt);
    buf_free(&key);
    return same;
}
