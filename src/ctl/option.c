#include "ctl/option.h"

static const struct option options[OPTION_N] = {
    [OPT_SERVER] = { "server", 0, "URL", NULL,
                     "Where stoxd is: unix:PATH, http://HOST:PORT or https://HOST:PORT (environment: STOX_SERVER)" },
    [OPT_TOKEN_FILE] = { "token-file", 0, "FILE", NULL,
                         "File with the API token (environment: STOX_TOKEN, the token itself)" },
    [OPT_CA_FILE] = { "ca-file", 0, "FILE", NULL, "PEM file of the authority that signed the API's certificate" },
    [OPT_HELP] = { "help", 'h', NULL, NULL, "What this command does and takes" },
    [OPT_JSON] = { "json", 0, NULL, NULL, "As JSON, as the API gives it" },
    [OPT_CSV] = { "csv", 0, NULL, NULL,
                  "As CSV; a cell that a spreadsheet would take for a formula gets an apostrophe in front" },
    [OPT_NAMES] = { "names", 0, NULL, NULL, "Names only, one a line; another command takes them with \"-\"" },
    [OPT_WHERE] = { "where", 0, "SETTING=VALUE", NULL,
                    "Only those whose setting has this value; != for another value, ~ for wildcards; repeatable, all "
                    "must hold" },
    [OPT_FILTER] = { "filter", 0, "PATTERN", NULL, "Only those whose name matches, with wildcards: '*.org'" },
    [OPT_COLUMNS] = { "columns", 0, "A,B,...", NULL, "These columns only, in this order" },
    [OPT_WHAT_IF] = { "what-if", 0, NULL, NULL, "Say what would change, and change nothing" },
    [OPT_STRICT] = { "strict", 0, NULL, NULL, "Refuse also what the Lync Control Panel refused: SASL without TLS" },
    [OPT_IF_REVISION] = { "if-revision", 0, "N", NULL, "Only if nobody has changed it since revision N" },
    [OPT_FORCE] = { "force", 'f', NULL, NULL, "Ask nothing" },
    [OPT_CONFIRM] = { "confirm", 0, "on|off", "on off", "Ask before every change, or never" },
    [OPT_RESET] = { "reset", 0, "SETTING", NULL, "Back to its default; repeatable" },
    [OPT_TO] = { "to", 0, "USER", NULL, "Who gets it; more may follow, \"-\" reads them from standard input" },
    [OPT_PRUNE] = { "prune", 0, NULL, NULL, "Remove what the file does not name" },
    [OPT_LIMIT] = { "limit", 0, "N", NULL, "At most so many entries (100)" },
    [OPT_BEFORE] = { "before", 0, "SEQ", NULL, "Entries older than this one" },
    [OPT_KIND] = { "kind", 0, "KIND", NULL, "Entries about this kind of object" },
    [OPT_NAME] = { "name", 0, "NAME", NULL, "Entries about the object of this name" },
    [OPT_EXPIRES] = { "expires", 0, "TIME", NULL, "How long it is good: 3600, 90m, 12h, 30d; without it, for ever" },
    [OPT_ENUM_NUMBERS] = { "enum-numbers", 0, NULL, NULL,
                           "Take numbers that stand for names in the order in which the documentation lists the names, "
                           "from 0" },
    [OPT_FROM] = { "from", 0, "DOMAIN", NULL, "Domain of ours that asks; without it the first one" },
    [OPT_USER] = { "user", 0, "USER", NULL, "Those of this person only, on SIP or on XMPP: alice@contoso.example" },
    [OPT_PARTNER] = { "partner", 0, "DOMAIN", NULL, "Those of this partner only" },
    [OPT_WATCH_USER] = { "user", 0, "USER", NULL,
                         "What this person sends and gets, on SIP or on XMPP: alice@contoso.example; repeatable" },
    [OPT_WATCH_PARTNER] = { "partner", 0, "DOMAIN", NULL, "All that passes with this partner; repeatable" },
    [OPT_FOR] = { "for", 0, "TIME", NULL, "Ends after this time: 30s, 10m, 2h (10m)" },
    [OPT_COUNT] = { "count", 0, "N", NULL, "Ends after so many events" },
    [OPT_BODIES] = { "bodies", 0, NULL, NULL,
                     "With the texts of messages: for an administrator, and if the gateway's log-message-bodies is "
                     "on" },
    [OPT_OUTPUT] = { "output", 0, "FILE", NULL, "The same into a file, for a ticket" },
    [OPT_ASCII] = { "ascii", 0, NULL, NULL, "Nothing but ASCII: other characters as \\u{...}" },
    [OPT_TEST_FROM] = { "from", 0, "USER", NULL, "In whose name: alice@contoso.example" },
    [OPT_TEST_TO] = { "to", 0, "USER", NULL, "To whom: romeo@fabrikam.example" },
    [OPT_TEXT] = { "text", 0, "TEXT", NULL, "The message; without it, one that says that it is a test" },
    [OPT_WAY] = { "way", 0, "WAY", "both sip-to-xmpp xmpp-to-sip",
                  "sip-to-xmpp: the SIP user watches the partner's; xmpp-to-sip: the other way round; both without "
                  "it" },
    [OPT_STATE] = { "state", 0, "STATE", "none to from both asked denied added",
                    "Those of this state only: to (the SIP user may watch the partner's), from (the other way round), "
                    "both, none, "
                    "asked, denied, added" },
    [OPT_BOTH] = { "both", 0, NULL, NULL, "Also that the partner's user watches the SIP user" },
    [OPT_DOMAIN] = { "domain", 0, "DOMAIN", NULL, "All of a SIP domain, or of a partner (any of his domains)" },
    [OPT_TTL] = { "ttl", 0, "TIME", NULL, "Time to live of the records: 300, 5m, 1h (1h)" },
    [OPT_RESOLVER] = { "resolver", 0, "ADDRESS", NULL,
                       "Ask this resolver, as ip or ip@port, instead of the gateway's own; a second one is compared "
                       "with "
                       "it" },
    [OPT_FOR_DOMAIN] = { "domain", 0, "DOMAIN", NULL, "A SIP domain that shows it to partners; repeatable" },
    [OPT_SIP] = { "sip", 0, NULL, NULL, "It is shown to SIP systems" },
    [OPT_ADMIN] = { "admin", 0, NULL, NULL, "The HTTP API shows it" },
    [OPT_ANYWAY] = { "anyway", 0, NULL, NULL,
                     "Also with defects that can be meant so: a name that is missing, an issuer that is not known" },
    [OPT_KEY_FILE] = { "key-file", 0, "FILE", NULL, "The key, where it is in a file of its own" },
    [OPT_WITH_KEY] = { "with-key", 0, NULL, NULL, "With the key, under a passphrase that is asked for" },
    [OPT_FORM] = { "form", 0, "FORM", "pem pkcs12 request", "pem (which it is without this), pkcs12, or the request" },
    [OPT_PASSPHRASE_FILE] = { "passphrase-file", 0, "FILE", NULL,
                              "File whose first line is the passphrase, instead of asking" },
    [OPT_CSR] = { "csr", 0, "FILE", NULL,
                  "Where the request is written, to be sent to the authority; -: to the screen" },
    [OPT_HAND_OVER] = { "hand-over", 0, NULL, NULL,
                        "By a new process that takes over all sockets: no connection is refused, no datagram lost" },
    [OPT_USERS] = { "users", 0, "FILE", NULL,
                    "Instead of all that, whether the users of this file have moved here, one address on each line: "
                    "domain, policy, route and DNS; - reads standard input" },
    [OPT_WHO] = { "who", 0, "TEXT", NULL, "Entries of those whose name holds this: anna, token:, unix:" },
    [OPT_SINCE] = { "since", 0, "TIME", NULL, "Entries since then: 2026-01-31T12:00:00Z" },
    [OPT_SEARCH] = { "search", 0, "TEXT", NULL,
                     "Entries that hold this in a name, or in what a setting was or became" },
    [OPT_MAN] = { "man", 0, NULL, NULL, "The manual page, in troff" },
};

const struct option *option_of(enum option_id id)
{
    return &options[id];
}

enum option_id option_find(struct slice word, uint64_t set)
{
    for (unsigned id = 0; id < OPTION_N; id++) {
        if (!(set & OPTION_BIT(id)))
            continue;
        if (slice_is(word, options[id].name) || (word.n == 1 && options[id].letter && word.p[0] == options[id].letter))
            return id;
    }
    return OPTION_N;
}

uint64_t option_seconds(struct slice text)
{
    static const struct {
        char unit;
        unsigned seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    unsigned factor = 1;
    uint64_t n = 0;

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && text.n; i++) {
        if (text.p[text.n - 1] != units[i].unit)
            continue;
        factor = units[i].seconds;
        text.n--;
        break;
    }
    return slice_u64(text, UINT32_MAX / factor, &n) ? n * factor : 0;
}
