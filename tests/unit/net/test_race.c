/* Several addresses, real sockets: who wins, when the next one starts, and that nothing is left over. */
#include <stdio.h>
#include <unistd.h>

#include "conn_rig.h"
#include "net/race.h"

/* A listener whose queue is full: what connects to it hears nothing, as behind a firewall that drops. */
struct hole {
    int fd, filler[2];
    struct addr at;
};

static struct race race;
static struct conn *won;
static int n_lost, n_won;
static char missed[1024], asked[1024];
static const char *forbidden;       /* the address that may not be used */
static const char *forbidden_later; /* ... when it is connected already */

static bool may(void *owner, const struct addr *to, bool again)
{
    char text[ADDR_TEXT];
    size_t n = strlen(asked);

    snprintf(asked + n, sizeof(asked) - n, "%s%s ", addr_ip_text(to, text), again ? "!" : "");
    return !(forbidden && strcmp(text, forbidden) == 0) &&
           !(again && forbidden_later && strcmp(text, forbidden_later) == 0);
}

static void on_missed(void *owner, const struct addr *to, enum conn_end end, const char *why)
{
    char text[ADDR_TEXT];
    size_t n = strlen(missed);

    snprintf(missed + n, sizeof(missed) - n, "%s: %s; ", addr_ip_text(to, text), why);
}

static void on_won(void *owner, struct conn *c)
{
    struct rig *r = owner;

    won = c;
    n_won++;
    conn_set_owner(c, &rig_conn_ops, &r->a);
    r->a.c = c;
}

static void on_lost(void *owner)
{
    n_lost++;
}

static const struct race_ops ops = { .may = may, .missed = on_missed, .won = on_won, .lost = on_lost };

static void open_hole(struct hole *h, const struct addr *at)
{
    socklen_t n = sizeof(h->at.v4);

    h->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(h->fd, &at->sa, addr_len(at)), 0);
    assert_int_equal(listen(h->fd, 0), 0);
    assert_int_equal(getsockname(h->fd, &h->at.sa, &n), 0);
    for (int i = 0; i < 2; i++) {
        h->filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(h->filler[i], &h->at.sa, addr_len(&h->at));
    }
}

static void close_hole(struct hole *h)
{
    close(h->fd);
    close(h->filler[0]);
    close(h->filler[1]);
}

static void begin(struct rig *r, uint64_t connect_ms)
{
    const struct conn_conf conf = { .rx_max = LIMIT, .tx_max = LIMIT, .connect_ms = connect_ms };

    n_lost = n_won = 0;
    won = NULL;
    forbidden = forbidden_later = NULL;
    missed[0] = asked[0] = '\0';
    race_init(&race, &r->loop, &conf, &ops, r);
}

/* The same port as the listener of the rig, at another address of this machine. */
static struct addr other(const struct rig *r, const char *ip)
{
    struct addr a;

    assert_true(addr_parse_ip(slice_str(ip), addr_port(&r->at), &a));
    return a;
}

static void pass(struct rig *r, uint64_t ms)
{
    timers_advance(&r->loop.timers, loop_now(&r->loop) + ms);
    turns(r, 3);
}

static void test_the_next_one_a_quarter_of_a_second_later(void **state)
{
    struct rig *r = *state;
    struct addr at[2] = { other(r, "127.0.0.2"), r->at };
    struct hole hole;

    open_hole(&hole, &at[0]);
    begin(r, 60000);
    race_line_up(&race, at, 2);
    assert_true(race_next(&race));
    turns(r, 3);
    pass(r, RACE_STAGGER_MS);
    until(r, won != NULL);
    assert_string_equal(asked, "127.0.0.2 127.0.0.1 127.0.0.1! ");
    assert_true(addr_eq(conn_peer(won), &r->at));
    assert_true(race_has_more(&race)); /* the first one had only no time */
    race_stop(&race);
    close_hole(&hole);
}

static void test_at_once_when_the_first_is_refused(void **state)
{
    struct rig *r = *state;
    struct addr at[3] = { other(r, "127.0.0.3"), other(r, "127.0.0.4"), r->at };

    begin(r, 60000);
    race_line_up(&race, at, 3);
    assert_true(race_next(&race));
    until(r, won != NULL); /* no time was made to pass */
    assert_string_equal(missed, "127.0.0.3: connection refused; 127.0.0.4: connection refused; ");
    assert_false(race_has_more(&race));
    assert_int_equal(n_lost, 0);
    race_stop(&race);
}

