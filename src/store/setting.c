#include "store/setting.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "net/addr.h"
#include "store/script.h"
#include "xmpp/jid.h"

#define DOMAIN_TEXT_MAX 1023

static int out_of_memory(struct err *err)
{
    return err_memory(err, "reading the configuration");
}

/* What may be shown of a faulty value: errors go to terminals. */
static const char *shown(char out[100], struct slice text)
{
    log_escape(out, 100, text);
    return out;
}

static int set_uint(const struct setting *s, unsigned *out, struct slice text, struct err *err)
{
    char t[100];
    uint64_t v;

    if (!slice_u64(text, UINT64_MAX, &v))
        return err_set(err, "\"%s\" is not a number", shown(t, text));
    if (v < s->min || v > s->max)
        return err_set(err, "%llu is not in %u..%u%s%s", (unsigned long long)v, s->min, s->max, s->unit ? " " : "",
                       s->unit ? s->unit : "");
    *out = (unsigned)v;
    return 0;
}

static int set_bool(bool *out, struct slice text, struct err *err)
{
    static const char *const yes[] = { "yes", "true", "on" }, *const no[] = { "no", "false", "off" };
    char t[100];

    for (size_t i = 0; i < 3; i++)
        if (slice_ieq(text, slice_str(yes[i])) || slice_ieq(text, slice_str(no[i]))) {
            *out = slice_ieq(text, slice_str(yes[i]));
            return 0;
        }
    return err_set(err, "\"%s\" is neither yes nor no", shown(t, text));
}

/* "NotSupported" is "not-supported": administrators of Lync write the one, we the other. */
static bool is_choice(struct slice text, const char *choice)
{
    size_t i = 0;

    for (; *choice; choice++) {
        if (*choice == '-')
            continue;
        while (i < text.n && text.p[i] == '-')
            i++;
        if (i == text.n || text_lower(text.p[i]) != *choice)
            return false;
        i++;
    }
    return i == text.n;
}

static void put_choices(struct buf *out, const struct setting *s)
{
    for (unsigned i = 0; s->choices[i]; i++)
        buf_printf(out, "%s%s", i ? ", " : "", s->choices[i]);
}

static int set_choice(const struct setting *s, unsigned *out, struct slice text, struct err *err)
{
    char t[100];
    struct buf all;

    for (unsigned i = 0; s->choices[i]; i++) {
        if (is_choice(text, s->choices[i])) {
            *out = i;
            return 0;
        }
    }
    buf_init(&all, 300);
    put_choices(&all, s);
    err_set(err, "\"%s\" is not one of %.*s", shown(t, text), SLICE_FMT(buf_slice(&all)));
    buf_free(&all);
    return -1;
}

static int set_slice(struct slice *out, struct slice text, struct arena *arena, struct err *err)
{
    *out = arena_dup(arena, text);
    return out->p ? 0 : out_of_memory(err);
}

/* What ends a line, drives a terminal, or turns the direction of writing, so that text does not look as it is. */
static bool is_control(uint32_t ch)
{
    return ch < 0x20 || (ch >= 0x7f && ch < 0xa0) || !text_xml_char(ch) || (ch >= 0x2028 && ch <= 0x202e) ||
           (ch >= 0x2066 && ch <= 0x2069);
}

static int set_text(const struct setting *s, struct slice *out, struct slice text, struct arena *arena, struct err *err)
{
    size_t max = s->type == SETTING_TEXT && s->max ? s->max : SETTING_TEXT_MAX;
    size_t at = 0;
    uint32_t ch;

    if (text.n > max)
        return err_set(err, "%zu bytes are more than the %zu allowed", text.n, max);
    if (!text_is_utf8(text))
        return err_set(err, "this is not UTF-8 text");
    while (text_next(text, &at, &ch))
        if (is_control(ch))
            return err_set(err, "control characters are not allowed (U+%04X)", (unsigned)ch);
    return set_slice(out, text, arena, err);
}

