/* The HTTP API, by libcurl: over the unix socket, http or https. */
#ifndef STOX_CTL_CLIENT_H
#define STOX_CTL_CLIENT_H

#include <jansson.h>

#include "ctl/ctl.h"

#define CLIENT_SERVER "unix:/var/lib/stox/admin.sock"

struct answer {
    json_t *body; /* NULL: it was no JSON, or there was none */
    struct buf text;
};

/* An error is said, as a sentence, and its exit status returned. out is filled in either case; finish it. */
enum ctl_exit client_call(struct ctl *c, const char *method, const char *path, const json_t *body, struct answer *out);
void answer_fini(struct answer *a);
void client_free(struct client *client); /* NULL is fine */

/* A path of fixed text and one percent-encoded part, in the command's arena; NULL with a sentence said. */
const char *client_path(struct ctl *c, const char *prefix, struct slice part, const char *suffix);

/* Each object of a collection, page by page (or as the daemon gives all at once). fn may keep nothing of item. */
typedef enum ctl_exit client_item_fn(struct ctl *c, const json_t *item, void *arg);
enum ctl_exit client_each(struct ctl *c, const char *collection, client_item_fn *fn, void *arg);
enum ctl_exit client_all(struct ctl *c, const char *collection, client_item_fn *fn, void *arg);

#endif