static void test_all_lose(void **state)
{
    struct rig *r = *state;
    struct addr at[2] = { other(r, "127.0.0.3"), other(r, "127.0.0.4") };
    struct hole hole;

    begin(r, 60000);
    race_line_up(&race, at, 2);
    assert_true(race_next(&race));
    until(r, n_lost > 0);
    assert_false(race_next(&race));
    open_hole(&hole, &at[0]);
    begin(r, 1000);
    race_line_up(&race, at, 1);
    assert_true(race_next(&race));
    turns(r, 3);
    pass(r, 1000);
    until(r, n_lost > 0);
    assert_string_equal(missed, "127.0.0.3: no answer within 1.0 s; ");
    close_hole(&hole);
}

static void test_what_may_not_be_tried(void **state)
{
    struct rig *r = *state;
    struct addr at[2] = { other(r, "127.0.0.3"), r->at };

    begin(r, 60000);
    forbidden = "127.0.0.3";
    race_line_up(&race, at, 2);
    assert_true(race_next(&race));
    until(r, won != NULL);
    assert_string_equal(missed, "");
    race_stop(&race);
    begin(r, 60000);
    forbidden = "127.0.0.3";
    race_line_up(&race, at, 1);
    assert_false(race_next(&race));
}

/* Judged again when it is connected: the settings may have changed. */
static void test_what_may_not_be_used_any_more(void **state)
{
    struct rig *r = *state;

    begin(r, 60000);
    forbidden_later = "127.0.0.1";
    race_line_up(&race, &r->at, 1);
    assert_true(race_next(&race));
    until(r, n_lost > 0);
    assert_null(won);
}

static void test_a_winner_of_no_use(void **state)
{
    struct rig *r = *state;
    struct addr at[3] = { other(r, "127.0.0.2"), r->at, other(r, "127.0.0.3") };
    struct hole hole;

    open_hole(&hole, &at[0]);
    begin(r, 60000);
    race_line_up(&race, at, 3);
    assert_true(race_next(&race));
    turns(r, 3);
    pass(r, RACE_STAGGER_MS);
    until(r, won != NULL);
    conn_detach(won);
    r->a.c = NULL;
    asked[0] = '\0';
    assert_true(race_next(&race)); /* the one that was cut first, not the one that had won */
    pass(r, RACE_STAGGER_MS);
    until(r, missed[0] != '\0');
    assert_string_equal(asked, "127.0.0.2 127.0.0.3 ");
    race_stop(&race);
    close_hole(&hole);
}

static void test_only_so_many_at_once(void **state)
{
    struct rig *r = *state;
    struct addr at[RACE_AT_ONCE_MAX + 2];
    struct hole holes[RACE_AT_ONCE_MAX + 2];
    char ip[32];

    for (int i = 0; i < RACE_AT_ONCE_MAX + 2; i++) {
        snprintf(ip, sizeof(ip), "127.0.1.%d", i + 1);
        at[i] = other(r, ip);
        open_hole(&holes[i], &at[i]);
    }
    begin(r, 60000);
    race_line_up(&race, at, RACE_AT_ONCE_MAX + 2);
    assert_true(race_next(&race));
    for (int i = 0; i < 10; i++)
        pass(r, RACE_STAGGER_MS);
    assert_string_equal(asked, "127.0.1.1 127.0.1.2 127.0.1.3 127.0.1.4 ");
    race_stop(&race);
    turns(r, 3);
    assert_int_equal(n_won + n_lost, 0);
    for (int i = 0; i < RACE_AT_ONCE_MAX + 2; i++)
        close_hole(&holes[i]);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_the_next_one_a_quarter_of_a_second_later),
        T(test_at_once_when_the_first_is_refused),
        T(test_all_lose),
        T(test_what_may_not_be_tried),
        T(test_what_may_not_be_used_any_more),
        T(test_a_winner_of_no_use),
        T(test_only_so_many_at_once),
    };

    return cmocka_run_group_tests_name("net/race", tests, conn_rig_certs, conn_rig_certs_drop);
}
