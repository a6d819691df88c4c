/*
 * libconfuse reads the syntax, the setting tables give the meaning. All values are read as text and converted by
 * setting_set, so that a value means the same here as on the command line.
 */
#include "store/config_text.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_ARENA_MAX (256u << 20)
#define FILE_BYTES_MAX (256u << 20)

/* libconfuse takes the end of the text for the end of all open blocks. Behind this line there is none: a file cut off is known. */
#define END_MARK "end-of-configuration"

/* libconfuse reports through a function without context, called only inside cfg_parse: this is that context. */
static _Thread_local struct err *parse_err;

static const struct setting_kind *kind_of_section(const cfg_t *cfg)
{
    const struct setting_kind *kind = model_kind(slice_str(cfg->name));

    return kind ? kind : &boot_kind;
}

__attribute__((format(printf, 2, 0))) static void on_syntax_error(cfg_t *cfg, const char *fmt, va_list ap)
{
    char text[300], unknown[64] = "";
    const char *near = NULL;

    vsnprintf(text, sizeof(text), fmt, ap);
    if (strstr(text, "'" END_MARK "'")) {
        err_set(parse_err, "line %d: it ends inside a block: is it whole?", cfg->line - 1);
        return;
    }
    if (sscanf(text, "no such option '%63[^']'", unknown) == 1)
        near = setting_nearest(kind_of_section(cfg), slice_str(unknown));
    if (near)
        err_set(parse_err, "line %d: there is no setting \"%s\"; did you mean \"%s\"?", cfg->line, unknown, near);
    else if (unknown[0])
        err_set(parse_err, "line %d: there is no setting \"%s\" here", cfg->line, unknown);
    else
        err_set(parse_err, "line %d: %s", cfg->line, text);
}

/* The rows of a kind as libconfuse options, with an end mark. False on memory. */
static bool put_options(const struct setting_kind *kind, cfg_opt_t *opts)
{
    for (size_t i = 0; i < kind->n; i++) {
        const struct setting *s = &kind->settings[i];
        cfg_opt_t one = CFG_STR(s->name, NULL, CFGF_NODEFAULT);
        cfg_opt_t list = CFG_STR_LIST(s->name, NULL, CFGF_NODEFAULT);

        opts[i] = setting_is_list(s) ? list : one;
    }
    opts[kind->n] = (cfg_opt_t)CFG_END();
    return true;
}

static cfg_opt_t *options_of(const struct setting_kind *kind)
{
    cfg_opt_t *opts = calloc(kind->n + 1, sizeof(*opts));

    return opts && put_options(kind, opts) ? opts : NULL;
}

static bool is_exported(const struct setting_kind *kind)
{
    return !kind->internal;
}

/* The blocks of all exported kinds as libconfuse options; opts[] gets what the caller frees. */
static cfg_opt_t *block_options(cfg_opt_t *opts[MODEL_N_KINDS])
{
    cfg_opt_t *top = calloc(MODEL_N_KINDS + 2, sizeof(*top));
    size_t n = 0;

    if (!top)
        return NULL;
    for (size_t i = 0; i < MODEL_N_KINDS; i++) {
        const struct setting_kind *kind = model_kinds[i];
        cfg_flag_t flags = kind->title ? CFGF_TITLE | CFGF_MULTI | CFGF_NO_TITLE_DUPES : CFGF_NODEFAULT;

        if (!is_exported(kind))
            continue;
        opts[i] = options_of(kind);
        if (!opts[i]) {
            free(top);
            return NULL;
        }
        top[n++] = (cfg_opt_t)CFG_SEC(kind->name, opts[i], flags);
    }
    top[n++] = (cfg_opt_t)CFG_BOOL(END_MARK, cfg_false, CFGF_NODEFAULT);
    top[n] = (cfg_opt_t)CFG_END();
    return top;
}

