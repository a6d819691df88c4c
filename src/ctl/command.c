#include "ctl/command.h"

#include "store/model.h"

#define O(name) OPTION_BIT(OPT_##name)
#define ANY 0xffffffffu
#define CHANGING (O(WHAT_IF) | O(STRICT) | O(JSON) | O(CONFIRM) | O(FORCE))
#define LISTING (O(WHERE) | O(FILTER) | O(NAMES) | O(COLUMNS) | O(JSON) | O(CSV))

enum which { EVERY_KIND, NAMED_KINDS, MADE_KINDS };

/* The verbs of every kind of object. Operands are its names. */
static const struct generic {
    const char *verb;
    enum which which;
    unsigned least, most;
    bool settings;
    uint64_t options;
    const char *brief;
    enum ctl_exit (*run)(struct ctl *c);
} generic[] = {
    { "new", MADE_KINDS, 1, ANY, true, CHANGING, "Makes a new %s", object_new },
    { "set", EVERY_KIND, 1, ANY, true, CHANGING | O(RESET) | O(IF_REVISION), "Changes %s settings", object_set },
    { "list", NAMED_KINDS, 0, 0, false, LISTING, "Lists every %s", object_list },
    { "show", EVERY_KIND, 1, ANY, false, O(JSON), "Shows all %s settings", object_show },
    { "remove", NAMED_KINDS, 1, ANY, false, CHANGING | O(IF_REVISION), "Removes a %s", object_remove },
};

