/* The API's description of itself (OpenAPI 3.1), made of the routes and the settings' tables. */
#ifndef STOX_ADMIN_OPENAPI_H
#define STOX_ADMIN_OPENAPI_H

#include <jansson.h>

#include "store/model.h"

/* NULL on memory. */
json_t *openapi_document(void);

/* components.schemas */
json_t *openapi_schemas(void);

/* "SipUser" for the kind sip-user: what stands for @ in the names of schemas. out has 32 bytes. */
void openapi_kind_name(const struct setting_kind *kind, char out[32]);

#endif
