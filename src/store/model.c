/* All kinds of settings; each stands in a file of its own. */
#include "store/model.h"

const struct setting_kind *const model_kinds[MODEL_N_KINDS] = {
    &org_kind,  &certificate_kind, &gateway_kind, &route_kind, &sip_domain_kind, &partner_kind, &policy_kind,
    &site_kind, &sip_user_kind,    &block_kind,   &proxy_kind, &account_kind,    &token_kind
};

size_t model_index(const struct setting_kind *kind)
{
    size_t i = 0;

    while (i + 1 < MODEL_N_KINDS && model_kinds[i] != kind)
        i++;
    return i;
}

const struct setting_kind *model_kind(struct slice word)
{
    for (size_t i = 0; i < MODEL_N_KINDS; i++) {
        const struct setting_kind *k = model_kinds[i];

        if (slice_is(word, k->name) || slice_is(word, k->noun) || slice_is(word, k->plural))
            return k;
    }
    return NULL;
}
