/*
 * Export-Clixml ([MS-PSRP] 2.2.5): Objs holds Obj elements; Props and MS hold their fields, each an element named by
 * its type with the field's name in N. Enumerations carry their name in ToString; lists are LST, IE, QUE or STK. Read
 * by expat, without DTD.
 */
#include <expat.h>
#include <stdlib.h>

#include "ctl/lync_parts.h"

#define DEPTH_MAX 32
#define TYPES_MAX 200

enum element { E_OTHER, E_OBJS, E_OBJ, E_TN, E_T, E_TNREF, E_TOSTRING, E_MEMBERS, E_LIST, E_NIL, E_NUMBER, E_TEXT };

struct type {
    struct slice id, name;
};

struct reader {
    struct lync_file *f;
    XML_Parser parser;
    struct err *err;
    bool failed;
    enum element stack[DEPTH_MAX];
    unsigned depth;
    unsigned object_depth; /* of the Obj whose fields are read; 0: none */
    bool object_made;      /* its lync_object is there: it has fields */
    unsigned field_depth;  /* of the element that is a field; 0: none */
    size_t entry_n;        /* values there were when an entry of a list began that is an Obj */
    bool capturing;        /* text goes to r->text */
    bool too_long;         /* and is more than it takes */
    struct buf text;
    struct slice type; /* of the object that begins */
    struct type types[TYPES_MAX];
    size_t n_types;
    struct slice type_id; /* of the TN that is read */
};

static void fail(struct reader *r, const char *why)
{
    if (why)
        err_set(r->err, "line %lu: %s", (unsigned long)XML_GetCurrentLineNumber(r->parser), why);
    r->failed = true;
    XML_StopParser(r->parser, XML_FALSE);
}

static enum element element_of(const char *name)
{
    static const struct {
        const char *name;
        enum element element;
    } known[] = { { "Objs", E_OBJS },   { "Obj", E_OBJ },       { "TN", E_TN },        { "T", E_T },
                  { "TNRef", E_TNREF }, { "Props", E_MEMBERS }, { "MS", E_MEMBERS },   { "ToString", E_TOSTRING },
                  { "LST", E_LIST },    { "IE", E_LIST },       { "QUE", E_LIST },     { "STK", E_LIST },
                  { "Nil", E_NIL },     { "S", E_TEXT },        { "B", E_TEXT },       { "C", E_TEXT },
                  { "G", E_TEXT },      { "URI", E_TEXT },      { "Version", E_TEXT }, { "DT", E_TEXT },
                  { "TS", E_TEXT },     { "I32", E_NUMBER },    { "U32", E_NUMBER },   { "I64", E_NUMBER },
                  { "U64", E_NUMBER },  { "I16", E_NUMBER },    { "U16", E_NUMBER },   { "By", E_NUMBER },
                  { "SB", E_NUMBER } };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].element;
    return E_OTHER;
}

static const char *attribute(const char **attributes, const char *name)
{
    for (size_t i = 0; attributes[i]; i += 2)
        if (strcmp(attributes[i], name) == 0)
            return attributes[i + 1];
    return NULL;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * "_x000A_" stands for a UTF-16 unit that XML cannot hold. Only ASCII is undone; other units stay as they are
 * written.
 */
static void put_decoded(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned unit = 0;
        bool coded = s.p[i] == '_' && i + 6 < s.n && s.p[i + 1] == 'x' && s.p[i + 6] == '_';

        for (size_t k = 2; k < 6 && coded; k++) {
            coded = hex_value(s.p[i + k]) >= 0;
            unit = unit * 16 + (unsigned)(coded ? hex_value(s.p[i + k]) : 0);
        }
        if (coded && unit < 0x80) {
            buf_char(out, (char)unit);
            i += 6;
        } else {
            buf_char(out, s.p[i]);
        }
    }
}

static void fail_memory(struct reader *r)
{
    err_memory(r->err, "reading a file");
    fail(r, NULL);
}

static struct slice keep(struct reader *r, struct slice s)
{
    struct slice kept = arena_dup(&r->f->arena, s);

