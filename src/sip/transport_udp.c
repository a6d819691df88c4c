#include <stdlib.h>

#include "sip/stack.h"

#define HEADERS_MEM (16 * 1024) /* on the stack: header tables of ordinary messages take no memory of the heap */

/* What peers and NAT keep-alives send between messages: line ends, or a few zero bytes. */
static bool is_keepalive(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != '\r' && p[i] != '\n' && p[i] != '\0')
            return false;
        if (i >= 8)
            return false;
    }
    return true;
}

static void on_datagram(void *owner, struct udp *udp, const struct addr *from, char *p, size_t n)
{
    struct sip_udp *u = owner;
    struct sip_source source = { .addr = *from, .transport = SIP_UDP, .link = u->id };
    _Alignas(max_align_t) char mem[HEADERS_MEM];
    struct arena arena;
    struct sip_msg m;
    const char *fault = NULL;
    enum sip_parse parse;
    size_t used = 0;

    if (is_keepalive(p, n))
        return;
    arena_init_on(&arena, mem, sizeof(mem), SIP_ARENA_MAX);
    parse = sip_msg_parse(&m, &arena, p, n, false, &used, &fault);
    if (!u->sip->pass)
        (void)sip_take(u->sip, parse, &m, fault, &source);
    else if (parse != SIP_PARSE_OK || !sip_take_own(u->sip, &m, &source))
        u->sip->pass(u->sip->pass_arg, udp_local(udp), from, p, n);
    arena_reset(&arena);
}

static void on_refused(void *owner, struct udp *udp, const struct addr *to)
{
    struct sip_udp *u = owner;
    struct sip_target target = { .transport = SIP_UDP, .addr = *to };

    sip_clients_down(&u->sip->clients, &target);
}

static const struct udp_ops ops = { .datagram = on_datagram, .refused = on_refused };

int sip_udp_listen(struct sip *sip, const struct addr *local, struct err *err)
{
    struct sip_udp *u = calloc(1, sizeof(*u));

    if (!u)
        return err_set(err, "no memory for a UDP socket");
    u->sip = sip;
    u->id = ++sip->transports.last_link;
    list_init(&u->link);
    u->udp = udp_open(sip->loop, local, &ops, u, err);
    if (!u->udp) {
        free(u);
        return -1;
    }
    list_push(&sip->transports.udp, &u->link);
    return 0;
}

void sip_udp_free(struct sip_udp *u)
{
    list_unlink(&u->link);
    udp_close(u->udp);
    free(u);
}

/* The first socket of the right family. */
struct sip_udp *sip_udp_for(struct sip *sip, const struct addr *to)
{
    list_each (l, &sip->transports.udp) {
        struct sip_udp *u = container_of(l, struct sip_udp, link);

        if (udp_local(u->udp)->sa.sa_family == to->sa.sa_family)
            return u;
    }
    return NULL;
}

bool sip_udp_send(struct sip *sip, uint64_t id, const struct addr *to, const char *p, size_t n)
{
    list_each (l, &sip->transports.udp) {
        struct sip_udp *u = container_of(l, struct sip_udp, link);

        if (u->id == id)
            return udp_send(u->udp, to, p, n);
    }
    return false;
}
