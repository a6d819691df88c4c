/* How much work a file under a passphrase asks for: its own say, so that it is looked at before it is done. */
#include <openssl/err.h>
#include <openssl/x509.h>

#include "pki/pki_priv.h"

static bool is_bounded(const ASN1_INTEGER *rounds)
{
    int64_t n;

    return !rounds || (ASN1_INTEGER_get_int64(&n, rounds) == 1 && n >= 0 && n <= PKI_ROUNDS_MAX);
}

static const ASN1_STRING *parameters_of(const X509_ALGOR *algorithm)
{
    const void *value;
    int type;

    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    return type == V_ASN1_SEQUENCE ? value : NULL;
}

static bool pbkdf2_is_bounded(const X509_ALGOR *kdf)
{
    const ASN1_STRING *s = parameters_of(kdf);
    const ASN1_OBJECT *method;
    PBKDF2PARAM *p;
    bool ok;

    X509_ALGOR_get0(&method, NULL, NULL, kdf);
    if (OBJ_obj2nid(method) != NID_id_pbkdf2 || !s) /* scrypt's work has more than one number */
        return false;
    p = ASN1_item_unpack(s, ASN1_ITEM_rptr(PBKDF2PARAM));
    ok = p && is_bounded(p->iter);
    PBKDF2PARAM_free(p);
    return ok;
}

static bool pbes2_is_bounded(const ASN1_STRING *s)
{
    PBE2PARAM *p = ASN1_item_unpack(s, ASN1_ITEM_rptr(PBE2PARAM));
    bool ok = p && pbkdf2_is_bounded(p->keyfunc);

    PBE2PARAM_free(p);
    return ok;
}

bool pki_rounds_are_bounded(const X509_ALGOR *algorithm)
{
    const ASN1_STRING *s = parameters_of(algorithm);
    const ASN1_OBJECT *method;
    PBEPARAM *p;
    bool ok;

    X509_ALGOR_get0(&method, NULL, NULL, algorithm);
    if (!s)
        return false;
    if (OBJ_obj2nid(method) == NID_pbes2)
        return pbes2_is_bounded(s);
    p = ASN1_item_unpack(s, ASN1_ITEM_rptr(PBEPARAM));
    ok = p && is_bounded(p->iter);
    PBEPARAM_free(p);
    return ok;
}
