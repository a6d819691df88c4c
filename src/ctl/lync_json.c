/*
 * ConvertTo-Json: one object, an array of them, or (PowerShell 5 with an array that carries properties) {"value":
 * [...], "Count": n}. Enumerations are numbers unless asked for otherwise.
 */
#include <stdio.h>

#include "ctl/lync_parts.h"
#include "store/json.h"

/* The array that a value is or wraps; NULL: neither. */
static const json_t *array_in(const json_t *v)
{
    const json_t *inner = json_object_get(v, "value");

    if (json_is_array(v))
        return v;
    return json_is_array(inner) && json_object_size(v) == 2 && json_object_get(v, "Count") ? inner : NULL;
}

static int add_scalar(struct lync_file *f, struct lync_field *field, const json_t *v, struct err *err)
{
    char number[40];

    switch (json_typeof(v)) {
    case JSON_STRING: return lync_add_value(f, field, slice_of(json_string_value(v), json_string_length(v)), err);
    case JSON_TRUE: return lync_add_value(f, field, SLICE("true"), err);
    case JSON_FALSE: return lync_add_value(f, field, SLICE("false"), err);
    case JSON_INTEGER:
        snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        return lync_add_value(f, field, slice_str(number), err);
    case JSON_REAL:
        snprintf(number, sizeof(number), "%.17g", json_real_value(v));
        return lync_add_value(f, field, slice_str(number), err);
    default: field->form = LYNC_UNREADABLE; return 0;
    }
}

static int add_member(struct lync_file *f, struct lync_object *o, const char *name, const json_t *v, struct err *err)
{
    struct lync_field *field = lync_add_field(f, o, slice_str(name), err);
    const json_t *list = array_in(v);

    if (!field)
        return -1;
    if (json_is_null(v))
        return 0;
    field->form = list ? LYNC_LIST : json_is_number(v) ? LYNC_NUMBER : json_is_object(v) ? LYNC_UNREADABLE : LYNC_TEXT;
    if (!list)
        return add_scalar(f, field, v, err);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (add_scalar(f, field, json_array_get(list, i), err))
            return -1;
    return 0;
}

static int add_object(struct lync_file *f, const json_t *object, struct err *err)
{
    struct lync_object *o;
    const char *name;
    json_t *v;

    if (!json_is_object(object))
        return err_set(err, "there is something else than objects in the array");
    o = lync_add_object(f, err);
    if (!o)
        return -1;
    json_object_foreach((json_t *)object, name, v)
    {
        if (add_member(f, o, name, v, err))
            return -1;
    }
    return 0;
}

int lync_read_json(struct lync_file *f, struct slice text, struct err *err)
{
    json_error_t fault;
    bool no_memory;
    json_t *root = json_read(text, &fault, &no_memory);
    const json_t *list = array_in(root);
    int rc = 0;

    if (!root)
        return no_memory ? err_memory(err, "reading a file") : err_set(err, "line %d: %s", fault.line, fault.text);
    if (!list)
        rc = add_object(f, root, err);
    for (size_t i = 0; i < json_array_size(list) && rc == 0; i++)
        rc = add_object(f, json_array_get(list, i), err);
    json_decref(root);
    return rc;
}