static const struct command fixed[] = {
    { "partner", "test", "DOMAIN", 1, 1,
      "Tests the way to a partner and back: looks up, connects, negotiates, proves, pings, and says what is wrong and "
      "what helps; exit status 1 if it does not work",
      O(FROM) | O(JSON), false, &partner_kind, partner_test },
    { "partner", "status", "DOMAIN...", 1, ANY,
      "Shows a partner's streams and the last set-ups that failed, step by step", O(JSON), false, &partner_kind,
      partner_status },
    { "route", "test", "NAME", 1, 1,
      "Tests the way to a route's SIP servers: looks up, connects, looks at the certificate, asks by OPTIONS, and says "
      "what is "
      "wrong and what helps; exit status 1 if it does not work",
      O(JSON), false, &route_kind, route_run_test },
    { "route", "status", "NAME...", 1, ANY, "Shows a route's SIP servers, and whether they are up", O(JSON), false,
      &route_kind, route_show_status },
    { "proxy", "new", "NAME", 1, 1,
      "Makes a new proxy, and prints what to do on its machine; at a terminal it then asks for the pin of its key",
      CHANGING, true, &proxy_kind, proxy_new },
    { "proxy", "guide", "NAME", 1, 1, "Prints what to do on the machine of a proxy, with the pin of this gateway", 0,
      false, &proxy_kind, proxy_guide },
    { "proxy", "status", "NAME...", 1, ANY,
      "Shows the link with a proxy: whether it is up, since when, what goes by it, and what is wrong", O(JSON), false,
      &proxy_kind, proxy_show_status },
    { "proxy", "test", "NAME", 1, 1,
      "Dials the link with a proxy if it is not up, and says what keeps it from working and what helps; exit status 1 "
      "if it does not work",
      O(JSON), false, &proxy_kind, proxy_run_test },
    { "policy", "grant", "NAME USER...", 1, ANY, "Grants a %s to users, all or none", CHANGING | O(TO), false,
      &policy_kind, policy_grant },
    { "policy", "revoke", "USER...", 1, ANY,
      "Takes the granted %s from users: the site's or the global one counts again", CHANGING, false, &policy_kind,
      policy_revoke },
    { "policy", "effective", "USER", 1, 1, "Says which %s decides for a user, and why", O(JSON), false, NULL,
      policy_show_effective },
    { "config", "export", "[FILE]", 0, 1, "Writes the whole configuration as text, without secrets", 0, false, NULL,
      config_export },
    { "config", "diff", "FILE", 1, 1, "Shows in what a file differs from the configuration; exit status 1 if it does",
      0, false, NULL, config_diff },
    { "config", "apply", "FILE", 1, 1, "Makes each object of a file what the file says, all or nothing",
      CHANGING | O(PRUNE), false, NULL, config_apply },
    { "import", "lync", "FILE...", 1, ANY,
      "Takes over partners, gateway settings and external access policies that Lync Server exported",
      CHANGING | O(ENUM_NUMBERS), false, NULL, import_lync },
    { "audit", "list", "", 0, 0, "Lists who changed what, newest first",
      O(LIMIT) | O(BEFORE) | O(KIND) | O(NAME) | O(WHO) | O(SINCE) | O(SEARCH) | O(JSON) | O(CSV), false, NULL,
      audit_list },
    { "user", "new", "NAME", 1, 1, "Makes an administrator of Stox; asks for the password", O(JSON), true,
      &account_kind, user_new },
    { "user", "passwd", "NAME", 1, 1, "Sets an administrator's password", 0, false, &account_kind, user_passwd },
    { "user", "set", "NAME", 1, 1, "Changes an administrator's role or description", O(JSON), true, &account_kind,
      user_set },
    { "user", "list", "", 0, 0, "Lists the administrators of Stox", LISTING, false, &account_kind, object_list },
    { "user", "remove", "NAME...", 1, ANY, "Removes an administrator", O(FORCE) | O(CONFIRM), false, &account_kind,
      user_remove },
    { "token", "new", "NAME", 1, 1, "Makes a token for the API and shows it, once", O(EXPIRES) | O(JSON), true,
      &token_kind, token_new },
    { "token", "list", "", 0, 0, "Lists the tokens, not their secrets", LISTING, false, &token_kind, object_list },
    { "token", "revoke", "NAME...", 1, ANY, "Ends tokens at once", O(FORCE) | O(CONFIRM), false, &token_kind,
      token_revoke },
    { "matrix", "", "", 0, 0, "Shows what each combination of TLS, SASL and dialback comes to; needs no daemon",
      O(JSON) | O(CSV) | O(STRICT), false, NULL, matrix_show },
    { "status", "", "", 0, 0, "Shows how the daemon is", O(JSON), false, NULL, status_show },
    { "service", "status", "", 0, 0,
      "Says whether stoxd takes work, and what is under way; exit status 3 if it does not run", O(JSON), false, NULL,
      service_status },
    { "service", "drain", "", 0, 0,
      "Has stoxd take no new work, end what is under way, and close its streams; it goes on running", 0, false, NULL,
      service_drain },
    { "service", "resume", "", 0, 0, "Has stoxd take work again", 0, false, NULL, service_resume },
    { "service", "stop", "", 0, 0,
      "Ends stoxd in order, and waits for it: through systemd if it is its unit, else by the API", 0, false, NULL,
      service_stop },
    { "service", "start", "", 0, 0, "Starts stoxd through systemd, and comes back when it serves", 0, false, NULL,
      service_start },
    { "service", "restart", "", 0, 0,
      "Ends stoxd in order and starts it again, through systemd; or has a new process take over, after an upgrade too",
      O(HAND_OVER), false, NULL, service_restart },
    { "stream", "list", "", 0, 0, "Lists the XMPP streams", O(JSON) | O(CSV), false, NULL, stream_list },
    { "stream", "show", "ID...", 1, ANY, "Shows all there is of a stream, and what its set-up did step by step",
      O(JSON), false, NULL, stream_show },
    { "stream", "close", "ID...", 1, ANY, "Closes streams", 0, false, NULL, stream_close },
    { "conversation", "list", "", 0, 0, "Lists who has talked with whom, and how the last message ended",
      O(USER) | O(PARTNER) | O(LIMIT) | O(BEFORE) | O(JSON) | O(CSV), false, NULL, conversation_list },
    { "conversation", "show", "ID...", 1, ANY,
      "Shows what passed between two people, both ways, and why the last message failed", O(JSON), false, NULL,
      conversation_show },
    { "queue", "list", "", 0, 0, "Lists what waits, for what, and what will become of it",
      O(USER) | O(PARTNER) | O(LIMIT) | O(JSON) | O(CSV), false, NULL, queue_list },
    { "subscription", "list", "", 0, 0,
      "Lists the subscriptions to presence on the SIP side at this moment, both ways, in no order",
      O(USER) | O(PARTNER) | O(LIMIT) | O(JSON) | O(CSV), false, NULL, subscription_list },
    { "subscription", "show", "SIP-USER XMPP-USER", 2, 2,
      "Shows the subscriptions of two people, and what is known of their presence", O(JSON), false, NULL,
      subscription_show },
    { "subscription", "refresh", "SIP-USER XMPP-USER", 2, 2, "Asks both sides anew how these two people are", 0, false,
      NULL, subscription_refresh },
    { "contact", "list", "", 0, 0, "Lists SIP users and partners' users who watch each other's presence, in no order",
      O(USER) | O(PARTNER) | O(STATE) | O(LIMIT) | O(JSON) | O(CSV), false, NULL, contact_list },
    { "contact", "show", "SIP-USER XMPP-USER", 2, 2, "Shows how two people watch each other", O(JSON), false, NULL,
      contact_show },
    { "contact", "remove", "SIP-USER XMPP-USER", 2, 2,
      "Ends that a SIP user watches a partner's user, with --both also the other way round; both sides are told",
      O(BOTH) | O(JSON), false, NULL, contact_remove },
    { "contact", "purge", "", 0, 0,
      "Removes all contacts of a user or a domain, both ways: when somebody has left, or a partner is gone for good",
      O(USER) | O(DOMAIN) | O(WHAT_IF) | O(FORCE) | O(CONFIRM), false, NULL, contact_purge },
    { "contact", "export", "[FILE]", 0, 1, "Writes all contacts as CSV", 0, false, NULL, contact_export },
    { "contact", "import", "FILE", 1, 1,
      "Makes the contacts of a CSV file, as export writes it: from another gateway, or a backup", O(WHAT_IF), false,
      NULL, contact_import },
    { "cert", "request", "NAME", 1, 1,
      "Makes a key and a request for a certificate; at a terminal it asks step by step, and of one that is there it "
      "makes the successor, with the earlier answers",
      O(CSR) | O(WHAT_IF) | O(JSON), true, &certificate_kind, cert_request },
    { "cert", "renew", "NAME", 1, 1,
      "Asks the ACME authority (gateway setting acme-directory) for the certificate or its successor, at once, and "
      "waits for it; what it is assigned to stays assigned",
      O(JSON), false, &certificate_kind, cert_renew },
    { "cert", "import", "NAME FILE", 2, 2,
      "Takes what the authority sent (PEM, DER, PKCS#7), or a certificate with its key (PEM, PKCS#12), and names every "
      "defect",
      O(KEY_FILE) | O(PASSPHRASE_FILE) | O(ANYWAY) | O(WHAT_IF) | O(JSON), true, &certificate_kind, cert_import },
    { "cert", "assign", "NAME", 1, 1,
      "Puts a certificate to use at once, without ending a stream; without an option for what it was requested for",
      O(FOR_DOMAIN) | O(SIP) | O(ADMIN) | O(ANYWAY) | O(WHAT_IF) | O(JSON), false, &certificate_kind, cert_assign },
    { "cert", "list", "", 0, 0, "Lists certificates and requests, and who uses them", O(JSON) | O(CSV), false,
      &certificate_kind, cert_list },
    { "cert", "show", "NAME", 1, 1, "Shows a certificate, its request, and who uses it", O(JSON), false,
      &certificate_kind, cert_show },
    { "cert", "export", "NAME [FILE]", 1, 2,
      "Writes a certificate with its chain, or the request, into a file or to the screen; the key only under a "
      "passphrase",
      O(FORM) | O(WITH_KEY) | O(PASSPHRASE_FILE), false, &certificate_kind, cert_export },
    { "cert", "check", "", 0, 0,
      "Holds what is assigned against what it is for and what is shown; exit status 1 if something is broken or will "
      "be",
      O(JSON), false, NULL, cert_check },
    { "cert", "remove", "NAME...", 1, ANY, "Removes certificates that nothing uses, with their keys",
      O(FORCE) | O(CONFIRM), false, &certificate_kind, cert_remove },
    { "trace", "", "", 0, 0,
      "Shows what passes as it passes, SIP on the left and XMPP on the right, until it is interrupted",
      O(WATCH_USER) | O(WATCH_PARTNER) | O(FOR) | O(COUNT) | O(BODIES) | O(OUTPUT) | O(ASCII) | O(JSON), false, NULL,
      trace_show },
    { "test", "im", "", 0, 0,
      "Sends a test message in somebody's name, from SIP to a partner or the other way, and says whether it arrived, "
      "how "
      "long that took, and else why not and what helps; exit status 1 if it did not",
      O(TEST_FROM) | O(TEST_TO) | O(TEXT) | O(JSON), false, NULL, test_im },
    { "test", "presence", "SIP-USER XMPP-USER", 2, 2,
      "Walks the way of presence between two people step by step, asks XMPP by a probe and SIP by a poll, and says "
      "what "
      "keeps it from working and what helps; changes no contact; exit status 1 if it does not work",
      O(WAY) | O(JSON), false, NULL, test_presence },
    { "dns", "records", "[DOMAIN...]", 0, ANY,
      "Prints the DNS records that lead to this gateway, as lines of a zone file, for all SIP domains or for these",
      O(TTL) | O(JSON), false, &sip_domain_kind, dns_show_records },
    { "dns", "check", "[DOMAIN...]", 0, ANY,
      "Asks DNS as the world does, for all SIP domains or for these, and says what is wrong and which line to publish; "
      "exit "
      "status 1 if it is not right",
      O(RESOLVER) | O(JSON), false, &sip_domain_kind, dns_run_check },
    { "check", "", "", 0, 0,
      "Checks everything: settings, policy, certificates, ports, DNS, routes, partners, clock, disk, limits, service; "
      "exit "
      "status 1 "
      "if something is wrong",
      O(USERS) | O(JSON), false, NULL, check_all },
    { "metrics", "", "", 0, 0, "Prints the counters, as a monitoring system reads them", 0, false, NULL, metrics_show },
    { "session", "", "", 0, 0, "Says who one is to the daemon, and with which role", O(JSON), false, NULL,
      session_show },
    { "setup", "", "NAME", 1, 1, "Makes the first administrator with the token of the first start", 0, false, NULL,
      setup_first },
    { "completion", "", "bash|zsh", 1, 1, "Prints what a shell needs to complete commands, flags and names", 0, false,
      NULL, completion_show },
    { "help", "", "[NOUN [VERB]]", 0, 2, "Explains commands", O(MAN), false, NULL, help_show },
    { "version", "", "", 0, 0, "Prints the version", 0, false, NULL, version_show },
};

