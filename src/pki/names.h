/*
 * The names that a certificate is asked for, as people write them: "contoso.example" is a dNSName, and
 * "_xmpp-server.contoso.example" an SRVName (RFC 4985). Always A-labels in lower case, without a trailing dot. Pure.
 */
#ifndef STOX_PKI_NAMES_H
#define STOX_PKI_NAMES_H

#include "base/arena.h"
#include "base/err.h"

#define PKI_NAMES_MAX 100
#define PKI_NAME_MAX 253

/* What a certificate is for. */
enum pki_use { PKI_USE_FEDERATION, PKI_USE_SIP, PKI_USE_ADMIN };

/* In the order of the enum: "federation", "sip", "admin"; ended by NULL. */
extern const char *const pki_uses[];

struct pki_names {
    struct slice v[PKI_NAMES_MAX];
    size_t n;
    struct arena arena; /* owns the texts */
};

void pki_names_init(struct pki_names *names);
void pki_names_fini(struct pki_names *names);

/* Takes one name, U-labels too. -1 with a sentence: no name, an address, a wildcard of more than a label, there already, too many. */
int pki_names_add(struct pki_names *names, struct slice text, struct err *err);
bool pki_names_has(const struct pki_names *names, struct slice text);

/* False when the name is not there. */
bool pki_names_remove(struct pki_names *names, struct slice text);

static inline bool pki_name_is_srv(struct slice name)
{
    return name.n > 0 && name.p[0] == '_';
}

/* What a request begins with. */
struct pki_proposal {
    enum pki_use use;
    const struct slice *domains; /* served: each proposed as itself and as SRVName (federation only) */
    size_t n_domains;
    const struct slice *sip_domains; /* ticked: each as "sip." and the domain */
    size_t n_sip_domains;
    struct slice host_name; /* of the gateway: proposed for SIP and admin; empty: not known */
};

/* Adds what is proposed, each name once. -1 with a sentence. */
int pki_names_propose(struct pki_names *names, const struct pki_proposal *p, struct err *err);

#endif