    if (!kept.p)
        fail_memory(r);
    return kept;
}

/* The object and field that are being read. */
static struct lync_object *object_of(const struct reader *r)
{
    return &r->f->objects[r->f->n - 1];
}

static struct lync_field *field_of(const struct reader *r)
{
    struct lync_object *o = object_of(r);

    return &o->fields[o->n - 1];
}

static void begin_object(struct reader *r)
{
    struct lync_object *o = lync_add_object(r->f, r->err);

    if (!o) {
        fail(r, NULL);
        return;
    }
    o->type = r->type;
    r->object_made = true;
}

static void begin_field(struct reader *r, enum element e, const char *name)
{
    struct lync_field *field;
    struct buf decoded;

    if (!r->object_made)
        begin_object(r);
    if (r->failed)
        return;
    buf_init(&decoded, LYNC_TEXT_MAX);
    put_decoded(&decoded, slice_str(name));
    field = buf_ok(&decoded) ? lync_add_field(r->f, object_of(r), buf_slice(&decoded), r->err) : NULL;
    if (!buf_ok(&decoded) && strlen(name) <= LYNC_TEXT_MAX)
        fail_memory(r);
    else if (!field)
        fail(r, buf_ok(&decoded) ? NULL : "a field's name is too long");
    buf_free(&decoded);
    if (!field)
        return;
    field->form = e == E_NIL ? LYNC_NOTHING : e == E_TEXT ? LYNC_TEXT : e == E_NUMBER ? LYNC_NUMBER : LYNC_UNREADABLE;
    r->field_depth = r->depth;
    r->capturing = e == E_TEXT || e == E_NUMBER;
}

/* Inside a field that is an object: its list's entries, or its name when it is an enumeration. */
static void begin_in_field(struct reader *r, enum element e)
{
    unsigned inside = r->depth - r->field_depth;
    bool in_list = inside == 2 && r->stack[r->depth - 2] == E_LIST;
    bool in_entry = inside == 3 && r->stack[r->depth - 2] == E_OBJ && r->stack[r->depth - 3] == E_LIST;

    if (r->stack[r->field_depth - 1] != E_OBJ)
        return;
    if (e == E_LIST && inside == 1)
        field_of(r)->form = field_of(r)->n ? LYNC_UNREADABLE : LYNC_LIST;
    if (in_list && e == E_OBJ)
        r->entry_n = field_of(r)->n;
    else if (in_list && e != E_TEXT && e != E_NUMBER)
        field_of(r)->form = LYNC_UNREADABLE;
    r->capturing = (in_list && (e == E_TEXT || e == E_NUMBER)) || (e == E_TOSTRING && (inside == 1 || in_entry));
}

static void find_type(struct reader *r, const char *id)
{
    for (size_t i = 0; id && i < r->n_types; i++)
        if (slice_is(r->types[i].id, id))
            r->type = r->types[i].name;
}

/* Between an object's start and its members: what its type is called. */
static void begin_in_object(struct reader *r, enum element e, const char **attributes)
{
    enum element parent = r->depth > 1 ? r->stack[r->depth - 2] : E_OTHER;
    const char *id = attribute(attributes, "RefId");

    if (e == E_TN && parent == E_OBJ)
        r->type_id = keep(r, slice_str(id));
    else if (e == E_TNREF && parent == E_OBJ)
        find_type(r, id);
    r->capturing = e == E_T && parent == E_TN && !r->type.n;
}

static void XMLCALL on_start(void *arg, const char *name, const char **attributes)
{
    struct reader *r = arg;
    enum element e = element_of(name);
    const char *field = attribute(attributes, "N");

    if (r->failed)
        return;
    if (r->depth == DEPTH_MAX) {
        fail(r, "elements are nested too deeply");
        return;
    }
    if (r->depth == 0 && e != E_OBJS) {
        fail(r, "this is XML, but none of Export-Clixml's");
        return;
    }
    r->stack[r->depth++] = e;
    buf_clear(&r->text);
    r->capturing = r->too_long = false;
    if (r->field_depth) {
        begin_in_field(r, e);
    } else if (r->object_depth && r->depth == r->object_depth + 2 && r->stack[r->depth - 2] == E_MEMBERS && field) {
        begin_field(r, e, field);
    } else if (e == E_OBJ && (!r->object_depth || !r->object_made)) {
        r->object_depth = r->depth;
        r->object_made = false;
        r->type = slice_of(NULL, 0);
    } else if (r->object_depth) {
        begin_in_object(r, e, attributes);
    }
}

