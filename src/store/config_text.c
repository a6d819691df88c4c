/*
 * libconfuse reads the syntax, the setting tables give the meaning. All values are read as text and converted by
 * setting_set, so that a value means the same here as on the command line.
 */
#include "store/config_text.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"

#define TEXT_ARENA_MAX (256u << 20)
#define TEXT_MAX (128u << 20) /* of a file: a million users take less */
#define READ_CHUNK 65536

/*
 * libconfuse takes the end of the text for the end of all blocks that are open, so that half a file would be a whole
 * configuration. We end each text with a setting of the top level, and see whether it got there.
 */
#define END_MARK "end-of-text"

/* A block that was read, before all are brought into order. */
struct found {
    struct config_block block;
    struct list link;      /* of its kind's */
    struct hash_node node; /* by kind and name as written */
};

struct blocks {
    struct config_text *text; /* whose arena they are in */
    struct hash by_name;
    struct list of_kind[MODEL_N_KINDS]; /* as in the text */
    size_t n;
};

struct parse {
    struct err *err;
    struct blocks *blocks; /* NULL: the bootstrap file has none */
};

/* libconfuse calls functions without context, only inside cfg_parse: this is that context. */
static _Thread_local struct parse *parse_now;

static int out_of_memory(struct err *err)
{
    return err_memory(err, "reading the configuration");
}

/* Top level of the bootstrap file? (Asking libconfuse for an option that is not there ends up in on_syntax_error.) */
static bool is_boot(cfg_t *cfg)
{
    return cfg->opts[0].name && strcmp(cfg->opts[0].name, boot_kind.settings[0].name) == 0;
}

/* NULL: the top level of the blocks, which has no settings. */
static const struct setting_kind *kind_of_section(cfg_t *cfg)
{
    return is_boot(cfg) ? &boot_kind : model_kind(slice_str(cfg->name));
}

/* What libconfuse says may quote the file, whatever that is: it is escaped before anybody sees it. */
__attribute__((format(printf, 2, 0))) static void on_syntax_error(cfg_t *cfg, const char *fmt, va_list ap)
{
    char text[300], unknown[64] = "", shown[300];
    const char *near = NULL;

    vsnprintf(text, sizeof(text), fmt, ap);
    if (sscanf(text, "no such option '%63[^']'", unknown) == 1 && kind_of_section(cfg))
        near = setting_nearest(kind_of_section(cfg), slice_str(unknown));
    log_escape(shown, sizeof(shown), slice_str(unknown[0] ? unknown : text));
    if (strcmp(unknown, END_MARK) == 0)
        err_set(parse_now->err, "the text ends within a block: a } is missing");
    else if (is_boot(cfg) && model_kind(slice_str(unknown)))
        err_set(parse_now->err, "line %d: %s is no part of this file: stoxctl sets it", cfg->line, shown);
    else if (near)
        err_set(parse_now->err, "line %d: there is no setting \"%s\"; did you mean \"%s\"?", cfg->line, shown, near);
    else if (unknown[0])
        err_set(parse_now->err, "line %d: there is no setting \"%s\" here", cfg->line, shown);
    else
        err_set(parse_now->err, "line %d: %s", cfg->line, shown);
}

/* The rows of a kind as libconfuse options, with an end behind them. */
static void put_options(const struct setting_kind *kind, cfg_opt_t *opts)
{
    for (size_t i = 0; i < kind->n; i++) {
        const struct setting *s = &kind->settings[i];
        cfg_opt_t one = CFG_STR(s->name, NULL, CFGF_NODEFAULT);
        cfg_opt_t list = CFG_STR_LIST(s->name, NULL, CFGF_NODEFAULT);

        opts[i] = setting_is_list(s) ? list : one;
    }
    opts[kind->n] = (cfg_opt_t)CFG_END();
}

static cfg_opt_t *options_of(const struct setting_kind *kind)
{
    cfg_opt_t *opts = calloc(kind->n + 1, sizeof(*opts));

    if (opts)
        put_options(kind, opts);
    return opts;
}

