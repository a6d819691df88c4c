#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048
#define VALUE_MAX_BYTES 256
#define TEXT_MAX_BYTES 768
#define BODY_MAX_BYTES 1000
#define BODY_ROOM (4 * BODY_MAX_BYTES + 16) /* every byte escaped */
#define WINDOW_MS 10000

/* Text being made in memory of a fixed size. What does not fit as a whole is not added, and full is set. */
struct out {
    char *p;
    size_t n, max;
    bool full;
};

static void put(struct out *o, const char *p, size_t n)
{
    if (o->full || n > o->max - o->n) {
        o->full = true;
        return;
    }
    memcpy(o->p + o->n, p, n);
    o->n += n;
}

static void put_str(struct out *o, const char *s)
{
    put(o, s, strlen(s));
}

/* quote: the character that would end the value; it and the backslash get a backslash. */
static void put_escaped(struct out *o, struct slice s, char quote)
{
    for (size_t i = 0; i < s.n && !o->full; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char coded[4] = { '\\', 'x', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15] };

        if (c < 0x20 || c > 0x7E) {
            put(o, coded, 4);
        } else if (c == '\\' || c == (unsigned char)quote) {
            coded[1] = (char)c;
            put(o, coded, 2);
        } else {
            put(o, s.p + i, 1);
        }
    }
}

void log_escape(char *out, size_t size, struct slice s)
{
    struct out o = { .p = out, .max = size - 1 };

    if (size == 0)
        return;
    put_escaped(&o, s, '\\');
    if (o.full) {
        o = (struct out){ .p = out, .max = size > 4 ? size - 4 : 0 };
        put_escaped(&o, s, '\\');
        o.max = size - 1;
        o.full = false;
        put(&o, "...", 3);
    }
    out[o.n] = '\0';
}

static bool is_plain(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
            return false;
    }
    return s.n > 0;
}

static void put_value(struct out *o, struct slice s, size_t max)
{
    struct slice shown = slice_first(s, max);
    bool plain = is_plain(shown);

    if (!plain)
        put(o, "\"", 1);
    put_escaped(o, shown, '"');
    if (s.n > shown.n)
        put(o, "...", 3);
    if (!plain)
        put(o, "\"", 1);
}

static void put_stamp(struct out *o)
{
    struct timespec now;
    struct tm tm;
    char text[48];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now.tv_nsec / 1000000));
    put_str(o, text);
}

static size_t max_bytes(const struct log_field *f)
{
    switch (f->kind) {
    case LOG_FIELD_TEXT: return TEXT_MAX_BYTES;
    case LOG_FIELD_BODY: return BODY_MAX_BYTES;
    default: return VALUE_MAX_BYTES;
    }
}

static void put_field(struct out *o, const struct log_field *f)
{
    char number[24];

    if (f->kind == LOG_FIELD_BODY)
        o->max += BODY_ROOM;
    put(o, " ", 1);
    put_str(o, f->key);
    put(o, "=", 1);
    if (f->kind == LOG_FIELD_UINT) {
        snprintf(number, sizeof(number), "%llu", (unsigned long long)f->u);
        put_str(o, number);
    } else if (f->kind == LOG_FIELD_HEX) {
        snprintf(number, sizeof(number), "%016llx", (unsigned long long)f->u);
        put_str(o, number);
    } else {
        put_value(o, f->s, max_bytes(f));
    }
}

void log_line(struct log *log, enum log_level level, const char *event, const struct log_field *fields)
{
    static const char *const names[] = { "error ", "warning ", "info ", "debug " };
    static const char more[] = " ...";
    char line[LINE_MAX_BYTES + BODY_ROOM];
    struct out o = { .p = line, .max = LINE_MAX_BYTES - sizeof(more) };

    if (log->stamp)
        put_stamp(&o);
    put_str(&o, names[level]);
    put_str(&o, event);
    for (; fields->key && !o.full; fields++) {
        size_t before = o.n;

        put_field(&o, fields);
        if (o.full)
            o.n = before;
    }
    if (o.full) {
        memcpy(line + o.n, more, sizeof(more) - 1);
        o.n += sizeof(more) - 1;
    }
    line[o.n++] = '\n';
    log->write(log, line, o.n);
}

static void write_all(const char *p, size_t n)
{
    while (n > 0) {
        ssize_t wrote = write(STDERR_FILENO, p, n);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return;
        p += wrote;
        n -= (size_t)wrote;
    }
}

static void write_stderr(struct log *log, const char *line, size_t n)
{
    write_all(line, n);
}

/* The journal takes a line's priority from a prefix (sd-daemon(3)); ours follows from the level's first letter. */
static void write_journal(struct log *log, const char *line, size_t n)
{
    char out[LINE_MAX_BYTES + BODY_ROOM + 3] = "<6>";

    out[1] = line[0] == 'e' ? '3' : line[0] == 'w' ? '4' : line[0] == 'd' ? '7' : '6';
    if (n > sizeof(out) - 3)
        n = sizeof(out) - 3;
    memcpy(out + 3, line, n);
    write_all(out, n + 3);
}

/* JOURNAL_STREAM holds device and inode of the journal's socket (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct slice dev, ino;
    uint64_t dev_n, ino_n;
    struct stat st;

    return stream && slice_cut(slice_str(stream), ':', &dev, &ino) && slice_u64(dev, UINT64_MAX, &dev_n) &&
           slice_u64(ino, UINT64_MAX, &ino_n) && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev_n &&
           st.st_ino == ino_n;
}

void log_init(struct log *log)
{
    bool journal = stderr_is_journal();

    *log = (struct log){ .level = LOG_LEVEL_INFO, .write = journal ? write_journal : write_stderr, .stamp = !journal };
}

bool log_allowed(struct log_limit *l, uint64_t now_ms, unsigned burst, unsigned *held)
{
    uint64_t window = now_ms / WINDOW_MS;

    if (l->window != window) {
        l->window = window;
        l->in_window = 0;
    }
    if (l->in_window >= burst) {
        l->held++;
        return false;
    }
    l->in_window++;
    if (held)
        *held = l->held;
    l->held = 0;
    return true;
}
