/*
 * The configuration file: libconfuse reads the syntax, the setting tables give the meaning. All values are read as text
 * and converted by setting_set, so that a value means the same here as on the command line.
 */
#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/config.h"
#include "store/config_check.h"

#define CONFIG_ARENA_MAX (64u << 20)

static const struct setting_kind *const kinds[] = { &gateway_kind, &sip_domain_kind, &route_kind, &partner_kind };
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* libconfuse reports through a function without context, called only inside cfg_parse: this is that context. */
static _Thread_local struct err *parse_err;

static const struct setting_kind *kind_named(const char *name)
{
    for (size_t i = 0; i < N_KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return &boot_kind;
}

__attribute__((format(printf, 2, 0))) static void on_syntax_error(cfg_t *cfg, const char *fmt, va_list ap)
{
    char text[300], unknown[64] = "";
    const char *near = NULL;

    vsnprintf(text, sizeof(text), fmt, ap);
    if (sscanf(text, "no such option '%63[^']'", unknown) == 1)
        near = setting_nearest(kind_named(cfg->name), unknown);
    if (near)
        err_set(parse_err, "line %d: there is no setting \"%s\"; did you mean \"%s\"?", cfg->line, unknown, near);
    else if (unknown[0])
        err_set(parse_err, "line %d: there is no setting \"%s\" here", cfg->line, unknown);
    else
        err_set(parse_err, "line %d: %s", cfg->line, text);
}

/* The rows of a kind as libconfuse options, with room for more and the end mark. NULL on memory; the caller frees. */
static cfg_opt_t *options_of(const struct setting_kind *kind, size_t more)
{
    cfg_opt_t *opts = calloc(kind->n + more + 1, sizeof(*opts));

    if (!opts)
        return NULL;
    for (size_t i = 0; i < kind->n; i++) {
        const struct setting *s = &kind->settings[i];
        cfg_opt_t one = CFG_STR(s->name, NULL, CFGF_NODEFAULT);
        cfg_opt_t list = CFG_STR_LIST(s->name, NULL, CFGF_NODEFAULT);

        opts[i] = setting_is_list(s) ? list : one;
    }
    opts[kind->n + more] = (cfg_opt_t)CFG_END();
    return opts;
}

/* Fills obj from a section: defaults, then what is written, then what must be there. */
static int read_object(const struct setting_kind *kind, cfg_t *section, void *obj, struct arena *arena, struct err *err)
{
    if (setting_defaults(kind, obj, arena, err))
        return -1;
    for (size_t i = 0; i < kind->n; i++) {
        const struct setting *s = &kind->settings[i];
        unsigned n = cfg_size(section, s->name);
        const char **texts;

        if (n == 0) {
            if (!s->def && !setting_is_list(s))
                return err_set(err, "%s is missing (%s)", s->name, s->brief);
            continue;
        }
        texts = arena_alloc(arena, n * sizeof(*texts));
        if (!texts)
            return err_set(err, "out of memory while reading the configuration");
        for (unsigned k = 0; k < n; k++)
            texts[k] = cfg_getnstr(section, s->name, k);
        if (setting_set(s, obj, texts, n, arena, err))
            return -1;
    }
    return 0;
}

static int read_title(const struct setting_kind *kind, cfg_t *section, void *obj, struct arena *arena, struct err *err)
{
    struct slice *title = (struct slice *)((char *)obj + kind->title_at);
    struct slice text = slice_str(cfg_title(section));

    if (kind->title_is_domain)
        return setting_domain(title, text, arena, err);
    *title = arena_dup(arena, text);
    return title->p ? 0 : err_set(err, "out of memory while reading the configuration");
}

/* All objects of one kind into a new array in the arena. */
static int read_objects(const struct setting_kind *kind, cfg_t *cfg, void **out, size_t *n_out, struct arena *arena,
                        struct err *err)
{
    unsigned n = cfg_size(cfg, kind->name);
    char *objects;

    if (n > kind->max_objects)
        return err_set(err, "%u %s blocks are more than the %zu allowed", n, kind->name, kind->max_objects);
    objects = arena_zalloc(arena, n * kind->size + 1);
    if (!objects)
        return err_set(err, "out of memory while reading the configuration");
    for (unsigned i = 0; i < n; i++) {
        cfg_t *section = cfg_getnsec(cfg, kind->name, i);
        void *obj = objects + i * kind->size;

        if (read_object(kind, section, obj, arena, err) || (kind->title && read_title(kind, section, obj, arena, err)))
            return err_wrap(err, "%s \"%s\"", kind->name, kind->title ? cfg_title(section) : "");
    }
    *out = objects;
    *n_out = n;
    return 0;
}

static int read_all(struct config *c, cfg_t *cfg, struct err *err)
{
    if (read_object(&boot_kind, cfg, &c->boot, &c->arena, err))
        return -1;
    if (read_object(&gateway_kind, cfg_getsec(cfg, gateway_kind.name), &c->gateway, &c->arena, err))
        return err_wrap(err, "gateway");
    if (read_objects(&sip_domain_kind, cfg, (void **)&c->sip_domains, &c->n_sip_domains, &c->arena, err))
        return -1;
    if (read_objects(&route_kind, cfg, (void **)&c->routes, &c->n_routes, &c->arena, err))
        return -1;
    return read_objects(&partner_kind, cfg, (void **)&c->partners, &c->n_partners, &c->arena, err);
}

/* Parses the text of FILE into a cfg_t. NULL with a sentence. */
static cfg_t *parse_file(const char *file, cfg_opt_t *opts[N_KINDS + 1], struct err *err)
{
    cfg_t *cfg;
    int rc;

    opts[N_KINDS] = options_of(&boot_kind, N_KINDS);
    if (!opts[N_KINDS])
        return NULL;
    for (size_t i = 0; i < N_KINDS; i++) {
        cfg_flag_t flags = kinds[i]->title ? CFGF_TITLE | CFGF_MULTI | CFGF_NO_TITLE_DUPES : CFGF_NONE;

        opts[i] = options_of(kinds[i], 0);
        if (!opts[i])
            return NULL;
        opts[N_KINDS][boot_kind.n + i] = (cfg_opt_t)CFG_SEC(kinds[i]->name, opts[i], flags);
    }
    cfg = cfg_init(opts[N_KINDS], CFGF_NONE);
    if (!cfg)
        return NULL;
    cfg_set_error_function(cfg, on_syntax_error);
    parse_err = err;
    rc = cfg_parse(cfg, file);
    parse_err = NULL;
    if (rc == CFG_SUCCESS)
        return cfg;
    if (rc == CFG_FILE_ERROR)
        err_set(err, "cannot be read: %s", strerror(errno));
    cfg_free(cfg);
    return NULL;
}

struct config *config_read(const char *file, struct log *log, struct err *err)
{
    cfg_opt_t *opts[N_KINDS + 1] = { NULL };
    struct config *c = calloc(1, sizeof(*c));
    cfg_t *cfg = NULL;
    int rc = -1;

    err_set(err, "out of memory while reading the configuration");
    if (c) {
        arena_init(&c->arena, CONFIG_ARENA_MAX);
        cfg = parse_file(file, opts, err);
    }
    if (cfg)
        rc = read_all(c, cfg, err) || config_check(c, log, err) ? -1 : 0;
    if (cfg)
        cfg_free(cfg);
    for (size_t i = 0; i <= N_KINDS; i++)
        free(opts[i]);
    if (rc == 0)
        return c;
    err_wrap(err, "%s", file);
    config_free(c);
    return NULL;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    arena_reset(&c->arena);
    free(c);
}
