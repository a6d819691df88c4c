/*
 * The whole configuration as one value: built completely, checked, then used; half of one never exists.
 */
#ifndef STOX_STORE_CONFIG_H
#define STOX_STORE_CONFIG_H

#include "base/log.h"
#include "store/model.h"

struct config {
    struct arena arena; /* owns all below */
    struct boot boot;
    struct gateway gateway;
    struct sip_domain *sip_domains;
    size_t n_sip_domains;
    struct route *routes;
    size_t n_routes;
    struct partner *partners;
    size_t n_partners;
};

/*
 * Reads FILE. NULL with a sentence that names file, line, setting and remedy. Warnings (rows of the negotiation matrix that
 * work but not as one may think) go to log, which may be NULL.
 */
struct config *config_read(const char *file, struct log *log, struct err *err);
void config_free(struct config *c);

#endif