#define N_FIXED (sizeof(fixed) / sizeof(fixed[0]))
#define N_GENERIC (sizeof(generic) / sizeof(generic[0]))

static const char *operand_word(const struct setting_kind *kind)
{
    switch (kind->title_type) {
    case SETTING_DOMAIN: return "DOMAIN...";
    case SETTING_USER: return "USER...";
    case SETTING_WHO: return "USER|DOMAIN...";
    default: return "NAME...";
    }
}

static const char *verb_of(const struct generic *g, const struct setting_kind *kind)
{
    return kind->make && g->which == MADE_KINDS ? kind->make : g->verb;
}

static bool is_fixed(const char *noun, const char *verb)
{
    for (size_t k = 0; k < N_FIXED; k++)
        if (strcmp(fixed[k].noun, noun) == 0 && strcmp(fixed[k].verb, verb) == 0)
            return true;
    return false;
}

static bool applies(const struct generic *g, const struct setting_kind *kind)
{
    if (kind->internal || is_fixed(kind->noun, verb_of(g, kind)))
        return false;
    return g->which == EVERY_KIND || (kind->title && (g->which == NAMED_KINDS || !kind->on_demand));
}

static struct command make(const struct generic *g, const struct setting_kind *kind)
{
    bool named = kind->title && g->most > 0;

