/* The API's description of itself (OpenAPI 3.1), made of the routes and the settings' tables. */
#ifndef STOX_ADMIN_OPENAPI_H
#define STOX_ADMIN_OPENAPI_H

#include <jansson.h>

#include "store/model.h"

/* A document while it is made: what cannot be added makes the whole fail. */
struct openapi {
    bool failed;
};

/* As json_object_set_new and json_array_append_new. */
void openapi_set(struct openapi *d, json_t *o, const char *key, json_t *v);
void openapi_add(struct openapi *d, json_t *list, json_t *v);

/* NULL on memory. */
json_t *openapi_document(void);

/* components.schemas */
json_t *openapi_schemas(struct openapi *d);

/* "SipUser" for the kind sip-user: what stands for @ in the names of schemas. out has 32 bytes. */
void openapi_kind_name(const struct setting_kind *kind, char out[32]);

#endif
