/* A reader whose events are written down as text, so that two ways of feeding it can be compared. */
#ifndef STOX_TEST_READER_TRACE_H
#define STOX_TEST_READER_TRACE_H

#include "xmpp/xml.h"

struct reader_trace {
    struct xml_reader *reader;
    struct buf events;       /* "open <...>\nelement <...>\nclose\n" */
    const char *stop_at;     /* stops the reader at the element of this name */
    struct xml_limits after; /* set when the root has come and element_max is not 0 */
    unsigned n_elements;
};

#define TRACE_LIMITS                                                                                                   \
    (struct xml_limits)                                                                                                \
    {                                                                                                                  \
        .element_max = 65536, .tag_max = 16384, .depth_max = 64, .attrs_max = 128                                      \
    }

/* False when the reader could not be made within max_memory. */
bool reader_trace_init(struct reader_trace *t, const struct xml_limits *limits, size_t max_memory);
void reader_trace_fini(struct reader_trace *t);

/* Feeds in pieces of step bytes, or of random sizes when step is 0, until a fault. */
enum xml_fault reader_trace_feed(struct reader_trace *t, struct slice in, size_t step);

#endif
