/*
 * The API with a real loop, keeper and SQLite store, and a daemon that is scripted. It says "ready PORT" and then obeys lines
 * on its standard input: "advance SECONDS" moves both of its clocks, "renew" reads the certificate again, the end of the
 * input ends it. $STOX_TEST_DEADLINES, as "IDLE REQUEST" in milliseconds: it waits for a client no longer (admin.h).
 *
 *     admin_server FOLDER ADDRESS [CERTIFICATE KEY]
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/clock.h"

struct server {
    struct loop loop;
    struct log log;
    struct admin *admin;
    uv_pipe_t commands;
    char line[4096]; /* of commands */
    size_t n;
    atomic_long advanced_s;
    atomic_int closed_stream, asked;
    char tracer[100]; /* who has a trace; of the API's thread */
};

static uint64_t mono_ms(void *arg)
{
    struct server *s = arg;

    return clock_mono_ms() + (uint64_t)atomic_load(&s->advanced_s) * 1000;
}

static int64_t wall_s(void *arg)
{
    struct server *s = arg;

    return clock_wall_s() + atomic_load(&s->advanced_s);
}

static json_t *status(void *owner)
{
    return json_pack("{s:s, s:i}", "state", "running", "streams", 2);
}

static bool metrics(void *owner, struct buf *out)
{
    buf_str(out, "# TYPE stox_streams gauge\nstox_streams 2\n# EOF\n");
    return true;
}

static json_t *streams(void *owner)
{
    static const struct {
        int id, age_s, in;
        const char *remote, *direction, *state, *address, *tls, *cipher;
    } all[] = {
        { 7, 500, 3, "fabrikam.example", "out", "ready", "192.0.2.1:5269", "TLSv1.3", "TLS_AES_256_GCM_SHA384" },
        { 8, 70, 20, "tailspin.example", "in", "ready", "192.0.2.2:40000", "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256" },
        { 9, 1000, 0, "Wingtip.example", "both", "ready", "", "", "" },
        { 10, 1, 0, "tailspin.example", "out", "connecting", "192.0.2.3:5269", "", "" },
    };
    json_t *list = json_array();

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "id", all[i].id,
                                              "remote", all[i].remote, "direction", all[i].direction, "state",
                                              all[i].state, "address", all[i].address, "tls", all[i].tls, "cipher",
                                              all[i].cipher, "age-s", all[i].age_s, "stanzas-in", all[i].in));
    return list;
}

static bool stream_close(void *owner, uint64_t id)
{
    struct server *s = owner;

    return id == 7 && atomic_exchange(&s->closed_stream, 1) == 0;
}

static json_t *one_stream(void *owner, uint64_t id)
{
    return id == 7 ? json_pack("{s:i, s:s, s:[{s:s, s:s, s:s}], s:[{s:i, s:s, s:s, s:s}]}", "id", 7, "remote",
                               "fabrikam.example", "pairs", "local", "contoso.example", "remote", "fabrikam.example",
                               "method", "sasl-external", "steps", "ms", 5, "step", "tls", "result", "ok", "text",
                               "TLSv1.3\x1b[2J")
                   : json_null();
}

static json_t *partner_status(void *owner, struct slice name)
{
    return slice_is(name, "p.example")
               ? json_pack("{s:s, s:[], s:[{s:s, s:s, s:[{s:i, s:s, s:s, s:s}]}]}", "name", "p.example", "streams",
                           "failed", "direction", "out", "fault", "connection-refused", "steps", "ms", 5, "step",
                           "connect", "result", "failed", "text", "cannot connect")
               : json_null();
}

static json_t *history(void *owner, uint64_t minutes)
{
    return json_pack("{s:i, s:i, s:[i], s:[i, I], s:[i], s:[i]}", "now", 1767225600, "step-s", 60, "to-xmpp", 3,
                     "to-sip", 1, (json_int_t)minutes, "failed", 0, "streams", 2);
}

static json_t *partner_states(void *owner)
{
    return json_pack("{s:{s:s, s:i, s:i}, s:{s:s, s:i, s:i, s:i, s:s, s:s}}", "p03.example", "is", "connected", "in", 1,
                     "out", 1, "p07.example", "is", "failing", "in", 0, "out", 0, "failed-s", 5, "fault", "timeout",
                     "why", "it hangs");
}

