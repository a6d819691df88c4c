#include "ctl/lync.h"

#include <errno.h>
#include <stdlib.h>
#include <unistr.h>

#include "base/text.h"
#include "ctl/lync_parts.h"

#define LYNC_MEMORY (512u << 20)

/* Room for one more of an array in the arena. -1 with a sentence at the bound, or without memory. */
static int grow(struct lync_file *f, void *array, size_t n, size_t *cap, size_t size, size_t max, struct err *err)
{
    void **v = array;
    size_t more = *cap ? 2 * *cap : 8;
    void *bigger;

    if (n >= max)
        return err_set(err, "there are more than %zu", max);
    if (n < *cap)
        return 0;
    bigger = arena_alloc(&f->arena, more * size);
    if (!bigger)
        return err_memory(err, "reading a file");
    if (n)
        memcpy(bigger, *v, n * size);
    *v = bigger;
    *cap = more;
    return 0;
}

struct lync_object *lync_add_object(struct lync_file *f, struct err *err)
{
    if (grow(f, &f->objects, f->n, &f->cap, sizeof(*f->objects), LYNC_OBJECTS_MAX, err)) {
        err_wrap(err, "objects");
        return NULL;
    }
    f->objects[f->n] = (struct lync_object){ 0 };
    return &f->objects[f->n++];
}

struct lync_field *lync_add_field(struct lync_file *f, struct lync_object *o, struct slice name, struct err *err)
{
    struct lync_field *field;

    if (name.n > LYNC_TEXT_MAX) {
        err_set(err, "a field's name of %zu bytes is too long", name.n);
        return NULL;
    }
    if (grow(f, &o->fields, o->n, &o->cap, sizeof(*o->fields), LYNC_FIELDS_MAX, err)) {
        err_wrap(err, "fields of an object");
        return NULL;
    }
    field = &o->fields[o->n++];
    *field = (struct lync_field){ .name = arena_dup(&f->arena, name) };
    if (field->name.p)
        return field;
    o->n--;
    err_memory(err, "reading a file");
    return NULL;
}

int lync_add_value(struct lync_file *f, struct lync_field *field, struct slice text, struct err *err)
{
    struct slice kept;

    if (text.n > LYNC_TEXT_MAX)
        return err_set(err, "%.*s: a value of %zu bytes is too long", SLICE_FMT(field->name), text.n);
    if (grow(f, &field->v, field->n, &field->cap, sizeof(*field->v), LYNC_VALUES_MAX, err))
        return err_wrap(err, "values of %.*s", (int)(field->name.n < 100 ? field->name.n : 100), field->name.p);
    kept = arena_dup(&f->arena, text);
    if (!kept.p)
        return err_memory(err, "reading a file");
    field->v[field->n++] = kept;
    return 0;
}

const struct lync_field *lync_field(const struct lync_object *o, const char *name)
{
    for (size_t i = 0; i < o->n; i++)
        if (slice_ieq(o->fields[i].name, slice_str(name)))
            return &o->fields[i];
    return NULL;
}

bool lync_is_placeholder(struct slice text)
{
    return slice_istarts(text, SLICE("System.")) || slice_istarts(text, SLICE("Microsoft.")) ||
           slice_istarts(text, SLICE("Deserialized.")) || slice_starts(text, SLICE("@{"));
}

void lync_free(struct lync_file *f)
{
    if (!f)
        return;
    arena_reset(&f->arena);
    free(f);
}

/*
 * PowerShell 5 writes UTF-16 by default. *text gets memory the caller frees, or stays NULL when bytes are UTF-8
 * already.
 */
static int to_utf8(struct slice *bytes, uint8_t **memory, struct err *err)
{
    size_t units = bytes->n / 2, n = 0;
    bool little = slice_starts(*bytes, SLICE("\xff\xfe"));
    uint16_t *wide;

    if (!little && !slice_starts(*bytes, SLICE("\xfe\xff"))) {
        if (slice_starts(*bytes, SLICE("\xef\xbb\xbf")))
            *bytes = slice_from(*bytes, 3);
        return text_is_utf8(*bytes)
                   ? 0
                   : err_set(err, "the file is neither UTF-8 nor UTF-16 with a byte order mark: export it "
                                  "with -Encoding UTF8");
    }
    wide = malloc(bytes->n + 2);
    if (!wide)
        return err_memory(err, "reading a file");
    for (size_t i = 1; i < units; i++) {
        unsigned a = (unsigned char)bytes->p[2 * i], b = (unsigned char)bytes->p[2 * i + 1];

        wide[i - 1] = (uint16_t)(little ? b << 8 | a : a << 8 | b);
    }
    *memory = u16_to_u8(wide, units - 1, NULL, &n);
    free(wide);
    if (!*memory && errno == ENOMEM)
        return err_memory(err, "reading a file");
    if (!*memory || bytes->n % 2)
        return err_set(err, "the file begins as UTF-16, and is none further on");
    *bytes = slice_of((const char *)*memory, n);
    return 0;
}

static int read_text(struct lync_file *f, struct slice text, struct err *err)
{
    struct slice start = slice_trim(text);

    if (slice_starts(start, SLICE("<"))) {
        f->format = "Clixml";
        return lync_read_clixml(f, start, err);
    }
    if (slice_starts(start, SLICE("[")) || slice_starts(start, SLICE("{"))) {
        f->format = "JSON";
        return lync_read_json(f, start, err);
    }
    f->format = "CSV";
    return lync_read_csv(f, text, err);
}

struct lync_file *lync_read(struct slice bytes, struct err *err)
{
    struct lync_file *f = calloc(1, sizeof(*f));
    uint8_t *memory = NULL;
    int rc = -1;

    if (!f) {
        err_memory(err, "reading a file");
        return NULL;
    }
    arena_init(&f->arena, LYNC_MEMORY);
    if (bytes.n > LYNC_FILE_MAX)
        err_set(err, "a file of %zu bytes is too large", bytes.n);
    else if (to_utf8(&bytes, &memory, err) == 0)
        rc = read_text(f, bytes, err);
    free(memory);
    if (rc == 0)
        return f;
    if (f->format)
        err_wrap(err, "as %s", f->format);
    lync_free(f);
    return NULL;
}
