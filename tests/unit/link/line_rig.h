/*
 * Two ends of a link in one loop, each with a key of its own: what they hear is written down. Loop, time and certificates are
 * those of the rig of streams (tests/unit/xmpp/s2s_rig.h).
 */
#ifndef STOX_TESTS_LINE_RIG_H
#define STOX_TESTS_LINE_RIG_H

#include "../net/test_certs.h"
#include "../xmpp/s2s_rig.h"
#include "base/pin.h"
#include "link/line.h"

#define HEARD_MAX 4096

struct end {
    struct link_line_conf conf;
    struct link_session session;
    struct link_line *line;
    struct tls *tls;
    struct cert cert;
    char pin[PIN_TEXT];
    struct slice pins[1];                         /* of the other */
    struct slice other;                           /* as it named itself */
    bool refuses;                                 /* hello gives no session */
    bool slow;                                    /* up does not go on */
    void (*on_frame)(const struct link_frame *f); /* instead of writing down; NULL: none */
    unsigned n_up, n_new, n_alive, n_closed;
    uint64_t heard[HEARD_MAX]; /* receipts and ids of the frames */
    size_t n_heard;
    enum link_reason reason;
    char why[LINK_WHY_MAX + 40];
};

extern struct end gateway, proxy;
extern struct listener *outer; /* the proxy's */

/* Instead of the proxy's end: a peer that has its key, and says what it likes. */
struct raw {
    bool wanted;
    struct conn *conn; /* NULL: none, or it is gone */
    bool open;
    struct buf heard;
};
extern struct raw raw;
void raw_say(struct slice bytes); /* when it is open */

int line_rig_setup(void **state); /* both ends, not linked; what rig_setup does too */
int line_rig_teardown(void **state);
/* One end more. */
void line_rig_end_begin(struct end *e, enum link_role role, const char *name);
void line_rig_end_end(struct end *e);             /* when its connections are gone */
void end_begin_process(struct end *e, char name); /* as if it had been started anew */
void link_up_to(const struct addr *to);
void link_up(void);
void cut(void);                      /* both lines are gone, without a word */
unsigned n_logged(const char *text); /* so often */

#endif
