#include "reader_trace.h"

#include "base/rand.h"

static void on_open(void *owner, const struct xml *root)
{
    struct reader_trace *t = owner;

    buf_str(&t->events, "open ");
    xml_put(&t->events, root, SLICE(""));
    buf_char(&t->events, '\n');
    if (t->after.element_max)
        xml_reader_limit(t->reader, &t->after);
}

static void on_element(void *owner, struct xml *el)
{
    struct reader_trace *t = owner;

    buf_str(&t->events, "element ");
    xml_put(&t->events, el, SLICE(""));
    buf_char(&t->events, '\n');
    t->n_elements++;
    if (t->stop_at && slice_is(el->name, t->stop_at))
        xml_reader_stop(t->reader);
}

static void on_close(void *owner)
{
    struct reader_trace *t = owner;

    buf_str(&t->events, "close\n");
}

bool reader_trace_init(struct reader_trace *t, const struct xml_limits *limits, size_t max_memory)
{
    static const struct xml_reader_ops ops = { on_open, on_element, on_close };

    *t = (struct reader_trace){ 0 };
    buf_init(&t->events, (size_t)64 << 20);
    t->reader = xml_reader_new(&ops, t, limits, max_memory);
    return t->reader != NULL;
}

void reader_trace_fini(struct reader_trace *t)
{
    xml_reader_free(t->reader);
    buf_free(&t->events);
}

enum xml_fault reader_trace_feed(struct reader_trace *t, struct slice in, size_t step)
{
    while (in.n && !xml_reader_stopped(t->reader)) {
        size_t n = step ? step : 1 + (size_t)rand_below(rand_below(4) ? 9 : 700);
        struct slice piece = slice_first(in, n);
        enum xml_fault fault = xml_reader_feed(t->reader, piece.p, piece.n);

        if (fault)
            return fault;
        in = slice_from(in, piece.n);
    }
    return XML_OK;
}
