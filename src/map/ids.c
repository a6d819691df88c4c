#include "map/ids.h"

#include <openssl/hmac.h>

#include "base/hash.h"
#include "base/text.h"
#include "map/scratch.h"

#define COOKIE "z9hG4bK"
#define PREFIX "stox-"

static bool is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* 32 hex digits of HMAC-SHA256 over all parts, each behind its length, so that no two lists of parts look the same. .p
 * NULL on memory. */
static struct slice digest(struct arena *a, const struct map_conf *conf, const struct slice *parts, size_t n_parts)
{
    struct buf text, hex;
    unsigned char md[EVP_MAX_MD_SIZE];
    size_t size = 0;

    for (size_t i = 0; i < n_parts; i++)
        size += sizeof(uint64_t) + parts[i].n;
    if (!scratch_init(&text, a, size) || !scratch_init(&hex, a, 32))
        return (struct slice){ 0 };
    for (size_t i = 0; i < n_parts; i++) {
        uint64_t n = parts[i].n;

        buf_add(&text, &n, sizeof(n));
        buf_put(&text, parts[i]);
    }
    if (!HMAC(EVP_sha256(), conf->key, sizeof(conf->key), (const unsigned char *)text.p, text.n, md, NULL))
        return (struct slice){ 0 };
    text_put_hex(&hex, md, 16);
    return buf_slice(&hex);
}

static bool is_plain_id(struct slice s)
{
    if (s.n == 0 || s.n > MAP_STANZA_ID_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_alnum((unsigned char)s.p[i]) && !memchr("-._~!*+%", s.p[i], 8))
            return false;
    }
    return true;
}

struct slice map_stanza_id(struct arena *a, const struct map_conf *conf, const struct sip_msg *msg)
{
    struct slice branch = msg->via.branch;
    uint64_t numbers[2] = { msg->via.port, msg->cseq };

    if (slice_starts(branch, SLICE(COOKIE)) && is_plain_id(slice_from(branch, sizeof(COOKIE) - 1)))
        return arena_dup(a, slice_from(branch, sizeof(COOKIE) - 1));
    return digest(a, conf,
                  (struct slice[]){ msg->via.host, branch, msg->call_id, msg->from_tag, msg->cseq_method,
                                    slice_of((const char *)numbers, sizeof(numbers)) },
                  6);
}

static struct hash sip_hash(const struct map_conf *conf)
{
    struct hash h = { 0 };

    memcpy(h.key, conf->key, sizeof(h.key));
    return h;
}

void map_fresh_init(struct map_fresh *f, const struct map_conf *conf, uint64_t nonce, struct slice stanza_id)
{
    struct hash h = sip_hash(conf);
    uint64_t first = hash_mac(&h, slice_of((const char *)&nonce, sizeof(nonce)));

    f->nonce = nonce;
    f->branch = hash_mac_more(&h, first, stanza_id);
    f->tag = hash_mac_more(&h, first + 1, SLICE("tag"));
    f->call_id[0] = hash_mac_more(&h, first + 2, SLICE("call-id"));
    f->call_id[1] = hash_mac_more(&h, first + 3, SLICE("call-id"));
}

void map_put_u64_hex(struct buf *b, uint64_t v)
{
    char digits[16];

    for (size_t i = sizeof(digits); i--; v >>= 4)
        digits[i] = "0123456789abcdef"[v & 15];
    buf_add(b, digits, sizeof(digits));
}

struct slice map_call_id_digest(struct arena *a, const struct map_conf *conf, const struct jid *from,
                                const struct jid *to, struct slice thread)
{
    return digest(a, conf, (struct slice[]){ from->local, from->domain, to->local, to->domain, thread }, 5);
}

/* RFC 3261 25.1: callid = word [ "@" word ]. */
static bool is_call_id(struct slice s)
{
    static const char others[] = "-.!%*_+`'~()<>:\\\"/[]?{}";
    bool word = false, at = false;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '@' && word && !at) {
            at = true;
            word = false;
        } else if (is_alnum((unsigned char)s.p[i]) || (s.p[i] && memchr(others, s.p[i], sizeof(others) - 1))) {
            word = true;
        } else {
            return false;
        }
    }
    return word;
}

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Base64 with the alphabet of RFC 4648 5, no padding: all of it may stand in a Call-ID. */
static void put_base64url(struct buf *b, struct slice s)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;

    for (size_t i = 0; i < s.n; i++) {
        bits = bits << 8 | (unsigned char)s.p[i];
        for (n_bits += 8; n_bits >= 6; n_bits -= 6)
            buf_char(b, digits64[bits >> (n_bits - 6) & 63]);
    }
    if (n_bits)
        buf_char(b, digits64[bits << (6 - n_bits) & 63]);
}

/* Undoes put_base64url, strictly: one text, one encoding. Bytes written, 0 when it is none. */
static size_t get_base64url(char *out, struct slice s)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        const char *digit = s.p[i] ? memchr(digits64, s.p[i], 64) : NULL;

        if (!digit)
            return 0;
        bits = bits << 6 | (uint32_t)(digit - digits64);
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[n++] = (char)(bits >> n_bits);
        }
    }
    return n_bits == 6 || (bits & ((1u << n_bits) - 1)) ? 0 : n;
}

static bool is_xml_text(struct slice s)
{
    uint32_t ch;

    for (size_t at = 0; at < s.n;) {
        if (!text_next(s, &at, &ch) || !text_xml_char(ch))
            return false;
    }
    return true;
}

/*
 * What looks like an encoding is one only if we would have written it: for a text that cannot be a Call-ID itself, or is
 * an encoding itself. So each Call-ID stands for one thread and each thread for one Call-ID. out has MAP_CALL_ID_MAX
 * bytes and gets the first level's text; 0 when call_id is no encoding.
 */
static size_t decode(char *out, struct slice call_id)
{
    char mem[2][MAP_CALL_ID_MAX];
    struct slice inner = call_id;
    size_t n_first = 0;

    for (unsigned level = 0; inner.n <= sizeof(PREFIX) - 1 + (MAP_THREAD_MAX * 8 + 5) / 6; level++) {
        size_t n = slice_starts(inner, SLICE(PREFIX))
                       ? get_base64url(mem[level % 2], slice_from(inner, sizeof(PREFIX) - 1))
                       : 0;

        if (n == 0)
            break;
        inner = slice_of(mem[level % 2], n);
        if (level == 0) {
            memcpy(out, mem[0], n);
            n_first = n;
        }
    }
    return n_first && !is_call_id(inner) && is_xml_text(inner) ? n_first : 0;
}

bool map_thread_to_call_id(struct buf *b, struct slice thread)
{
    char out[MAP_CALL_ID_MAX];

    if (thread.n <= MAP_CALL_ID_MAX && is_call_id(thread) && !decode(out, thread)) {
        buf_put(b, thread);
        return true;
    }
    if (thread.n == 0 || thread.n > MAP_THREAD_MAX)
        return false;
    buf_str(b, PREFIX);
    put_base64url(b, thread);
    return true;
}

bool map_call_id_to_thread(struct buf *b, struct slice call_id)
{
    char out[MAP_CALL_ID_MAX];
    size_t n = decode(out, call_id);

    buf_add(b, out, n);
    return n > 0;
}