static void end_type(struct reader *r, struct slice name)
{
    r->type = keep(r, name);
    if (r->type_id.n && r->n_types < TYPES_MAX)
        r->types[r->n_types++] = (struct type){ r->type_id, r->type };
}

/* A text that was captured belongs to the type, or to the field. */
static void take_text(struct reader *r, enum element e)
{
    struct lync_field *field;
    struct buf decoded;

    if (r->too_long) {
        fail(r, "a value is too long");
        return;
    }
    if (!buf_ok(&r->text)) {
        fail_memory(r);
        return;
    }
    if (e == E_T) {
        end_type(r, buf_slice(&r->text));
        return;
    }
    field = field_of(r);
    if (e == E_TOSTRING && r->depth == r->field_depth + 1) {
        if (field->form == LYNC_LIST || lync_is_placeholder(buf_slice(&r->text)))
            return;
        field->form = LYNC_TEXT;
    }
    buf_init(&decoded, LYNC_TEXT_MAX);
    put_decoded(&decoded, buf_slice(&r->text));
    if (!buf_ok(&decoded))
        fail_memory(r);
    else if (lync_add_value(r->f, field, buf_slice(&decoded), r->err))
        fail(r, NULL);
    buf_free(&decoded);
}

static void XMLCALL on_end(void *arg, const char *name)
{
    struct reader *r = arg;
    enum element e;

    if (r->failed)
        return;
    e = r->stack[r->depth - 1];
    if (r->capturing)
        take_text(r, e);
    r->capturing = false;
    /* An entry that does not say what it is makes the list unreadable: half a list would be a guess. */
    if (r->field_depth && e == E_OBJ && r->depth == r->field_depth + 2 && r->stack[r->depth - 2] == E_LIST &&
        field_of(r)->n == r->entry_n)
        field_of(r)->form = LYNC_UNREADABLE;
    if (r->depth == r->field_depth)
        r->field_depth = 0;
    if (r->depth == r->object_depth) {
        r->object_depth = 0;
        r->object_made = false;
    }
    r->depth--;
}

static void XMLCALL on_text(void *arg, const char *p, int n)
{
    struct reader *r = arg;

    if (!r->capturing || r->failed)
        return;
    r->too_long = r->too_long || (size_t)n > LYNC_TEXT_MAX - r->text.n;
    buf_add(&r->text, p, (size_t)n);
}

static void XMLCALL on_doctype(void *arg, const char *name, const char *system, const char *public, int internal)
{
    fail(arg, "a document type declaration has no place here");
}

int lync_read_clixml(struct lync_file *f, struct slice text, struct err *err)
{
    struct reader *r = calloc(1, sizeof(*r));
    int rc = -1;

    if (!r || !(r->parser = XML_ParserCreate("UTF-8"))) {
        free(r);
        return err_memory(err, "reading a file");
    }
    r->f = f;
    r->err = err;
    buf_init(&r->text, LYNC_TEXT_MAX);
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    if (XML_Parse(r->parser, text.p, (int)text.n, XML_TRUE) == XML_STATUS_OK && !r->failed)
        rc = 0;
    else if (!r->failed && XML_GetErrorCode(r->parser) == XML_ERROR_NO_MEMORY)
        err_memory(err, "reading a file");
    else if (!r->failed)
        err_set(err, "line %lu: %s", (unsigned long)XML_GetCurrentLineNumber(r->parser),
                XML_ErrorString(XML_GetErrorCode(r->parser)));
    XML_ParserFree(r->parser);
    buf_free(&r->text);
    free(r);
    return rc;
}
