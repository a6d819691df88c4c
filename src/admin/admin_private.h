/* Inside the API: what all handlers share. Touched by the API's thread only, except where it says loop. */
#ifndef STOX_ADMIN_ADMIN_PRIVATE_H
#define STOX_ADMIN_ADMIN_PRIVATE_H

#include <microhttpd.h>

#include "admin/admin.h"
#include "admin/events.h"
#include "admin/local.h"
#include "admin/session.h"
#include "admin/splice.h"
#include "admin/throttle.h"
#include "net/conn.h"

#define ADMIN_LISTENERS 16

struct grave;
struct maker;

struct admin {
    struct admin_conf conf;
    char host_name[256];
    struct MHD_Daemon *http;
    struct maker *maker; /* a thread of its own */
    struct sessions sessions;
    struct events events;
    struct throttle by_account, by_address;
    struct log_limit throttled;         /* of lines about them */
    struct buf decoy;                   /* stored form of no password: unknown accounts take as long as known ones */
    char setup_token[SECRET_CHARS + 1]; /* "": there was an account at the start */
    /* loop */
    char stored[SETTING_NAME_MAX + 1]; /* the name of the stored certificate; "": none is set */
    struct config *config;             /* as it was applied last; one count is ours */
    struct tls *tls;
    struct grave *grave; /* frees tls after the last connection */
    struct splices splices;
    struct local *local;
    struct listener *listeners[ADMIN_LISTENERS];
    size_t n_listeners;
};

uint64_t admin_mono_ms(const struct admin *a);
int64_t admin_wall_s(const struct admin *a);

/* dispatch.c: the HTTP library's callbacks. */
void *admin_on_request(void *admin, const char *uri, struct MHD_Connection *c);
enum MHD_Result admin_on_access(void *admin, struct MHD_Connection *c, const char *url, const char *method,
                                const char *version, const char *data, size_t *n, void **call);
void admin_on_completed(void *admin, struct MHD_Connection *c, void **call, enum MHD_RequestTerminationCode why);

#endif
