/* For the files that declare settings (model_*.c). */
#ifndef STOX_STORE_MODEL_ROWS_H
#define STOX_STORE_MODEL_ROWS_H

#include "store/model.h"

/* Where the value stands in the record. */
#define FIELD(type, field) .at = offsetof(struct type, field)
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#endif
