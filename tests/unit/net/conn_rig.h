/* Two owners, a loop and a listener, for tests of connections over real sockets on loopback. */
#ifndef STOX_TESTS_CONN_RIG_H
#define STOX_TESTS_CONN_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/conn.h"
#include "test_certs.h"

enum { LIMIT = 1 << 16, GUARD_MS = 20000 };

/* One owner, and what it has seen. */
struct end {
    struct loop *loop;
    struct conn *c;
    struct buf in;
    int n_open, n_data, n_secured, n_drained, n_closed;
    enum conn_end why;
    char text[512];
    bool called; /* by c, now: nobody may call again */
    size_t (*on_data)(struct end *e, char *p, size_t n);
};

/* A loop with a listener; what connects to it becomes b, or stays a bare descriptor. */
struct rig {
    struct loop loop;
    struct log log;
    struct tls *tls, *bare_tls;
    struct listener *listener;
    struct addr at;
    struct end a, b;
    size_t tx_max, rx_max;
    const struct tls_wish *accept_wish;
    bool accept_raw;
    int raw; /* accepted, when accept_raw */
    struct deferred stop;
};

/* Of a group: the certificates; of a test: *state is a struct rig. */
int conn_rig_certs(void **state);
int conn_rig_certs_drop(void **state);
int open_rig(void **state);
int close_rig(void **state);

extern const struct tls_wish client_wish, server_wish;
extern const struct conn_ops rig_conn_ops; /* of the owners a and b */
extern const struct listener_ops rig_listener_ops;

void turn(struct rig *r);
void turns(struct rig *r, int n);

/* a starts to connect to the listener. */
struct conn *dial(struct rig *r, struct tls *tls, const struct tls_wish *wish);

/* a and b, connected; over TLS if asked. */
void join(struct rig *r, bool tls);

/* A plain nonblocking socket connected to the listener, and b at its other end. */
int join_raw(struct rig *r);
bool heard(const struct end *e, const char *s);
void say(struct end *e, const char *s);

/* e ends, once, for this reason. */
void wants_end(struct rig *r, struct end *e, enum conn_end why, const char *text);

#define until(r, cond)                                                                                                 \
    do {                                                                                                               \
        uint64_t end_ = clock_mono_ms() + GUARD_MS;                                                                    \
        while (!(cond)) {                                                                                              \
            turn(r);                                                                                                   \
            if (clock_mono_ms() > end_)                                                                                \
                fail_msg("never: %s (a closed: %s, b closed: %s)", #cond, (r)->a.text, (r)->b.text);                   \
        }                                                                                                              \
    } while (0)

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, open_rig, close_rig)

#endif
