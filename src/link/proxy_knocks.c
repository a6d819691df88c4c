/* Connections that a gateway's administrators have asked for: does anybody listen at an outer address of ours? */
#include <stdlib.h>

#include "link/proxy_parts.h"
#include "net/conn.h"

#define CONNECT_MS 5000
#define BUFFER_MAX 4096 /* whoever is there may say something; nobody reads it */

struct proxy_knock {
    struct list link;
    struct proxy_session *session;
    uint64_t id; /* the gateway's */
    struct conn *conn;
};

static void knock_free(struct proxy_knock *k)
{
    k->session->n_knocks--;
    list_unlink(&k->link);
    free(k);
}

static void say(struct proxy_session *s, uint64_t id, bool open, bool refused, const char *why)
{
    char room[LINK_WHY_MAX];
    const struct link_frame f = { .type = LINK_KNOCKED,
                                  .knocked = { .id = id,
                                               .open = open,
                                               .refused = refused,
                                               .why = link_frame_text(slice_str(why), sizeof(room), room) } };

    (void)proxy_say(s, &f);
}

static void on_open(void *owner, struct conn *c)
{
    struct proxy_knock *k = owner;

    conn_detach(c);
    say(k->session, k->id, true, false, "");
    knock_free(k);
}

static size_t on_data(void *owner, struct conn *c, char *p, size_t n)
{
    return n;
}

static void on_closed(void *owner, struct conn *c, enum conn_end why, const char *text)
{
    struct proxy_knock *k = owner;

    say(k->session, k->id, false, why == CONN_END_REFUSED, text);
    knock_free(k);
}

static struct proxy_knock *begin(struct proxy_session *s, const struct addr *to)
{
    static const struct conn_ops ops = { .open = on_open, .data = on_data, .secured = on_open, .closed = on_closed };
    struct conn_conf conf = { .ops = &ops, .rx_max = BUFFER_MAX, .tx_max = BUFFER_MAX, .connect_ms = CONNECT_MS };
    struct proxy_knock *k = calloc(1, sizeof(*k));

    if (!k)
        return NULL;
    conf.owner = k;
    k->session = s;
    k->conn = conn_connect(s->proxy->conf.loop, &conf, to, NULL, NULL);
    if (k->conn)
        return k;
    free(k);
    return NULL;
}

void proxy_on_knock(struct proxy_session *s, const struct link_knock_frame *f)
{
    struct proxy_knock *k = NULL;
    struct addr to;

    if (!addr_parse(f->address, 0, &to) || !addr_port(&to)) {
        proxy_complain(s, LINK_BAD_FRAME, "a KNOCK without an address");
        return;
    }
    if (s->n_knocks < LINK_KNOCKS_MAX)
        k = begin(s, &to);
    if (!k) {
        say(s, f->id, false, false, "the proxy has no socket for it, or tries as many as it may");
        return;
    }
    k->id = f->id;
    list_push(&s->knocks, &k->link);
    s->n_knocks++;
}

void proxy_knocks_drop_all(struct proxy_session *s)
{
    while (!list_empty(&s->knocks)) {
        struct proxy_knock *k = container_of(s->knocks.next, struct proxy_knock, link);

        conn_detach(k->conn);
        knock_free(k);
    }
}
