#include "store/store_engine.h"

struct store *store_pg_open(const struct store_conf *conf, struct err *err)
{
    err_set(err, "PostgreSQL is not supported yet");
    return NULL;
}
