/*
 * One event is one line: a verb and key=value fields. Values that may come from the network are escaped and cut here, so
 * that no caller has to think of it. Message bodies are fields only where the setting asks for them (LOG_BODY, last).
 *
 *     log_info(log, "message-refused", LOG_S("from", uri), LOG_U("code", 404), LOG_Z("reason", why));
 */
#ifndef STOX_BASE_LOG_H
#define STOX_BASE_LOG_H

#include "base/slice.h"

/* Who must act: the operator now, the operator this week, nobody (the story), a developer. */
enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

struct log {
    enum log_level level;                                       /* lines above it are not made */
    void (*write)(struct log *log, const char *line, size_t n); /* one whole line with its LF */
    bool stamp;                                                 /* begin with a UTC time: off under journald */
};

struct log_field {
    const char *key; /* NULL ends the list */
    enum { LOG_FIELD_SLICE, LOG_FIELD_TEXT, LOG_FIELD_UINT, LOG_FIELD_HEX, LOG_FIELD_BODY } kind;
    struct slice s;
    uint64_t u;
};

#define LOG_S(k, v)                                                                                                    \
    {                                                                                                                  \
        .key = (k), .kind = LOG_FIELD_SLICE, .s = (v)                                                                  \
    }
/* A word or sentence of ours, which may quote a peer: cut at 768 bytes instead of 256, so that the remedy at its end is read. */
#define LOG_Z(k, v)                                                                                                    \
    {                                                                                                                  \
        .key = (k), .kind = LOG_FIELD_TEXT, .s = slice_str(v)                                                          \
    }
#define LOG_U(k, v)                                                                                                    \
    {                                                                                                                  \
        .key = (k), .kind = LOG_FIELD_UINT, .u = (v)                                                                   \
    }

/* A number that is a name: 16 hex digits. */
#define LOG_X(k, v)                                                                                                    \
    {                                                                                                                  \
        .key = (k), .kind = LOG_FIELD_HEX, .u = (v)                                                                    \
    }
/* A message's text, cut at 1000 bytes instead of 256. k NULL: there is none to be written. */
#define LOG_BODY(k, v)                                                                                                 \
    {                                                                                                                  \
        .key = (k), .kind = LOG_FIELD_BODY, .s = (v)                                                                   \
    }

/* Writes to stderr, level info, with time stamps unless stderr is the journal. */
void log_init(struct log *log);

void log_line(struct log *log, enum log_level level, const char *event, const struct log_field *fields);

#define LOG_AT_(to, lvl, event, ...)                                                                                   \
    do {                                                                                                               \
        struct log *log_ = (to);                                                                                       \
        if (log_ && log_->level >= (lvl))                                                                              \
            log_line(log_, (lvl), (event), (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } });             \
    } while (0)
#define log_error(to, event, ...) LOG_AT_(to, LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warning(to, event, ...) LOG_AT_(to, LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_info(to, event, ...) LOG_AT_(to, LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(to, event, ...) LOG_AT_(to, LOG_LEVEL_DEBUG, event, __VA_ARGS__)

/*
 * For lines that a peer can cause at will. True when the line may be written now; *held then says how many were held
 * back since the last one. At most burst lines per window of 10 s.
 */
struct log_limit {
    uint64_t window; /* now_ms / 10000 of the current window */
    unsigned in_window;
    unsigned held;
};
bool log_allowed(struct log_limit *l, uint64_t now_ms, unsigned burst, unsigned *held);

/* Writes s into out (size bytes, NUL-terminated) with everything that is not printable ASCII escaped, cut with "..." */
void log_escape(char *out, size_t size, struct slice s);

#endif