static json_t *test_start(void *owner, struct slice name, struct slice from, struct admin_refusal *no)
{
    if (!slice_is(name, "p.example") && !slice_is(name, "broken.example"))
        *no = (struct admin_refusal){ 404, "this domain belongs to no partner" };
    else if (from.n && !slice_is(from, "contoso.example"))
        *no = (struct admin_refusal){ 422, "from: this is none of our SIP domains" };
    else
        return json_pack("{s:i, s:s}", "id", slice_is(name, "p.example") ? 1 : 2, "from", "contoso.example");
    return NULL;
}

/* Done when it is asked for the third time; of broken.example it does not work. */
static json_t *test_of(void *owner, struct slice name, uint64_t id)
{
    struct server *s = owner;
    int asked;

    if (id != (slice_is(name, "p.example") ? 1u : 2u))
        return json_null();
    asked = atomic_fetch_add(&s->asked, 1);
    if (asked % 3 < 2)
        return json_pack("{s:I, s:b, s:[{s:i, s:s, s:s, s:s}]}", "id", (json_int_t)id, "done", 0, "steps", "ms", 1,
                         "step", "dns", "result", "ok", "text", "found");
    return json_pack("{s:I, s:b, s:b, s:s, s:s, s:[{s:i, s:s, s:s, s:s}, {s:i, s:s, s:s, s:s}]}", "id", (json_int_t)id,
                     "done", 1, "works", id == 1, "fault", id == 1 ? "none" : "timeout", "verdict",
                     id == 1 ? "It works." : "It hangs\x1b[2J.", "steps", "ms", 1, "step", "dns", "result", "ok",
                     "text", "found", "ms", 1200, "step", "connect", "result", "note", "text", "connected");
}

#define TALK_ID "00000000000000a1"

static json_t *conversations(void *owner, const struct admin_look *look, struct admin_refusal *no)
{
    if (look->user.n && !slice_is(look->user, "alice@contoso.example")) {
        *no = (struct admin_refusal){ 422, "user: this is no address like alice@contoso.example" };
        return NULL;
    }
    if (look->state.n)
        return json_pack("{s:[], s:n}", "items", "next");
    return json_pack("{s:[{s:s, s:s, s:s, s:s, s:I, s:s}], s:o}", "items", "id", TALK_ID, "sip",
                     "alice@contoso.example", "xmpp", "romeo\x1b[2J@fabrikam.example", "partner", "fabrikam.example",
                     "idle-s", (json_int_t)look->limit, "last-to-xmpp", "refused 403", "next",
                     look->before ? json_null() : json_integer(41));
}

static json_t *conversation(void *owner, struct slice id)
{
    return slice_is(id, TALK_ID)
               ? json_pack("{s:s, s:s, s:{s:i, s:s}}", "id", TALK_ID, "sip", "alice@contoso.example", "sip-to-xmpp",
                           "messages", 3, "why", "the partner's user is on the block list")
               : json_null();
}

static json_t *queue(void *owner, const struct admin_look *look, struct admin_refusal *no)
{
    return json_pack("{s:[{s:s, s:s, s:s, s:i, s:s, s:f}], s:i}", "items", "way", "to-xmpp", "from", "contoso.example",
                     "to", "fabrikam.example", "messages", 3, "waits-for", "the set-up of its stream: TLS", "then-s",
                     12.5, "left-out", look->partner.n ? 0 : 7);
}

static bool are_contacts(struct slice sip, struct slice xmpp)
{
    return slice_is(sip, "alice@contoso.example") && slice_is(xmpp, "=romeo,@fabrikam.example");
}

static json_t *one_subscription(void)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:n, s:n, s:s, s:s, s:s}", "watcher", "alice@contoso.example",
                     "watched", "=romeo,@fabrikam.example", "state", "active", "expires-s", 3000, "notices", 2,
                     "last-notice-s", "again-s", "call-id", "1", "target", "sip:alice@192.0.2.7", "partner",
                     "fabrikam.example");
}

