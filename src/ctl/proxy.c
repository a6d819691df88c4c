/* Proxies in the perimeter: what is to be done on their machines, how their links are, and tests. */
#include "base/pin.h"
#include "ctl/change.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/ladder.h"
#include "ctl/look.h"
#include "ctl/object.h"
#include "ctl/term.h"
#include "store/model.h"

#define GUIDE_MAX 16384

/* A member of what GET path gives, in the command's arena; "" when it has none, NULL with a sentence said. */
static const char *fetch(struct ctl *c, const char *path, const char *member)
{
    struct answer a;
    const char *text = NULL;

    if (client_call(c, "GET", path, NULL, &a) == CTL_DONE) {
        text = arena_strdup(&c->arena, slice_str(ladder_text(a.body, member)));
        if (!text)
            ctl_fail_memory(c);
    }
    answer_fini(&a);
    return text;
}

/* ---- new ---- */

static void put_guide(struct buf *b, const char *name, const char *address, const char *pin)
{
    buf_str(b, "\nOn the machine of the proxy:\n\n1. Install Stox, and write /etc/stox/proxy.conf:\n\n"
               "    state-dir = \"/var/lib/stox-proxy\"\n"
               "    host-name = \"NAME\"                    # of that machine, for logs\n"
               "    listen-xmpp = {\"[::]:5269\"}           # for partners\n"
               "    listen-link = {\"");
    term_put(b, slice_str(address));
    buf_str(b, "\"} # for this gateway\n    link-pins = {\"");
    term_put(b, slice_str(pin[0] ? pin : "PIN OF THE GATEWAY"));
    buf_str(b, "\"}\n\n");
    if (!pin[0])
        buf_str(b, "   The pin of this gateway is made when stoxd is started with role = \"gateway\" in its "
                   "bootstrap file; stoxctl proxy guide prints it then.\n\n");
    buf_str(b,
            "2. Make its key, and print its pin:\n\n"
            "    stoxd --role proxy --config /etc/stox/proxy.conf --make-key\n\n"
            "3. Start it:\n\n    systemctl enable --now stoxd-proxy\n\n"
            "Firewall: partners to TCP 5269 of the proxy; the proxy to TCP 5269 of anybody, and to its resolver; this "
            "gateway to\n");
    term_put(b, slice_str(address));
    buf_str(b, ". Nothing from the proxy to the inside.\n\nHere, when the pin is known:\n\n    stoxctl proxy set ");
    term_put(b, slice_str(name));
    buf_str(b, " --pin PIN\n    stoxctl proxy test ");
    term_put(b, slice_str(name));
    buf_str(b, "\n");
}

static enum ctl_exit guide(struct ctl *c, const char *name)
{
    const char *path = client_path(c, "/v1/proxies/", slice_str(name), "");
    const char *address = path ? fetch(c, path, "address") : NULL;
    const char *pin = address ? fetch(c, "/v1/link", "pin") : NULL;
    struct buf b;

    if (!pin)
        return CTL_REFUSED;
    buf_init(&b, GUIDE_MAX);
    put_guide(&b, name, address, pin);
    term_flush(c->out, &b);
    buf_free(&b);
    return CTL_DONE;
}

static enum ctl_exit set_pin(struct ctl *c, const char *name, struct slice pin)
{
    json_t *values = json_pack("{s:s%}", "pin", pin.p, pin.n);
    struct changes changes;
    enum ctl_exit rc;

    if (!values)
        return ctl_fail_memory(c);
    if (!changes_init(c, &changes)) {
        json_decref(values);
        return CTL_REFUSED;
    }
    rc = changes_add(c, &changes, "set", &proxy_kind, slice_str(name), values);
    if (rc == CTL_DONE)
        rc = changes_run(c, &changes, true);
    changes_fini(&changes);
    return rc;
}

/* At a terminal it waits until the other machine has told its pin, or goes without. */
static enum ctl_exit ask_pin(struct ctl *c, const char *name)
{
    unsigned char hash[PIN_HASH];

    for (;;) {
        struct slice pin = slice_trim(term_line(c, "\npin of the proxy's key (nothing: later): "));

        if (!pin.n)
            return CTL_DONE;
        if (pin_parse(pin, hash))
            return set_pin(c, name, pin);
        ctl_fail(c, CTL_REFUSED, "that is not sha256/ and the base64 of 32 bytes");
    }
}

static bool has_flag(const struct ctl *c, const char *name)
{
    for (size_t i = 0; i < c->args.n_flags; i++)
        if (strcmp(c->args.flags[i].flag.setting->name, name) == 0)
            return true;
    return false;
}

enum ctl_exit proxy_new(struct ctl *c)
{
    const char *name = c->args.operands[0];
    enum ctl_exit rc = object_new(c);

    if (rc != CTL_DONE || args_has(&c->args, OPT_WHAT_IF) || args_has(&c->args, OPT_JSON) || has_flag(c, "pin"))
        return rc;
    rc = guide(c, name);
    return rc == CTL_DONE && c->interactive ? ask_pin(c, name) : rc;
}

enum ctl_exit proxy_guide(struct ctl *c)
{
    return guide(c, c->args.operands[0]);
}

/* ---- how it is ---- */

enum ctl_exit proxy_show_status(struct ctl *c)
{
    return look_each(c, "/v1/proxies/", "/status", object_print);
}

enum ctl_exit proxy_run_test(struct ctl *c)
{
    return ladder_test(c, "/v1/proxies/", json_object());
}
