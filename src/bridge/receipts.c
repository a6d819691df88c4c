#include "bridge/receipts.h"

#include "bridge/receipt_table.h"
#include "bridge/status.h"
#include "map/error.h"
#include "map/ids.h"
#include "map/status.h"

#define ID_SIZE 16

/* An id that nobody can guess, in memory of the caller. */
static struct slice fresh_id(struct bridge *b, char out[2 * ID_SIZE])
{
    struct buf id = { .p = out, .cap = 2 * ID_SIZE, .max = 2 * ID_SIZE };

    map_put_u64_hex(&id, rand_pool_u64(&b->nonces));
    map_put_u64_hex(&id, rand_pool_u64(&b->nonces));
    return buf_slice(&id);
}

static void drop_if_done(struct bridge *b, struct receipt *r)
{
    if (!r->received && !r->failed && !r->displayed)
        receipt_drop(&b->receipts, r);
}

/* ---- a text of XMPP that goes to SIP ---- */

static enum route_imdn imdn_of(const struct bridge *b, const struct jid *local)
{
    const struct route *route = directory_route_to(b->directory, local->domain);

    return route ? (enum route_imdn)route->imdn : ROUTE_IMDN_NEVER;
}

bool receipts_pass(const struct bridge *b, const struct jid *local)
{
    return imdn_of(b, local) != ROUTE_IMDN_NEVER;
}

/* Is it worth asking? auto: only who has shown to know the question. */
static bool may_ask(const struct bridge *b, const struct jid *local)
{
    uint64_t now = loop_now(b->loop);

    switch (imdn_of(b, local)) {
    case ROUTE_IMDN_NEVER: return false;
    case ROUTE_IMDN_AUTO:
        if (!abilities_has(&b->abilities, local, ABILITY_IMDN, now))
            return false;
        break;
    case ROUTE_IMDN_ALWAYS: break;
    }
    return !abilities_has(&b->abilities, local, ABILITY_NO_CPIM, now);
}

void receipts_ask(struct bridge *b, struct flight *f, struct slice type, uint64_t nonce)
{
    struct receipt given = { .received = f->message.asks_received,
                             .failed = f->message.asks_received,
                             .displayed = f->message.asks_displayed,
                             .id = f->id,
                             .resource = f->from.resource,
                             .type = type };
    struct map_asking asking;
    uint64_t print;

    if (!given.received && !given.displayed)
        return;
    f->type = arena_dup(&f->arena, type);
    if (!may_ask(b, &f->to) ||
        map_im_ask(&f->arena, &b->map, &f->from, &f->to, nonce, &f->message, &asking) != MAP_IM_OK)
        return;
    print = receipt_print(&b->receipts, RECEIPT_OF_XMPP, asking.message_id, &f->from, &f->to);
    if (receipt_keep(&b->receipts, print, status_partner(b, f->from.domain), &given))
        f->ask = (struct flight_ask){ .headers = asking.headers, .body = asking.body, .receipt = print };
}

void receipts_withdraw(struct bridge *b, struct flight *f)
{
    receipts_forget(b, f->ask.receipt);
    f->ask = (struct flight_ask){ 0 };
}

static void send_receipt(struct bridge *b, const struct jid *local, const struct jid *remote, struct slice type,
                         enum map_receipt_kind kind, struct slice id)
{
    struct map_receipt receipt = { kind, id };
    struct jid from = { .local = local->local, .domain = local->domain };

    buf_clear(&b->scratch);
    map_receipt_put(&b->scratch, &from, remote, type, &receipt);
    if (bridge_send(b, from.domain, remote->domain, 0, 0, NULL))
        b->counters.receipts_to_xmpp++;
    else
        b->counters.statuses_dropped++;
}

/* RFC 3428 4: 200 is the user agent's word that it has the message, at least where nothing but it is behind the route. */
void receipts_on_answer(struct bridge *b, const struct flight *f, unsigned status)
{
    const struct route *route = directory_route_to(b->directory, f->to.domain);

    if (status == 200 && f->message.asks_received && f->ask.body.n == 0 && route && route->receipt_on_200)
        send_receipt(b, &f->to, &f->from, f->type, MAP_RECEIPT_RECEIVED, f->id);
}

/* The SIP system had accepted it, and says later that it was not delivered. */
static void send_failure(struct bridge *b, const struct jid *local, const struct jid *remote, const struct receipt *r,
                         enum map_imdn_state state)
{
    static const char forbidden[] = "The SIP system reports that this message may not be delivered",
                      failed[] = "The SIP system reports that this message was not delivered",
                      unknown[] = "The SIP system reports that it is not known whether this message was delivered";
    bool by_policy = state == MAP_IMDN_FORBIDDEN;
    struct map_stanza_error error = { .condition = by_policy ? MAP_FORBIDDEN : MAP_RECIPIENT_UNAVAILABLE,
                                      .type = by_policy ? "auth" : "wait",
                                      .text = slice_str(by_policy                  ? forbidden
                                                        : state == MAP_IMDN_FAILED ? failed
                                                                                   : unknown) };
    struct jid from = { .local = local->local, .domain = local->domain };

    bridge_send_error(b, "message", &from, remote, r->id, false, &error, NULL);
}