static json_t *subscriptions(void *owner, const struct admin_look *look, struct admin_refusal *no)
{
    if (look->user.n && !slice_is(look->user, "alice@contoso.example")) {
        *no = (struct admin_refusal){ 422, "user: this is no address like alice@contoso.example" };
        return NULL;
    }
    return json_pack("{s:[o], s:o, s:i}", "items", one_subscription(), "next",
                     look->before ? json_null() : json_integer(41), "left-out", 0);
}

static json_t *subscription(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no)
{
    if (!are_contacts(sip, xmpp))
        return json_null();
    return json_pack("{s:[o], s:[{s:s, s:s, s:s, s:n}]}", "subscriptions", one_subscription(), "presence", "of",
                     "=romeo,@fabrikam.example", "resource", "garden", "state", "away", "note");
}

static json_t *subscription_refresh(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no)
{
    return are_contacts(sip, xmpp) ? json_pack("{s:i}", "refreshed", 1) : json_null();
}

static json_t *one_contact(void)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "sip", "alice@contoso.example", "xmpp",
                     "=romeo,@fabrikam.example", "partner", "fabrikam.example", "subscription", "to", "sip-watches",
                     "granted", "xmpp-watches", "no", "added", 1, "stored", 1);
}

static json_t *contacts(void *owner, const struct admin_look *look, struct admin_refusal *no)
{
    if (look->state.n && !slice_is(look->state, "to")) {
        *no = (struct admin_refusal){ 422, "state: one of none, to, from, both, asked, denied and added is expected" };
        return NULL;
    }
    return json_pack("{s:[o], s:o, s:i}", "items", one_contact(), "next", look->before ? json_null() : json_integer(41),
                     "left-out", 0);
}

static json_t *gates(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no)
{
    if (!slice_is(xmpp, "romeo@fabrikam.example")) {
        *no = (struct admin_refusal){ 422, "with: this is no address like romeo@fabrikam.example" };
        return NULL;
    }
    return json_pack("{s:s, s:s, s:n}", "address", "romeo@fabrikam.example", "partner", "fabrikam.example", "block");
}

static json_t *text_of(struct slice s)
{
    return json_stringn(s.n ? s.p : "", s.n);
}

static json_t *contacts_browse(void *owner, const struct admin_look *look, struct admin_refusal *no)
{
    return json_pack("{s:[o], s:i, s:n, s:o, s:o, s:I}", "items", one_contact(), "total", 100, "next", "search",
                     text_of(look->search), "sort", text_of(look->sort), "offset", (json_int_t)look->offset);
}

static json_t *contact(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no)
{
    return are_contacts(sip, xmpp) ? one_contact() : json_null();
}

static json_t *contact_remove(void *owner, struct slice sip, struct slice xmpp, bool both, struct admin_refusal *no)
{
    return contact(owner, sip, xmpp, no);
}

static json_t *contacts_purge(void *owner, const struct admin_look *look, bool dry, struct admin_refusal *no)
{
    return json_pack("{s:i}", "contacts", slice_is(look->partner, "fabrikam.example") ? 12 : 0);
}

static json_t *contacts_put(void *owner, const json_t *list, struct admin_refusal *no)
{
    const json_t *first = json_array_get(list, 0);

    if (!json_is_string(json_object_get(first, "sip"))) {
        *no = (struct admin_refusal){ 422, "sip: this is no address like alice@contoso.example" };
        return NULL;
    }
    return json_pack("{s:I}", "contacts", (json_int_t)json_array_size(list));
}

/* One trace at a time; it belongs to who began it. */
static json_t *trace_start(void *owner, const struct admin_trace *trace, bool dry, struct admin_refusal *no)
{
    struct server *s = owner;

    if (trace->n_users + trace->n_partners == 0) {
        *no = (struct admin_refusal){ 422, "whom? users and partners name people and domains to look at" };
        return NULL;
    }
    if (!dry)
        snprintf(s->tracer, sizeof(s->tracer), "%.*s", SLICE_FMT(trace->who));
    return json_pack("{s:i}", "id", 5);
}