static int set_name(struct slice *out, struct slice text, struct arena *arena, struct err *err)
{
    const struct text_set set = text_set("._-:");
    char t[100];

    if (text.n > SETTING_NAME_MAX)
        return err_set(err, "a name has at most %d characters", SETTING_NAME_MAX);
    if (slice_is(text, ".") || slice_is(text, ".."))
        return err_set(err, "\"%.*s\" is not a name: paths give it another meaning", SLICE_FMT(text));
    for (size_t i = 0; i < text.n; i++)
        if (!text_in(&set, (unsigned char)text.p[i]))
            return err_set(err, "\"%s\" is not a name: letters, digits, \".\", \"_\", \"-\" and \":\" make one",
                           shown(t, text));
    return set_slice(out, text, arena, err);
}

static int mixed_scripts(struct slice text, struct err *err)
{
    char t[100];

    return err_set(err, "\"%s\" mixes scripts that look alike: this is how names are forged", shown(t, text));
}

/* Prepared in memory of its own, so that no means no name and never no memory. */
int setting_domain(struct slice *out, struct slice text, struct arena *arena, struct err *err)
{
    _Alignas(16) char memory[8 * JID_PART_MAX];
    struct arena own;
    struct slice domain;
    char t[100];

    arena_init_on(&own, memory, sizeof(memory), sizeof(memory));
    if (text.n > DOMAIN_TEXT_MAX || !jid_prep_domain(&own, text, &domain))
        return err_set(err, "\"%s\" is not a domain name", shown(t, text));
    if (script_is_mixed(domain))
        return mixed_scripts(text, err);
    return set_slice(out, domain, arena, err);
}

static int set_user(struct slice *out, struct slice text, struct arena *arena, struct err *err)
{
    _Alignas(16) char memory[24 * JID_PART_MAX];
    struct arena own;
    struct jid jid;
    struct buf b;
    char t[100];
    int rc;

    if (slice_istarts(text, SLICE("sip:")))
        text = slice_from(text, 4);
    arena_init_on(&own, memory, sizeof(memory), sizeof(memory));
    if (text.n > 2 * JID_PART_MAX || !jid_parse(&own, text, &jid) || !jid.local.n || jid.resource.n)
        return err_set(err, "\"%s\" is not an address like alice@contoso.example", shown(t, text));
    if (script_is_mixed(jid.domain))
        return mixed_scripts(text, err);
    buf_init(&b, 4 * JID_PART_MAX);
    jid_put_bare(&b, &jid);
    rc = buf_ok(&b) ? set_slice(out, buf_slice(&b), arena, err) : out_of_memory(err);
    buf_free(&b);
    return rc;
}

/* "*@domain" is the domain too: so patterns write all users elsewhere. */
static int set_who(struct slice *out, struct slice text, struct arena *arena, struct err *err)
{
    if (slice_istarts(text, SLICE("xmpp:")))
        text = slice_from(text, 5);
    if (slice_starts(text, SLICE("*@")))
        return setting_domain(out, slice_from(text, 2), arena, err);
    return slice_find(text, '@') < text.n ? set_user(out, text, arena, err) : setting_domain(out, text, arena, err);
}

/* A user, or one whose local part ends in the only star: what is before it is prepared as a local part of its own. */
static int set_pattern(struct slice *out, struct slice text, struct arena *arena, struct err *err)
{
    _Alignas(16) char memory[16 * JID_PART_MAX];
    struct slice local, domain, prefix = { NULL, 0 };
    struct arena own;
    struct buf b;
    char t[100];
    int rc;

    if (slice_find(text, '*') == text.n)
        return set_user(out, text, arena, err);
    arena_init_on(&own, memory, sizeof(memory), sizeof(memory));
    if (slice_istarts(text, SLICE("sip:")))
        text = slice_from(text, 4);
    if (text.n > 2 * JID_PART_MAX || !slice_cut(text, '@', &local, &domain) || slice_find(local, '*') + 1 != local.n ||
        (local.n > 1 && !jid_prep_local(&own, slice_first(local, local.n - 1), &prefix)))
        return err_set(err, "\"%s\" is neither user@domain nor prefix*@domain nor *@domain", shown(t, text));
    if (setting_domain(&domain, domain, &own, err))
        return -1;
    buf_init(&b, 4 * JID_PART_MAX);
    buf_put(&b, prefix);
    buf_str(&b, "*@");
    buf_put(&b, domain);
    rc = buf_ok(&b) ? set_slice(out, buf_slice(&b), arena, err) : out_of_memory(err);
    buf_free(&b);
    return rc;
}

