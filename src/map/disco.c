#include "map/disco.h"

#include <openssl/evp.h>

#include "xmpp/writer.h"

static void put_field(struct buf *out, const char *var, const char *type, const struct slice *values, size_t n)
{
    buf_str(out, "<field");
    xml_put_attr(out, "var", slice_str(var));
    if (type)
        xml_put_attr(out, "type", slice_str(type));
    buf_char(out, '>');
    for (size_t i = 0; i < n; i++)
        xml_put_text_element(out, "value", values[i]);
    buf_str(out, "</field>");
}

static void put_form(struct buf *out, const struct map_disco *d)
{
    struct slice type = slice_str(d->form);

    buf_str(out, "<x xmlns='jabber:x:data' type='result'>");
    put_field(out, "FORM_TYPE", "hidden", &type, 1);
    for (size_t i = 0; i < d->n_fields; i++)
        put_field(out, d->fields[i].var, NULL, d->fields[i].values, d->fields[i].n);
    buf_str(out, "</x>");
}

void map_disco_put(struct buf *out, const struct map_disco *d, struct slice node)
{
    buf_str(out, "<query xmlns='http://jabber.org/protocol/disco#info'");
    if (node.n)
        xml_put_attr(out, "node", node);
    buf_char(out, '>');
    for (size_t i = 0; i < d->n_identities; i++) {
        buf_str(out, "<identity");
        xml_put_attr(out, "category", slice_str(d->identities[i].category));
        xml_put_attr(out, "type", slice_str(d->identities[i].type));
        if (d->identities[i].lang[0])
            xml_put_attr(out, "xml:lang", slice_str(d->identities[i].lang));
        if (d->identities[i].name[0])
            xml_put_attr(out, "name", slice_str(d->identities[i].name));
        buf_str(out, "/>");
    }
    for (size_t i = 0; i < d->n_features; i++) {
        buf_str(out, "<feature");
        xml_put_attr(out, "var", slice_str(d->features[i]));
        buf_str(out, "/>");
    }
    if (d->form)
        put_form(out, d);
    buf_str(out, "</query>");
}

static bool add(EVP_MD_CTX *ctx, struct slice s, char end)
{
    return EVP_DigestUpdate(ctx, s.p, s.n) && EVP_DigestUpdate(ctx, &end, 1);
}

static bool add_form(EVP_MD_CTX *ctx, const struct map_disco *d)
{
    bool ok = add(ctx, slice_str(d->form), '<');

    for (size_t i = 0; i < d->n_fields; i++) {
        ok = ok && add(ctx, slice_str(d->fields[i].var), '<');
        for (size_t k = 0; k < d->fields[i].n; k++)
            ok = ok && add(ctx, d->fields[i].values[k], '<');
    }
    return ok;
}

static bool add_all(EVP_MD_CTX *ctx, const struct map_disco *d)
{
    bool ok = true;

    for (size_t i = 0; i < d->n_identities; i++)
        ok = ok && add(ctx, slice_str(d->identities[i].category), '/') &&
             add(ctx, slice_str(d->identities[i].type), '/') && add(ctx, slice_str(d->identities[i].lang), '/') &&
             add(ctx, slice_str(d->identities[i].name), '<');
    for (size_t i = 0; i < d->n_features; i++)
        ok = ok && add(ctx, slice_str(d->features[i]), '<');
    return ok && (!d->form || add_form(ctx, d));
}

bool map_disco_ver(const struct map_disco *d, char out[MAP_DISCO_VER + 1])
{
    unsigned char md[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned n = 0;
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) && add_all(ctx, d) && EVP_DigestFinal_ex(ctx, md, &n) &&
              n == 20;

    EVP_MD_CTX_free(ctx);
    return ok && EVP_EncodeBlock((unsigned char *)out, md, (int)n) == MAP_DISCO_VER;
}
