#include "ctl/object.h"

#include "ctl/item.h"
#include "ctl/term.h"

#define NAME_COLUMNS 38
#define WAY_MAX 200
#define LEVELS 3

static void put_value_line(struct buf *b, const char *way, const char *name, const json_t *v)
{
    struct buf text;
    size_t from = b->n;

    buf_init(&text, 2u << 20);
    item_put_value(&text, v);
    term_put(b, slice_str(way));
    term_put(b, slice_str(name));
    buf_char(b, ':');
    while (b->n - from < NAME_COLUMNS && buf_ok(b) && text.n)
        buf_char(b, ' ');
    buf_str(b, text.n ? " " : "");
    term_put(b, buf_slice(&text));
    buf_char(b, '\n');
    buf_free(&text);
}

/* Members that are objects themselves are shown by their members, down to a few levels. */
static void put_members(struct buf *b, const char *way, const json_t *item, unsigned levels)
{
    char inner[WAY_MAX];
    const char *name;
    json_t *v;

    json_object_foreach((json_t *)item, name, v)
    {
        if (!json_is_object(v) || !levels) {
            put_value_line(b, way, name, v);
            continue;
        }
        snprintf(inner, sizeof(inner), "%s%s.", way, name);
        put_members(b, inner, v, levels - 1);
    }
}

void object_print(struct ctl *c, const json_t *item)
{
    struct buf b;

    buf_init(&b, 8u << 20);
    put_members(&b, "", item, LEVELS);
    term_flush(c->out, &b);
    buf_free(&b);
}

static size_t json_flags(const struct ctl *c)
{
    return c->width ? JSON_ENSURE_ASCII : 0;
}

void object_print_json(struct ctl *c, const json_t *v)
{
    json_dumpf(v, c->out, JSON_INDENT(2) | json_flags(c));
    fputc('\n', c->out);
}

void object_print_json_item(struct ctl *c, const json_t *v, size_t i)
{
    if (v) {
        fputs(i ? ",\n" : "[\n", c->out);
        json_dumpf(v, c->out, JSON_COMPACT | json_flags(c));
    } else {
        fputs(i ? "\n]\n" : "[]\n", c->out);
    }
}