/* The top level of the bootstrap file. */
static cfg_opt_t *boot_options(void)
{
    cfg_opt_t *opts = calloc(boot_kind.n + 2, sizeof(*opts));

    if (!opts)
        return NULL;
    put_options(&boot_kind, opts);
    opts[boot_kind.n] = (cfg_opt_t)CFG_STR(END_MARK, NULL, CFGF_NODEFAULT);
    opts[boot_kind.n + 1] = (cfg_opt_t)CFG_END();
    return opts;
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
        cfg_flag_t flags = kind->title ? CFGF_TITLE | CFGF_MULTI : CFGF_MULTI;

        if (!is_exported(kind))
            continue;
        opts[i] = options_of(kind);
        if (!opts[i]) {
            free(top);
            return NULL;
        }
        top[n++] = (cfg_opt_t)CFG_SEC(kind->name, opts[i], flags);
    }
    top[n++] = (cfg_opt_t)CFG_STR(END_MARK, NULL, CFGF_NODEFAULT);
    top[n] = (cfg_opt_t)CFG_END();
    return top;
}

/*
 * The whole of a file. libconfuse is never given a file: its scanner ends the process when one cannot
 * be read.
 */
static int read_file(const char *file, struct buf *out, struct err *err)
{
    FILE *f = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
    int rc = 0;

    if (!f)
        return err_set(err, "cannot be read: %s", strerror(errno));
    while (rc == 0 && !feof(f)) {
        char *at = buf_reserve(out, READ_CHUNK);

        if (!at)
            rc = out->n + READ_CHUNK > TEXT_MAX ? err_set(err, "more than %u MiB are more than allowed", TEXT_MAX >> 20)
                                                : out_of_memory(err);
        else
            out->n += fread(at, 1, READ_CHUNK, f);
        if (ferror(f))
            rc = err_set(err, "cannot be read: %s", strerror(errno));
    }
    if (f != stdin)
        fclose(f);
    if (rc == 0 && out->n && memchr(out->p, '\0', out->n))
        return err_set(err, "a byte of 0 is in it: this is no text");
    return rc;
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

/* ---- one block after the other ---- */

struct found_key {
    const struct setting_kind *kind;
    struct slice name;
};

static bool found_is(const struct hash_node *node, const void *key)
{
    const struct found *f = container_of(node, const struct found, node);
    const struct found_key *k = key;

    return f->block.kind == k->kind && slice_eq(f->block.name, k->name);
}

static int take_block(struct blocks *blocks, const struct setting_kind *kind, cfg_t *section, int line, struct err *err)
{
    struct arena *arena = &blocks->text->arena;
    struct found_key key = { kind, kind->title ? slice_str(cfg_title(section)) : SLICE("") };
    uint64_t hash = hash_more(&blocks->by_name, hash_bytes(&blocks->by_name, slice_str(kind->name)), key.name);
    struct found *f;
    char shown[300];

    if (hash_find(&blocks->by_name, hash, found_is, &key)) {
        log_escape(shown, sizeof(shown), key.name);
        return kind->title ? err_set(err, "line %d: %s \"%s\" is declared twice", line, kind->name, shown)
                           : err_set(err, "line %d: %s is declared twice", line, kind->name);
    }
    f = arena_zalloc(arena, sizeof(*f));
    if (!f || !hash_add(&blocks->by_name, &f->node, hash))
        return out_of_memory(err);
    f->block.kind = kind;
    f->block.name = arena_dup(arena, key.name);
    list_push(&blocks->of_kind[model_index(kind)], &f->link);
    blocks->n++;
    if (!f->block.name.p)
        return out_of_memory(err);
    return take_edits(kind, section, &f->block.edits, &f->block.n, arena, err);
}

/*
 * A block has been read. It is taken out at once: libconfuse looks through all those of a kind for each further one, which
 * would take a minute and a half for 100,000 users.
 */
static int on_block(cfg_t *cfg, cfg_opt_t *opt)
{
    const struct setting_kind *kind = model_kind(slice_str(opt->name));
    struct parse *p = parse_now;

    if (take_block(p->blocks, kind, cfg_opt_getnsec(opt, 0), cfg->line, p->err))
        return -1;
    return cfg_opt_rmnsec(opt, 0) == CFG_SUCCESS ? 0 : out_of_memory(p->err);
}

static void watch_blocks(cfg_t *cfg)
{
    for (size_t i = 0; i < MODEL_N_KINDS; i++)
        if (is_exported(model_kinds[i]))
            cfg_set_validate_func(cfg, model_kinds[i]->name, on_block);
}

/* NULL with a sentence. */
static cfg_t *parse_text(cfg_opt_t *top, const char *text, struct blocks *blocks, struct err *err)
{
    struct parse parse = { err, blocks };
    cfg_t *cfg = cfg_init(top, CFGF_NONE);
    int rc;

    if (!cfg) {
        out_of_memory(err);
        return NULL;
    }
    cfg_set_error_function(cfg, on_syntax_error);
    if (blocks)
        watch_blocks(cfg);
    err_set(err, "this cannot be understood");
    parse_now = &parse;
    rc = cfg_parse_buf(cfg, text);
    parse_now = NULL;
    if (rc == CFG_SUCCESS && cfg_size(cfg, END_MARK) == 1)
        return cfg;
    if (rc == CFG_SUCCESS)
        err_set(err, "the text ends within a comment");
    cfg_free(cfg);
    return NULL;
}

/* file, or text when that is not NULL. NULL with a sentence. */
static cfg_t *parse(cfg_opt_t *top, const char *file, const char *text, struct blocks *blocks, struct err *err)
{
    struct buf whole;
    cfg_t *cfg = NULL;
    int rc = 0;

    buf_init(&whole, TEXT_MAX);
    if (text)
        buf_str(&whole, text);
    else
        rc = read_file(file, &whole, err);
    if (!slice_ends(buf_slice(&whole), SLICE("\n")))
        buf_char(&whole, '\n');
    buf_str(&whole, END_MARK " = yes\n");
    buf_char(&whole, '\0');
    if (rc == 0 && !buf_ok(&whole))
        rc = out_of_memory(err);
    if (rc == 0)
        cfg = parse_text(top, whole.p, blocks, err);
    buf_free(&whole);
    return cfg;
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
    cfg_opt_t *top = boot_options();
    cfg_t *cfg = NULL;
    int rc = -1;

    if (!top)
        return out_of_memory(err);
    cfg = parse(top, file, NULL, NULL, err);
    if (cfg)
        rc = boot_take(cfg, out, arena, err);
    if (cfg)
        cfg_free(cfg);
    free(top);
    return rc ? err_wrap(err, "%s", file) : 0;
}

/* ---- blocks ---- */

static void blocks_init(struct blocks *blocks, struct config_text *t)
{
    *blocks = (struct blocks){ .text = t };
    hash_init(&blocks->by_name);
    for (size_t i = 0; i < MODEL_N_KINDS; i++)
        list_init(&blocks->of_kind[i]);
}

/* In the order of the kinds, and of the text within a kind. */
static int put_in_order(const struct blocks *blocks, struct err *err)
{
    struct config_text *t = blocks->text;

    t->blocks = arena_zalloc(&t->arena, (blocks->n + 1) * sizeof(*t->blocks));
    if (!t->blocks)
        return out_of_memory(err);
    for (size_t i = 0; i < MODEL_N_KINDS; i++)
        list_each (it, &blocks->of_kind[i])
            t->blocks[t->n++] = container_of(it, struct found, link)->block;
    return 0;
}

static int read_blocks(struct config_text *t, cfg_opt_t *top, const char *file, const char *text, struct err *err)
{
    struct blocks blocks;
    cfg_t *cfg;
    int rc = -1;

    blocks_init(&blocks, t);
    cfg = parse(top, file, text, &blocks, err);
    if (cfg) {
        rc = put_in_order(&blocks, err);
        cfg_free(cfg);
    }
    hash_free(&blocks.by_name);
    return rc;
}

struct config_text *config_text_read(const char *file, const char *text, struct err *err)
{
    cfg_opt_t *opts[MODEL_N_KINDS] = { NULL };
    struct config_text *t = calloc(1, sizeof(*t));
    cfg_opt_t *top = block_options(opts);
    int rc = -1;

    out_of_memory(err);
    if (t && top) {
        arena_init(&t->arena, TEXT_ARENA_MAX);
        rc = read_blocks(t, top, file, text, err);
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
    bool is_braced = setting_is_list(s) && !(s->lone && n == 1);
    struct buf text;

    buf_init(&text, 64u << 10);
    if (is_braced)
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
    if (is_braced)
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
