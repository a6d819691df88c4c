/*
 * The control panel (docs/PANEL.md): files that the build has packed into the program (tools/pack-panel). They hold nothing
 * that is secret and nothing that is particular about this gateway, so that whoever reaches the API may load them; what they
 * then ask of the API needs a session as everything does. The gateway's setting `panel` switches them off.
 */
#ifndef STOX_ADMIN_PANEL_H
#define STOX_ADMIN_PANEL_H

#include "admin/call.h"

struct panel_file {
    const char *path; /* "panel/app/main.js"; "": what is at / */
    const char *type;
    const char *tag; /* hex digits, of what is in it */
    const unsigned char *plain, *gzip;
    size_t n_plain, n_gzip;
};

/* Made by the build. */
extern const struct panel_file panel_files[];
extern const size_t panel_n_files;

/* The file that the request's path names; NULL: it names none, or there shall be no panel here. */
const struct panel_file *panel_find(const struct call *c);

/* Leaves the file as the reply; 304 to whoever has it already, 405 to what is neither GET nor HEAD. */
void panel_reply(struct call *c, const struct panel_file *f, const char *method);

/* Does an Accept-Encoding header take gzip? */
bool panel_takes_gzip(struct slice header);

/* Does an If-None-Match header name this entity tag (without quotes)? */
bool panel_has_tag(struct slice header, struct slice tag);

#endif