/* All of a file ("-": standard input) and the mark of its end, with a zero byte behind. */
static int read_marked(struct buf *out, const char *file, const char *text, struct err *err)
{
    FILE *f = text ? NULL : strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
    bool bad = false;

    if (!text && !f)
        return err_set(err, "cannot be read: %s", strerror(errno));
    if (text)
        buf_str(out, text);
    while (f && !bad && !feof(f)) {
        char *at = buf_reserve(out, 65536);

        if (at)
            out->n += fread(at, 1, 65536, f);
        bad = !at || ferror(f);
    }
    if (f && f != stdin)
        fclose(f);
    if (bad && buf_ok(out))
        return err_set(err, "cannot be read: %s", strerror(errno));
    if (out->n && memchr(out->p, '\0', out->n))
        return err_set(err, "there is a zero byte in it: this is no text");
    buf_str(out, "\n" END_MARK " = true\n");
    buf_char(out, '\0');
    return buf_ok(out) ? 0 : err_set(err, "it is too large, or memory is missing");
}

/* file, or text when that is not NULL. NULL with a sentence. */
static cfg_t *parse(cfg_opt_t *top, const char *file, const char *text, struct err *err)
{
    cfg_t *cfg = cfg_init(top, CFGF_NONE);
    int rc;

    if (!cfg) {
        err_set(err, "out of memory while reading the configuration");
        return NULL;
    }
    cfg_set_error_function(cfg, on_syntax_error);
    parse_err = err;
    if (text)
        rc = cfg_parse_buf(cfg, text);
    else
        rc = cfg_parse(cfg, file);
    parse_err = NULL;
    if (rc == CFG_SUCCESS)
        return cfg;
    if (rc == CFG_FILE_ERROR)
        err_set(err, "cannot be read: %s", strerror(errno));
    cfg_free(cfg);
    return NULL;
}

static int out_of_memory(struct err *err)
{
    return err_set(err, "out of memory while reading the configuration");
}

/* What a section says, as edits. Texts are copied: the section is freed before the edits are. */
static int take_edits(const struct setting_kind *kind, cfg_t *section, struct edit **edits, size_t *n,
                      struct arena *arena, struct err *err)
{
    *n = 0;
    *edits = arena_alloc(arena, (kind->n + 1) * sizeof(**edits));
    if (!*edits)
        return out_of_memory(err);
    for (size_t i = 0; i < kind->n; i++) {
        const struct setting *s = &kind->settings[i];
        unsigned count = cfg_size(section, s->name);
        struct slice *texts;

        if (count == 0)
            continue;
        texts = arena_alloc(arena, count * sizeof(*texts));
        if (!texts)
            return out_of_memory(err);
        for (unsigned k = 0; k < count; k++) {
            texts[k] = arena_dup(arena, slice_str(cfg_getnstr(section, s->name, k)));
            if (!texts[k].p)
                return out_of_memory(err);
        }
        (*edits)[(*n)++] = (struct edit){ .setting = s, .op = EDIT_SET, .texts = texts, .n = count };
    }
    return 0;
}

/* ---- the bootstrap file ---- */