static int set_addr(const struct setting *s, struct addr *out, struct slice text, struct err *err)
{
    char t[100];

    *out = (struct addr){ 0 };
    if (text.n == 0 && s->def && !s->def[0])
        return 0;
    if (!addr_parse(text, s->default_port, out))
        return err_set(err, "\"%s\" is not an address or address:port", shown(t, text));
    return 0;
}

/* As set_host and set_addr, told apart: what an address is has none of the freedom that a name has. */
static int set_addr_host(const struct setting *s, struct addr_host *out, struct slice text, struct arena *arena,
                         struct err *err)
{
    struct slice host, port;
    uint64_t number = 0;
    char t[100];

    *out = (struct addr_host){ .port = 0 };
    if (addr_parse(text, s->default_port, &out->addr)) {
        struct addr probe;

        /* Given as 0, which is not the same as not given. */
        if (!addr_port(&out->addr) && addr_parse(text, 1, &probe) && !addr_port(&probe))
            return err_set(err, "\"%s\": port 0 is none to send to", shown(t, text));
        return 0;
    }
    out->addr = (struct addr){ 0 };
    if (slice_cut(text, ':', &host, &port) && (!slice_u64(port, 65535, &number) || number == 0))
        return err_set(err, "\"%s\" is neither an address nor a name with a port of 1 to 65535", shown(t, text));
    out->port = (uint16_t)number;
    return setting_domain(&out->name, host, arena, err);
}

static int set_net(struct addr_net *out, struct slice text, struct err *err)
{
    char t[100];

    if (!addr_net_parse(text, out))
        return err_set(err, "\"%s\" is not an address or network", shown(t, text));
    return 0;
}

/* host, host:port, [v6] or [v6]:port; a name is prepared, an address is left as it is. */
static int set_host(struct slice *out, struct slice text, struct arena *arena, struct err *err)
{
    struct addr addr;
    struct slice host = text, port;
    uint64_t number = 1;
    struct buf b;
    char t[100];
    int rc;

    if (text.n == 0 || addr_parse(text, 1, &addr))
        return set_slice(out, text, arena, err);
    if (slice_cut(text, ':', &host, &port) && (!slice_u64(port, 65535, &number) || number == 0))
        return err_set(err, "\"%s\" does not end in a port of 1 to 65535", shown(t, text));
    if (setting_domain(&host, host, arena, err))
        return -1;
    buf_init(&b, DOMAIN_TEXT_MAX + 8);
    buf_put(&b, host);
    if (text.n > slice_find(text, ':'))
        buf_printf(&b, ":%u", (unsigned)number);
    rc = buf_ok(&b) ? set_slice(out, buf_slice(&b), arena, err) : out_of_memory(err);
    buf_free(&b);
    return rc;
}

static int set_file(const struct setting *s, const char **out, struct slice text, struct arena *arena, struct err *err)
{
    struct slice checked;

    *out = NULL;
    if (text.n == 0)
        return 0;
    if (set_text(s, &checked, text, arena, err))
        return -1;
    *out = arena_strdup(arena, text);
    return *out ? 0 : out_of_memory(err);
}

static size_t entry_size(enum setting_type type)
{
    switch (type) {
    case SETTING_ADDRS: return sizeof(struct addr);
    case SETTING_NETS: return sizeof(struct addr_net);
    case SETTING_HOSTS: return sizeof(struct addr_host);
    default: return sizeof(struct slice);
    }
}

/* One value of the setting's type (of a list: one entry) into at. */
static int set_one(const struct setting *s, void *at, struct slice text, struct arena *arena, struct err *err)
{
    switch (s->type) {
    case SETTING_UINT: return set_uint(s, at, text, err);
    case SETTING_BOOL: return set_bool(at, text, err);
    case SETTING_CHOICE: return set_choice(s, at, text, err);
    case SETTING_FILE: return set_file(s, at, text, arena, err);
    case SETTING_TEXT:
    case SETTING_TEXTS: return set_text(s, at, text, arena, err);
    case SETTING_NAME: return set_name(at, text, arena, err);
    case SETTING_USER: return set_user(at, text, arena, err);
    case SETTING_WHO: return set_who(at, text, arena, err);
    case SETTING_PATTERNS: return set_pattern(at, text, arena, err);
    case SETTING_HOST: return set_host(at, text, arena, err);
    case SETTING_DOMAIN:
    case SETTING_DOMAINS: return setting_domain(at, text, arena, err);
    case SETTING_ADDR:
    case SETTING_ADDRS: return set_addr(s, at, text, err);
    case SETTING_HOSTS: return set_addr_host(s, at, text, arena, err);
    case SETTING_NETS: return set_net(at, text, err);
    }
    return err_set(err, "unknown type of setting");
}