static json_t *trace_read(void *owner, uint64_t id, struct slice who, uint64_t after, uint64_t limit)
{
    const struct server *s = owner;

    if (id != 5 || !slice_is(who, s->tracer))
        return json_null();
    return json_pack("{s:[{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s}], s:I, s:i, s:i, s:b}", "events", "n",
                     (json_int_t)after + 1, "at-ms", (json_int_t)1767225600123, "conversation", TALK_ID, "sip",
                     "alice@contoso.example", "xmpp", "romeo@fabrikam.example", "leg", after % 2 ? "xmpp" : "sip",
                     "direction", after % 2 ? "out" : "in", "what",
                     after % 2 ? "message id=\x1b[2J" : "MESSAGE sip:r\303\266meo", "details", "call-id=1", "next",
                     (json_int_t)after + 1, "dropped", after ? 3 : 0, "left-s", 60, "bodies", 0);
}

static bool trace_end(void *owner, uint64_t id, struct slice who)
{
    struct server *s = owner;

    if (id != 5 || !slice_is(who, s->tracer))
        return false;
    s->tracer[0] = '\0';
    return true;
}

static json_t *im_test_start(void *owner, struct slice from, struct slice to, struct slice text,
                             struct admin_refusal *no)
{
    if (slice_is(text, "again")) {
        *no = (struct admin_refusal){ 429, "ten tests a minute are enough: try again later" };
        return NULL;
    }
    return json_pack("{s:i}", "id", slice_is(to, "romeo@fabrikam.example") ? 1 : 2);
}

/* Done when it is asked for the second time; to others than romeo it does not arrive. */
static json_t *im_test(void *owner, uint64_t id)
{
    struct server *s = owner;

    if (id != 1 && id != 2)
        return json_null();
    if (atomic_fetch_add(&s->asked, 1) % 2 == 0)
        return json_pack("{s:I, s:b}", "id", (json_int_t)id, "done", 0);
    return json_pack("{s:I, s:b, s:s, s:s, s:s, s:i, s:s, s:s}", "id", (json_int_t)id, "done", 1, "from",
                     "alice@contoso.example", "to", "romeo@fabrikam.example", "result", id == 1 ? "success" : "failure",
                     "latency-ms", 3723004, "error", id == 1 ? "" : "504", "diagnosis",
                     id == 1 ? "It was acknowledged." : "It was not\x1b[2J.");
}

static json_t *dns_records(void *owner, const struct admin_check *what, uint64_t ttl_s, struct admin_refusal *no)
{
    if (what->n_domains && !slice_is(what->domains[0], "contoso.example")) {
        *no = (struct admin_refusal){ 422, "this is none of our SIP domains" };
        return NULL;
    }
    return json_pack("{s:[{s:s, s:s, s:s, s:I, s:s, s:s, s:b, s:s}], s:[{s:s, s:s, s:s, s:s, s:s, s:s, s:s}]}", "items",
                     "domain", "contoso.example", "name", "_xmpp-server._tcp.contoso.example", "type", "SRV", "ttl",
                     (json_int_t)ttl_s, "data", "5 0 5269 gw.contoso.example.", "line",
                     "_xmpp-server._tcp.contoso.example. IN SRV 5 0 5269 gw.contoso.example.", "optional", 0, "why",
                     "how they find it", "notes", "mark", "note", "area", "", "check", "no-certificate", "about",
                     "contoso.example", "text", "it has no certificate\x1b[2J", "remedy", "", "line", "");
}

static json_t *check_start(void *owner, const struct admin_check *what, struct admin_refusal *no)
{
    if (what->n_resolvers && !slice_is(what->resolvers[0], "192.0.2.53")) {
        *no = (struct admin_refusal){ 422, "resolvers: an IP address is expected here" };
        return NULL;
    }
    if (what->n_domains && slice_is(what->domains[0], "many.example")) {
        *no = (struct admin_refusal){ 429, "several checks are running already" };
        return NULL;
    }
    return json_pack("{s:i}", "id", what->all ? 2 : 1);
}