    return (struct command){ .noun = kind->noun,
                             .verb = verb_of(g, kind),
                             .operands = named ? operand_word(kind) : "",
                             .least = named ? g->least : 0,
                             .most = named ? g->most : 0,
                             .brief = g->brief,
                             .options = g->options,
                             .settings = g->settings,
                             .kind = kind,
                             .run = g->run };
}

size_t command_list(struct command out[COMMANDS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < MODEL_N_KINDS; i++) {
        const struct setting_kind *kind = model_kinds[i];

        for (size_t k = 0; k < N_GENERIC && n < COMMANDS_MAX; k++)
            if (applies(&generic[k], kind))
                out[n++] = make(&generic[k], kind);
        for (size_t k = 0; k < N_FIXED && n < COMMANDS_MAX && !kind->internal; k++)
            if (strcmp(fixed[k].noun, kind->noun) == 0)
                out[n++] = fixed[k];
    }
    for (size_t k = 0; k < N_FIXED && n < COMMANDS_MAX; k++) {
        const struct setting_kind *kind = model_kind(slice_str(fixed[k].noun));

        if (!kind || kind->internal)
            out[n++] = fixed[k];
    }
    return n;
}

bool command_find(struct slice noun, struct slice verb, struct command *out)
{
    struct command all[COMMANDS_MAX];
    size_t n = command_list(all);

    for (size_t i = 0; i < n; i++) {
        if (!slice_is(noun, all[i].noun) || !slice_is(verb, all[i].verb))
            continue;
        *out = all[i];
        return true;
    }
    return false;
}

bool command_has_noun(struct slice noun)
{
    struct command all[COMMANDS_MAX];
    size_t n = command_list(all);

    for (size_t i = 0; i < n; i++)
        if (slice_is(noun, all[i].noun))
            return true;
    return false;
}

void command_put_usage(struct buf *out, const struct command *cmd)
{
    buf_printf(out, "stoxctl %s%s%s%s%s [options]", cmd->noun, cmd->verb[0] ? " " : "", cmd->verb,
               cmd->operands[0] ? " " : "", cmd->operands);
}

void command_put_brief(struct buf *out, const struct command *cmd)
{
    struct slice before = slice_str(cmd->brief), after;

    if (!slice_cut(before, '%', &before, &after)) {
        buf_put(out, before);
        return;
    }
    buf_put(out, before);
    buf_str(out, cmd->noun);
    buf_put(out, slice_from(after, 1));
}
