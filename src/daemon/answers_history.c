/* The minutes of the last day, as the API shows them. */
#include <stdlib.h>

#include "base/clock.h"
#include "daemon/answers_parts.h"
#include "daemon/history.h"

struct asked {
    const struct history *history;
    size_t max, n;
    struct history_minute minutes[HISTORY_MINUTES + 1];
};

static void look(void *arg)
{
    struct asked *q = arg;

    q->n = history_read(q->history, q->minutes, q->max);
}

static uint32_t value_of(const struct history_minute *m, size_t column)
{
    const uint32_t values[] = { m->to_xmpp, m->to_sip, m->failed, m->streams };

    return values[column];
}

json_t *answer_history(void *owner, uint64_t minutes)
{
    static const char *const columns[] = { "to-xmpp", "to-sip", "failed", "streams" };
    struct answers *a = owner;
    struct asked *q = calloc(1, sizeof(*q));
    json_t *v = NULL;

    if (!q)
        return NULL;
    q->history = a->history;
    q->max = minutes < HISTORY_MINUTES ? minutes : HISTORY_MINUTES;
    if (loop_call(a->door, look, q))
        v = json_pack("{s:I, s:i}", "now", (json_int_t)clock_wall_s(), "step-s", 60);
    for (size_t c = 0; v && c < sizeof(columns) / sizeof(columns[0]); c++) {
        json_t *list = json_array();

        for (size_t i = 0; i < q->n; i++)
            answers_append(&list, json_integer(value_of(&q->minutes[i], c)));
        if (!list || json_object_set_new(v, columns[c], list) != 0) {
            json_decref(v);
            v = NULL;
        }
    }
    free(q);
    return v;
}