/* Done when it is asked for the second time; DNS is fine, everything is not. */
static json_t *one_check(void *owner, uint64_t id)
{
    struct server *s = owner;

    if (id != 1 && id != 2)
        return json_null();
    if (atomic_fetch_add(&s->asked, 1) % 2 == 0)
        return json_pack("{s:I, s:b, s:[{s:s, s:s, s:s, s:s}]}", "id", (json_int_t)id, "done", 0, "findings", "mark",
                         "ok", "about", "contoso.example", "check", "srv-ok", "text", "it leads here");
    return json_pack("{s:I, s:b, s:b, s:s, s:[{s:s, s:s, s:s, s:s}, {s:s, s:s, s:s, s:s, s:s}]}", "id", (json_int_t)id,
                     "done", 1, "works", id == 1, "verdict", id == 1 ? "DNS is right." : "It is not\x1b[2J.",
                     "findings", "mark", "ok", "about", "contoso.example", "check", "srv-ok", "text", "it leads here",
                     "mark", id == 1 ? "note" : "failed", "check", "disk-full", "text", "no room\x1b[2J", "remedy",
                     "make room", "line", "rm -r everything");
}

static json_t *presence_test_start(void *owner, struct slice sip, struct slice xmpp, bool to_xmpp, bool to_sip,
                                   struct admin_refusal *no)
{
    if (slice_is(sip, "again@contoso.example")) {
        *no = (struct admin_refusal){ 429, "ten tests a minute are enough: try again later" };
        return NULL;
    }
    return json_pack("{s:i}", "id", to_xmpp && to_sip ? 1 : to_xmpp ? 2 : 3);
}

/* Done when it is asked for the second time; one way alone works. */
static json_t *presence_test(void *owner, uint64_t id)
{
    struct server *s = owner;

    if (id < 1 || id > 3)
        return json_null();
    if (atomic_fetch_add(&s->asked, 1) % 2 == 0)
        return json_pack("{s:I, s:b, s:[{s:i, s:s, s:s, s:s}]}", "id", (json_int_t)id, "done", 0, "steps", "ms", 0,
                         "step", "policy", "result", "ok", "text", "the SIP user may talk to partners");
    return json_pack("{s:I, s:b, s:[{s:i, s:s, s:s, s:s}, {s:i, s:s, s:s, s:s}], s:b, s:s, s:s}", "id", (json_int_t)id,
                     "done", 1, "steps", "ms", 0, "step", "policy", "result", "ok", "text",
                     "the SIP user may talk to partners", "ms", 12, "step", "notify", "result",
                     id == 1 ? "failed" : "ok", "text", "NOTIFY\x1b[2J", "works", id != 1, "fault",
                     id == 1 ? "refused" : "none", "verdict", id == 1 ? "It is refused." : "It works.");
}

static const struct admin_ops ops = { .status = status,
                                      .metrics = metrics,
                                      .streams = streams,
                                      .stream_close = stream_close,
                                      .stream = one_stream,
                                      .history = history,
                                      .partner_status = partner_status,
                                      .partner_states = partner_states,
                                      .test_start = test_start,
                                      .test = test_of,
                                      .conversations = conversations,
                                      .conversation = conversation,
                                      .queue = queue,
                                      .subscriptions = subscriptions,
                                      .subscription = subscription,
                                      .subscription_refresh = subscription_refresh,
                                      .gates = gates,
                                      .contacts = contacts,
                                      .contacts_browse = contacts_browse,
                                      .contact = contact,
                                      .contact_remove = contact_remove,
                                      .contacts_purge = contacts_purge,
                                      .contacts_put = contacts_put,
                                      .trace_start = trace_start,
                                      .trace_read = trace_read,
                                      .trace_end = trace_end,
                                      .im_test_start = im_test_start,
                                      .im_test = im_test,
                                      .presence_test_start = presence_test_start,
                                      .presence_test = presence_test,
                                      .dns_records = dns_records,
                                      .check_start = check_start,
                                      .check = one_check };

static void obey(struct server *s, const char *line)
{
    struct err err;
    long seconds;

    if (sscanf(line, "advance %ld", &seconds) == 1)
        atomic_fetch_add(&s->advanced_s, seconds);
    if (strcmp(line, "renew") == 0 && admin_renew(s->admin, &err))
        log_error(&s->log, "renew-failed", LOG_Z("why", err.text));
    printf("done\n");
    fflush(stdout);
}