bool setting_is_list(const struct setting *s)
{
    switch (s->type) {
    case SETTING_DOMAINS:
    case SETTING_ADDRS:
    case SETTING_HOSTS:
    case SETTING_NETS:
    case SETTING_TEXTS:
    case SETTING_PATTERNS: return true;
    default: return false;
    }
}

static int set_list(const struct setting *s, struct setting_list *out, const struct slice *texts, size_t n,
                    struct arena *arena, struct err *err)
{
    size_t size = entry_size(s->type), bytes = 0;

    if (n > s->max)
        return err_set(err, "%zu entries are more than the %u allowed", n, s->max);
    for (size_t i = 0; i < n; i++)
        bytes += texts[i].n;
    if (bytes > SETTING_LIST_BYTES)
        return err_set(err, "%zu bytes are more than the %u allowed", bytes, SETTING_LIST_BYTES);
    out->n = 0;
    out->v = arena_zalloc(arena, n * size + 1);
    if (!out->v)
        return out_of_memory(err);
    for (size_t i = 0; i < n; i++)
        if (set_one(s, (char *)out->v + i * size, texts[i], arena, err))
            return -1;
    out->n = n;
    return 0;
}

int setting_set(const struct setting *s, void *obj, const struct slice *texts, size_t n, struct arena *arena,
                struct err *err)
{
    void *at = (char *)obj + s->at;
    int rc;

    if (setting_is_list(s))
        rc = set_list(s, at, texts, n, arena, err);
    else if (n > 1)
        rc = err_set(err, "one value is expected, not %zu", n);
    else
        rc = set_one(s, at, n ? texts[0] : SLICE(""), arena, err);
    return rc ? err_wrap(err, "%s", s->name) : 0;
}

int setting_title(const struct setting_kind *kind, struct slice *out, struct slice text, struct arena *arena,
                  struct err *err)
{
    if (!kind->title)
        return text.n == 0 ? set_slice(out, text, arena, err)
                           : err_set(err, "there is one %s, without a name", kind->noun);
    if (text.n == 0)
        return err_set(err, "the %s's %s is missing", kind->noun, kind->title);
    switch (kind->title_type) {
    case SETTING_DOMAIN: return setting_domain(out, text, arena, err);
    case SETTING_USER: return set_user(out, text, arena, err);
    case SETTING_WHO: return set_who(out, text, arena, err);
    default: return set_name(out, text, arena, err);
    }
}

int setting_defaults(const struct setting_kind *kind, void *obj, struct arena *arena, struct err *err)
{
    memset(obj, 0, kind->size);
    for (size_t i = 0; i < kind->n; i++) {
        const struct setting *s = &kind->settings[i];
        struct slice def = slice_str(s->def);

        if (s->def && setting_set(s, obj, &def, 1, arena, err))
            return -1;
    }
    return 0;
}

const struct setting *setting_find(const struct setting_kind *kind, struct slice name)
{
    for (size_t i = 0; i < kind->n; i++)
        if (slice_is(name, kind->settings[i].name))
            return &kind->settings[i];
    return NULL;
}

/* Edit distance of two short names; 99 when either is too long to care. */
static unsigned distance(const char *a, struct slice b)
{
    unsigned row[40];
    size_t na = strlen(a);

    if (na >= 40 || b.n >= 40)
        return 99;
    for (size_t j = 0; j <= b.n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.n; j++) {
            unsigned best = diagonal + (a[i - 1] != b.p[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b.n];
}

const char *setting_nearest(const struct setting_kind *kind, struct slice name)
{
    const char *best = NULL;
    unsigned best_distance = 5;

    for (size_t i = 0; i < kind->n; i++) {
        unsigned d = distance(kind->settings[i].name, name);

        if (d < best_distance) {
            best_distance = d;
            best = kind->settings[i].name;
        }
    }
    return best;
}
