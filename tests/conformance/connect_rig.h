/* A connection by names: the DNS here answers from a table, the sockets are real. */
#ifndef STOX_TESTS_CONNECT_RIG_H
#define STOX_TESTS_CONNECT_RIG_H

#include "s2s_rig.h"

#include "xmpp/connect.h"

enum connect_question { CONNECT_SRV, CONNECT_ADDRS, CONNECT_TLSA };

/* What DNS answers from now on. */
struct dns {
    struct dns_srv srv[8], direct[8]; /* of _xmpp-server and _xmpps-server */
    size_t n_srv, n_direct;
    const char *mute; /* what stands in a name that gets no answer */
    enum dns_status direct_status, srv_status, addrs_status, tlsa_status;
    struct dane_record tlsa[4];
    size_t n_tlsa;
    bool secure[3];         /* by enum connect_question */
    const char *empty;      /* a name without addresses */
    const char *addrs[4];   /* of all others */
    void (*answered)(void); /* called after each answer with addresses; may be NULL */
    char asked[1024];       /* "name:port name:port " */
};
extern struct dns names;

extern struct node a; /* who connects; it may be led to 127.0.0.0/8 */
extern struct fake good;
extern uint16_t good_port, dead_port; /* of 127.0.0.1: where good listens, where nobody does */

/* What came of the last connect_run. */
extern struct conn *got;      /* NULL: it failed, with fate and why */
extern struct dane *got_dane; /* with it; freed by the rig */
extern bool got_direct;
extern enum xmpp_fate fate;
extern char why[1024];
extern bool over;
extern const struct xmpp_connect_ops connect_ops;

int connect_setup(void **state);
int connect_teardown(void **state);

/* The next connection of the same set-up. */
void connect_again(void);

void connect_direct(uint16_t priority, uint16_t weight, uint16_t port, const char *target);
void connect_srv(uint16_t priority, uint16_t weight, uint16_t port, const char *target);
void connect_run(const char *remote, const char *proxy);

/* Names may lead to this network (NULL: to public addresses) from now on. */
void connect_networks(const char *net);

#define CONNECT_TEST(name) cmocka_unit_test_setup_teardown(name, connect_setup, connect_teardown)

#endif
