#include "admin/panel.h"

#include <stdio.h>

/* Scripts, styles, pictures and requests to this origin only; no text ever becomes markup or script. */
#define POLICY                                                                                                         \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action "        \
    "'none'; "                                                                                                         \
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

#define PERMISSIONS                                                                                                    \
    "accelerometer=(), camera=(), clipboard-read=(), display-capture=(), geolocation=(), gyroscope=(), "               \
    "magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), serial=(), usb=()"

static bool is_on(const struct call *c)
{
    struct config *config = keeper_config(c->admin->conf.keeper);
    bool on = config_gateway(config)->panel;

    config_drop(config);
    return on;
}

static bool is_at(const struct panel_file *f, const struct target *t)
{
    struct slice left = slice_str(f->path), part;

    for (size_t i = 0; i < t->n_segments; i++) {
        bool more = slice_cut(left, '/', &part, &left);

        if (!slice_eq(part, t->segments[i]) || more != (i + 1 < t->n_segments))
            return false;
    }
    return t->n_segments > 0 || left.n == 0;
}

const struct panel_file *panel_find(const struct call *c)
{
    for (size_t i = 0; i < panel_n_files; i++)
        if (is_at(&panel_files[i], &c->target))
            return is_on(c) ? &panel_files[i] : NULL;
    return NULL;
}

/* "q=0", "q=0.0": not at all. */
static bool is_refused(struct slice parameter)
{
    struct slice name, value;

    if (!slice_cut(slice_trim(parameter), '=', &name, &value) || !slice_ieq(slice_trim(name), SLICE("q")))
        return false;
    value = slice_trim(value);
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] != '0' && value.p[i] != '.')
            return false;
    return value.n > 0;
}

bool panel_takes_gzip(struct slice header)
{
    struct slice left = header, one, coding, parameter;
    bool more = left.n > 0;

    while (more) {
        more = slice_cut(left, ',', &one, &left);
        slice_cut(one, ';', &coding, &parameter);
        if (slice_ieq(slice_trim(coding), SLICE("gzip")))
            return !is_refused(parameter);
    }
    return false;
}

bool panel_has_tag(struct slice header, struct slice tag)
{
    struct slice left = header, one;
    bool more = left.n > 0;

    while (more) {
        more = slice_cut(left, ',', &one, &left);
        one = slice_trim(one);
        if (slice_starts(one, SLICE("W/"))) /* a proxy has made it weak */
            one = slice_from(one, 2);
        if (one.n == tag.n + 2 && one.p[0] == '"' && one.p[one.n - 1] == '"' &&
            slice_eq(slice_of(one.p + 1, tag.n), tag))
            return true;
    }
    return false;
}

static void put_headers(struct call *c)
{
    c->reply.policy = POLICY;
    c->reply.cache = "no-cache"; /* kept, and asked about each time: a new program has new files at once */
    reply_header(c, "Vary", "Accept-Encoding");
    reply_header(c, "Referrer-Policy", "no-referrer");
    reply_header(c, "Permissions-Policy", PERMISSIONS);
    reply_header(c, "Cross-Origin-Opener-Policy", "same-origin");
    reply_header(c, "Cross-Origin-Resource-Policy", "same-origin");
    reply_header(c, "Cross-Origin-Embedder-Policy", "require-corp");
}

void panel_reply(struct call *c, const struct panel_file *f, const char *method)
{
    bool gzip = panel_takes_gzip(call_header(c, MHD_HTTP_HEADER_ACCEPT_ENCODING));
    char tag[80];

    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        reply_problem(c, 405, "method", "this is a file of the control panel: it can only be read");
        reply_header(c, "Allow", "GET, HEAD");
        return;
    }
    snprintf(tag, sizeof(tag), "%s%s", f->tag, gzip ? "-gzip" : "");
    put_headers(c);
    reply_header(c, "ETag", "\"%s\"", tag);
    if (panel_has_tag(call_header(c, MHD_HTTP_HEADER_IF_NONE_MATCH), slice_str(tag))) {
        reply_nothing(c, 304);
        return;
    }
    reply_fixed(c, 200, f->type, gzip ? f->gzip : f->plain, gzip ? f->n_gzip : f->n_plain);
    if (gzip)
        reply_header(c, "Content-Encoding", "gzip");
}
