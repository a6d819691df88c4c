/* A second opinion on documents that we write: libxml2, by the schemas in tests/data/presence. */
#ifndef STOX_TESTS_SCHEMA_H
#define STOX_TESTS_SCHEMA_H

#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <libxml/xmlschemastypes.h>

#include "map_support.h"

struct schema {
    xmlSchemaPtr schema;
    struct buf complaint; /* of the last document */
};

__attribute__((format(printf, 2, 3))) static void complain(void *arg, const char *fmt, ...)
{
    struct schema *s = arg;
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    buf_str(&s->complaint, text);
}

static inline void schema_init(struct schema *s, const char *folder, const char *name)
{
    char path[1024];
    xmlSchemaParserCtxtPtr parser;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    buf_init(&s->complaint, 65536);
    parser = xmlSchemaNewParserCtxt(path);
    assert_non_null(parser);
    xmlSchemaSetParserErrors(parser, complain, complain, s);
    s->schema = xmlSchemaParse(parser);
    xmlSchemaFreeParserCtxt(parser);
    if (!s->schema)
        fail_msg("%s: %.*s", path, SLICE_FMT(buf_slice(&s->complaint)));
}

static inline bool schema_takes(struct schema *s, struct slice text)
{
    xmlDocPtr doc =
        xmlReadMemory(text.p, (int)text.n, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlSchemaValidCtxtPtr ctxt = xmlSchemaNewValidCtxt(s->schema);
    bool ok;

    buf_clear(&s->complaint);
    assert_non_null(ctxt);
    xmlSchemaSetValidErrors(ctxt, complain, complain, s);
    ok = doc && xmlSchemaValidateDoc(ctxt, doc) == 0;
    xmlSchemaFreeValidCtxt(ctxt);
    xmlFreeDoc(doc);
    return ok;
}

static inline void assert_taken(struct schema *s, struct slice text)
{
    if (!schema_takes(s, text))
        fail_msg("%.*s\n%.*s", SLICE_FMT(buf_slice(&s->complaint)), SLICE_FMT(text));
}

static inline void schema_fini(struct schema *s)
{
    xmlSchemaFree(s->schema);
    buf_free(&s->complaint);
    xmlSchemaCleanupTypes();
    xmlCleanupParser();
}

#endif