void receipts_from_sip(struct bridge *b, const struct jid *local, const struct jid *remote, const struct map_imdn *imdn)
{
    uint64_t print = receipt_print(&b->receipts, RECEIPT_OF_XMPP, imdn->message_id, remote, local);
    struct receipt *r = receipt_find(&b->receipts, print);
    struct jid to = { .local = remote->local, .domain = remote->domain };

    if (!r)
        return;
    to.resource = r->resource;
    switch (imdn->state) {
    case MAP_IMDN_DELIVERED:
        if (r->received)
            send_receipt(b, local, &to, r->type, MAP_RECEIPT_RECEIVED, r->id);
        r->received = r->failed = false;
        break;
    case MAP_IMDN_DISPLAYED:
        if (r->displayed && typing_marks(b, remote, local, r->serial))
            send_receipt(b, local, &to, r->type, MAP_RECEIPT_DISPLAYED, r->id);
        r->displayed = r->failed = false;
        break;
    case MAP_IMDN_FAILED:
    case MAP_IMDN_FORBIDDEN:
    case MAP_IMDN_ERROR:
        if (r->failed)
            send_failure(b, local, &to, r, imdn->state);
        r->failed = false;
        break;
    case MAP_IMDN_OTHER: break;
    }
    drop_if_done(b, r);
}

/* ---- a text of SIP that goes to XMPP ---- */

uint64_t receipts_expect(struct bridge *b, const struct jid *local, const struct jid *remote, struct slice id,
                         const struct map_imdn_ask *ask)
{
    struct receipt given = { .received = ask->positive,
                             .failed = ask->negative,
                             .displayed = ask->display,
                             .id = ask->message_id,
                             .date = ask->date,
                             .n_routes = ask->n_routes };
    uint64_t print;

    if (ask->message_id.n)
        abilities_note(&b->abilities, local, ABILITY_IMDN, loop_now(b->loop));
    if (!map_imdn_asks(ask) || !receipts_pass(b, local))
        return 0;
    memcpy(given.routes, ask->routes, sizeof(given.routes));
    print = receipt_print(&b->receipts, RECEIPT_OF_SIP, id, remote, local);
    return receipt_keep(&b->receipts, print, status_partner(b, remote->domain), &given) ? print : 0;
}

void receipts_forget(struct bridge *b, uint64_t print)
{
    struct receipt *r = print ? receipt_find(&b->receipts, print) : NULL;

    if (r)
        receipt_drop(&b->receipts, r);
}

static void send_imdn(struct bridge *b, const struct jid *remote, const struct jid *local, const struct receipt *r,
                      enum map_imdn_state state)
{
    struct jid from = { .local = remote->local, .domain = remote->domain };
    struct jid to = { .local = local->local, .domain = local->domain };
    char id[2 * ID_SIZE];
    struct map_imdn_about about = { .message_id = r->id,
                                    .date = r->date,
                                    .routes = r->routes,
                                    .n_routes = r->n_routes,
                                    .state = state,
                                    .own_id = fresh_id(b, id) };
    _Alignas(16) char memory[4096];
    struct map_im_message message;
    struct arena a;

    arena_init_on(&a, memory, sizeof(memory), 1u << 18);
    b->map.now_wall_s = clock_wall_s();
    if (map_imdn_to_message(&a, &b->map, &from, &to, rand_pool_u64(&b->nonces), &about, &message) == MAP_IM_OK)
        status_to_sip(b, &from, &to, FLIGHT_RECEIPT, &message);
    else
        b->counters.statuses_dropped++;
    arena_reset(&a);
}

void receipts_from_xmpp(struct bridge *b, const struct jid *remote, const struct jid *local,
                        const struct map_receipt *receipt)
{
    uint64_t print = receipt_print(&b->receipts, RECEIPT_OF_SIP, receipt->id, remote, local);
    struct receipt *r = receipt_find(&b->receipts, print);
    bool displayed = receipt->kind == MAP_RECEIPT_DISPLAYED;

    if (!r)
        return;
    if (displayed ? r->displayed : r->received)
        send_imdn(b, remote, local, r, displayed ? MAP_IMDN_DISPLAYED : MAP_IMDN_DELIVERED);
    *(displayed ? &r->displayed : &r->received) = false;
    r->failed = false; /* it has arrived */
    drop_if_done(b, r);
}

static enum map_imdn_state state_of_error(const struct xml *stanza)
{
    static const struct {
        const char *condition;
        enum map_imdn_state state;
    } states[] = {
        { "forbidden", MAP_IMDN_FORBIDDEN },         { "not-allowed", MAP_IMDN_FORBIDDEN },
        { "not-authorized", MAP_IMDN_FORBIDDEN },    { "policy-violation", MAP_IMDN_FORBIDDEN },
        { "remote-server-timeout", MAP_IMDN_ERROR }, { "undefined-condition", MAP_IMDN_ERROR },
    };
    const struct xml *error = xml_child(stanza, "jabber:server", "error");

    for (size_t i = 0; error && i < sizeof(states) / sizeof(states[0]); i++)
        if (xml_child(error, "urn:ietf:params:xml:ns:xmpp-stanzas", states[i].condition))
            return states[i].state;
    return MAP_IMDN_FAILED;
}

bool receipts_bounced(struct bridge *b, const struct xmpp_stanza *error)
{
    uint64_t print = receipt_print(&b->receipts, RECEIPT_OF_SIP, xml_attr(error->el, "id"), error->from, error->to);
    struct receipt *r = receipt_find(&b->receipts, print);
    bool told = r && r->failed;

    if (told)
        send_imdn(b, error->from, error->to, r, state_of_error(error->el));
    if (r)
        receipt_drop(&b->receipts, r);
    return told;
}
