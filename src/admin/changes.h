/* A batch of changes as the API takes it. Pure: JSON in, requests out. */
#ifndef STOX_ADMIN_CHANGES_H
#define STOX_ADMIN_CHANGES_H

#include <jansson.h>

#include "store/keeper.h"

#define CHANGES_MAX 200000

struct changes_fault {
    size_t index;
    const struct setting *setting; /* or NULL */
    bool is_batch;                 /* it is about the whole */
};

/* {"changes": [...]}. -1 with a sentence; memory is the arena's, texts are the JSON's. */
int changes_read(const json_t *body, struct arena *arena, struct request **requests, size_t *n,
                 struct changes_fault *fault, struct err *err);

#endif