static int boot_take(cfg_t *cfg, struct boot *out, struct arena *arena, struct err *err)
{
    struct edit *edits;
    size_t n;

    if (setting_defaults(&boot_kind, out, arena, err) || take_edits(&boot_kind, cfg, &edits, &n, arena, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (setting_set(edits[i].setting, out, edits[i].texts, edits[i].n, arena, err))
            return -1;
    for (size_t i = 0; i < boot_kind.n; i++) {
        const struct setting *s = &boot_kind.settings[i];

        if (!s->def && !setting_is_list(s) && cfg_size(cfg, s->name) == 0)
            return err_set(err, "%s is missing (%s)", s->name, s->brief);
    }
    return 0;
}

int boot_read(const char *file, struct boot *out, struct arena *arena, struct err *err)
{
    cfg_opt_t *top = options_of(&boot_kind);
    cfg_t *cfg = NULL;
    int rc = -1;

    if (!top)
        return out_of_memory(err);
    cfg = parse(top, file, NULL, err);
    if (cfg)
        rc = boot_take(cfg, out, arena, err);
    if (cfg)
        cfg_free(cfg);
    free(top);
    return rc ? err_wrap(err, "%s", file) : 0;
}

/* ---- blocks ---- */

static int take_block(const struct setting_kind *kind, cfg_t *section, struct config_block *out, struct arena *arena,
                      struct err *err)
{
    out->kind = kind;
    out->name = arena_dup(arena, kind->title ? slice_str(cfg_title(section)) : SLICE(""));
    if (!out->name.p)
        return out_of_memory(err);
    return take_edits(kind, section, &out->edits, &out->n, arena, err);
}

static int take_blocks(cfg_t *cfg, struct config_text *t, struct err *err)
{
    size_t n = 0;

    for (size_t i = 0; i < MODEL_N_KINDS; i++)
        if (is_exported(model_kinds[i]))
            n += cfg_size(cfg, model_kinds[i]->name);
    t->blocks = arena_zalloc(&t->arena, (n + 1) * sizeof(*t->blocks));
    if (!t->blocks)
        return out_of_memory(err);
    for (size_t i = 0; i < MODEL_N_KINDS; i++) {
        const struct setting_kind *kind = model_kinds[i];
        unsigned count = is_exported(kind) ? cfg_size(cfg, kind->name) : 0;

        for (unsigned k = 0; k < count; k++)
            if (take_block(kind, cfg_getnsec(cfg, kind->name, k), &t->blocks[t->n++], &t->arena, err))
                return -1;
    }
    return 0;
}

struct config_text *config_text_read(const char *file, const char *text, struct err *err)
{
    cfg_opt_t *opts[MODEL_N_KINDS] = { NULL };
    struct config_text *t = calloc(1, sizeof(*t));
    cfg_opt_t *top = block_options(opts);
    cfg_t *cfg = NULL;
    struct buf whole;
    int rc = -1;

    out_of_memory(err);
    buf_init(&whole, FILE_BYTES_MAX);
    if (t && top) {
        arena_init(&t->arena, TEXT_ARENA_MAX);
        if (read_marked(&whole, file, text, err) == 0)
            cfg = parse(top, file, whole.p, err);
    }
    buf_free(&whole);
    if (cfg) {
        rc = take_blocks(cfg, t, err);
        cfg_free(cfg);
    }
    free(top);
    for (size_t i = 0; i < MODEL_N_KINDS; i++)
        free(opts[i]);
    if (rc == 0)
        return t;
    if (file && !text)
        err_wrap(err, "%s", file);
    config_text_free(t);
    return NULL;
}

void config_text_free(struct config_text *t)
{
    if (!t)
        return;
    arena_reset(&t->arena);
    free(t);
}

/* In double quotes, for libconfuse: backslash and quote are escaped, and ${ would be taken for a variable. */
static void put_quoted(struct buf *out, struct slice s)
{
    buf_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\' || s.p[i] == '$')
            buf_char(out, '\\');
        buf_char(out, s.p[i]);
    }
    buf_char(out, '"');
}

static void put_value(struct buf *out, const struct setting *s, const void *object)
{
    size_t n = setting_count(s, object);
    struct buf text;

    buf_init(&text, 64u << 10);
    if (setting_is_list(s))
        buf_char(out, '{');
    for (size_t i = 0; i < n; i++) {
        buf_clear(&text);
        setting_print(&text, s, object, i);
        if (i)
            buf_str(out, ", ");
        if (s->type == SETTING_UINT || s->type == SETTING_BOOL || s->type == SETTING_CHOICE)
            buf_put(out, buf_slice(&text));
        else
            put_quoted(out, buf_slice(&text));
        if (!buf_ok(&text))
            out->failed = true;
    }
    if (setting_is_list(s))
        buf_char(out, '}');
    buf_free(&text);
}

void config_text_put(struct buf *out, const struct record *r)
{
    buf_str(out, r->kind->name);
    if (r->kind->title) {
        buf_char(out, ' ');
        put_quoted(out, r->name);
    }
    buf_str(out, " {\n");
    for (size_t i = 0; i < r->kind->n; i++) {
        const struct setting *s = &r->kind->settings[i];

        if (!record_gives(r, i))
            continue;
        if (s->secret) {
            buf_printf(out, "    # %s is set, and not shown\n", s->name);
            continue;
        }
        buf_printf(out, "    %s = ", s->name);
        put_value(out, s, r->object);
        buf_char(out, '\n');
    }
    buf_str(out, "}\n");
}
