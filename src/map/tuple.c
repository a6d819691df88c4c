/* Names and numbers of tuples: their ids, and the priority of their contacts. */
#include <errno.h>

#include "base/text.h"
#include "map/presence_parts.h"
#include "map/scratch.h"

#define PREFIX "ID-"
#define FOREIGN_MAX 255 /* bytes of an id whose hex is a resource */

/* ---- ids ---- */

/* What an xs:ID may hold behind its first character and needs no escape here; '_' begins one. */
static bool is_plain(char c)
{
    return (text_lower(c) >= 'a' && text_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

bool map_tuple_id(struct arena *a, struct slice resource, struct slice *out)
{
    struct buf b;

    if (!scratch_init(&b, a, sizeof(PREFIX) + 3 * resource.n))
        return false;
    buf_str(&b, PREFIX);
    for (size_t i = 0; i < resource.n; i++) {
        unsigned char c = (unsigned char)resource.p[i];
        char escape[] = { '_', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15] };

        if (is_plain((char)c))
            buf_char(&b, (char)c);
        else
            buf_add(&b, escape, sizeof(escape));
    }
    *out = buf_slice(&b);
    return true;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Exactly what map_tuple_id writes; false for anything else. */
static bool decode(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        int high, low;

        if (s.p[i] != '_') {
            if (!is_plain(s.p[i]))
                return false;
            buf_char(b, s.p[i]);
            continue;
        }
        high = i + 2 < s.n ? digit_of(s.p[i + 1]) : -1;
        low = i + 2 < s.n ? digit_of(s.p[i + 2]) : -1;
        if (high < 0 || low < 0 || is_plain((char)(high << 4 | low)))
            return false;
        buf_char(b, (char)(high << 4 | low));
        i += 2;
    }
    return true;
}

/* False: it cannot be one, or *no_memory. */
static bool prepare(struct arena *a, struct slice text, struct slice *out, bool *no_memory)
{
    errno = 0;
    if (jid_prep_resource(a, text, out))
        return true;
    *no_memory = errno == ENOMEM || !arena_alloc(a, 4 * JID_PART_MAX);
    return false;
}

static bool in_hex(struct arena *a, struct slice id, struct slice *out)
{
    struct buf b;

    id = slice_first(id, FOREIGN_MAX);
    if (!scratch_init(&b, a, 2 * id.n))
        return false;
    text_put_hex(&b, id.p, id.n);
    *out = buf_slice(&b);
    return true;
}

bool map_resource_of_tuple(struct arena *a, struct slice tuple_id, struct slice *out)
{
    bool ours = slice_starts(tuple_id, SLICE(PREFIX)), no_memory = false;
    struct slice rest = ours ? slice_from(tuple_id, sizeof(PREFIX) - 1) : tuple_id;
    struct buf b;

    *out = (struct slice){ 0 };
    if (!rest.n)
        return true;
    if (ours) {
        if (!scratch_init(&b, a, rest.n))
            return false;
        if (decode(&b, rest) && prepare(a, buf_slice(&b), out, &no_memory))
            return true;
    }
    if (!no_memory && prepare(a, rest, out, &no_memory))
        return true;
    return !no_memory && in_hex(a, rest, out);
}

/* ---- priority ---- */

unsigned map_priority_to_contact(int8_t priority)
{
    return 1000u * (unsigned)priority / 127;
}

bool map_priority_of_contact(struct slice qvalue, int8_t *out)
{
    struct slice whole, fraction;
    unsigned thousandths;

    qvalue = slice_trim(qvalue);
    slice_cut(qvalue, '.', &whole, &fraction);
    if (whole.n != 1 || (whole.p[0] != '0' && whole.p[0] != '1'))
        return false;
    thousandths = whole.p[0] == '1' ? 1000 : 0;
    for (size_t i = 0, weight = 100; i < fraction.n; i++, weight /= 10) {
        if (fraction.p[i] < '0' || fraction.p[i] > '9')
            return false;
        thousandths += (unsigned)(weight * (size_t)(fraction.p[i] - '0'));
    }
    if (thousandths > 1000)
        return false;
    *out = (int8_t)((thousandths * 127 + 999) / 1000);
    return true;
}
