/* Where an ACME authority sees that our names are ours: open while an order is under way. */
#include "acme/alpn.h"
#include "acme/responder.h"
#include "daemon/certifier_parts.h"

bool certifier_proofs_any(const struct boot *boot)
{
    return boot->acme_http.n + boot->acme_tls.n > 0;
}

static int show(void *owner, const struct acme_proof *proof, struct err *err)
{
    struct certifier_proofs *p = owner;

    return proof->kind == ACME_HTTP_01 ? acme_responder_show(p->http, proof->token, proof->text, err)
                                       : acme_alpn_show(p->tls, proof->name, proof->text, err);
}

static void hide(void *owner)
{
    struct certifier_proofs *p = owner;

    if (p->http)
        acme_responder_hide(p->http);
    if (p->tls)
        acme_alpn_hide(p->tls);
}

int certifier_proofs_open(struct certifier_proofs *p, const struct boot *boot, struct acme_wish *wish, struct err *err)
{
    *p = (struct certifier_proofs){ 0 };
    if (!certifier_proofs_any(boot))
        return err_set(err, "nothing listens for the ACME authority: set listen-acme-http or listen-acme-tls in the "
                            "bootstrap file");
    if (boot->acme_http.n && !(p->http = acme_responder_open(boot->acme_http.v, boot->acme_http.n, err)))
        return -1;
    if (boot->acme_tls.n && !(p->tls = acme_alpn_open(boot->acme_tls.v, boot->acme_tls.n, err)))
        return -1;
    wish->shows[ACME_HTTP_01] = p->http != NULL;
    wish->shows[ACME_TLS_ALPN_01] = p->tls != NULL;
    wish->show = show;
    wish->hide = hide;
    wish->owner = p;
    return 0;
}

void certifier_proofs_close(struct certifier_proofs *p)
{
    acme_responder_close(p->http);
    acme_alpn_close(p->tls);
}