static void on_room(uv_handle_t *handle, size_t wish, uv_buf_t *out)
{
    struct server *s = handle->data;

    *out = uv_buf_init(s->line + s->n, (unsigned)(sizeof(s->line) - s->n - 1));
}

static void on_command(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct server *s = stream->data;
    char *end;

    if (n < 0) {
        loop_stop(&s->loop);
        return;
    }
    s->n += (size_t)n;
    s->line[s->n] = '\0';
    while ((end = strchr(s->line, '\n'))) {
        *end = '\0';
        obey(s, s->line);
        s->n -= (size_t)(end + 1 - s->line);
        memmove(s->line, end + 1, s->n + 1);
    }
}

static int fail(const struct err *err)
{
    fprintf(stderr, "admin_server: %s\n", err->text);
    return 1;
}

static int serve(struct server *s, struct keeper *keeper, char **argv, int argc, struct err *err)
{
    static const uint8_t kek[PKI_VAULT_KEY] = { 1 };
    struct pki_vault *vault = pki_vault_new(kek, err);
    char socket_path[300];
    struct addr at;
    struct admin_conf conf = { .loop = &s->loop,
                               .log = &s->log,
                               .keeper = keeper,
                               .listen = &at,
                               .n_listen = 1,
                               .certificate = argc > 4 ? argv[3] : NULL,
                               .key = argc > 4 ? argv[4] : NULL,
                               .vault = vault,
                               .trust_file = getenv("STOX_TEST_TRUST"),
                               .socket_path = socket_path,
                               .host_name = SLICE("admin.contoso.example"),
                               .uid = getuid(),
                               .ops = &ops,
                               .owner = s,
                               .mono_ms = mono_ms,
                               .wall_s = wall_s,
                               .clock_arg = s };
    const char *deadlines = getenv("STOX_TEST_DEADLINES");

    if (deadlines && sscanf(deadlines, "%u %u", &conf.idle_ms, &conf.request_ms) != 2)
        return err_set(err, "no deadlines: %s", deadlines);
    snprintf(socket_path, sizeof(socket_path), "%s/admin.sock", argv[1]);
    if (!addr_parse(slice_str(argv[2]), 0, &at))
        return err_set(err, "no address: %s", argv[2]);
    s->admin = admin_new(&conf, err);
    if (!s->admin)
        return -1;
    printf("ready %u\n", addr_port(admin_listening(s->admin, 0)));
    fflush(stdout);
    loop_run(&s->loop);
    admin_free(s->admin);
    pki_vault_free(vault);
    return 0;
}

int main(int argc, char **argv)
{
    struct server s = { .n = 0 };
    char url[300];
    struct store_conf store_conf = { .url = url, .log = &s.log };
    struct keeper_conf keeper_conf = { .log = &s.log };
    struct err err = { "" };
    struct keeper *keeper;
    int rc = 1;

    if (argc != 3 && argc != 5)
        return fail(&(struct err){ "usage: admin_server FOLDER ADDRESS [CERTIFICATE KEY]" });
    log_init(&s.log);
    snprintf(url, sizeof(url), "sqlite:%s/stox.db", argv[1]);
    if (loop_init(&s.loop, &s.log, &err))
        return fail(&err);
    uv_pipe_init(&s.loop.uv, &s.commands, 0);
    uv_pipe_open(&s.commands, 0);
    s.commands.data = &s;
    uv_read_start((uv_stream_t *)&s.commands, on_room, on_command);
    keeper_conf.store = store_open(&store_conf, &err);
    keeper = keeper_conf.store ? keeper_open(&keeper_conf, &err) : NULL;
    if (keeper && keeper_watch(keeper, &err) == 0)
        rc = serve(&s, keeper, argv, argc, &err) ? fail(&err) : 0;
    else
        fail(&err);
    /* The store's thread calls the keeper: it ends first. */
    store_close(keeper_conf.store);
    keeper_close(keeper);
    uv_close((uv_handle_t *)&s.commands, NULL);
    loop_fini(&s.loop);
    return rc;
}
