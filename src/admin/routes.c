#include "admin/routes.h"
#include "admin/certificates.h"

#define LIST "limit after "
#define BROWSE "search sort offset "

const struct admin_route admin_routes[] = {
    { "GET", "/v1/status", ADMIN_READER, status_get, .gives = "Status", .status = 200,
      .summary = "State of the daemon" },
    { "GET", "/metrics", ADMIN_READER, metrics_get, .gives = "", .status = 200,
      .summary = "Counters and gauges for monitoring, as OpenMetrics text" },
    { "GET", "/v1/history", ADMIN_READER, history_get, .gives = "History", .status = 200, .queries = "minutes ",
      .summary = "What passed in each of the last minutes; a day of them is kept, in memory" },
    { "GET", "/v1/events", ADMIN_READER, events_get, .gives = "", .status = 200, .quiet = true,
      .summary = "What changes, as server-sent events: status, partners, settings" },
    { "GET", "/v1/service", ADMIN_READER, service_get, .gives = "Service", .status = 200,
      .summary = "Whether the daemon takes work, and what is under way" },
    { "POST", "/v1/service", ADMIN_ADMINISTRATOR, service_post, .gives = "Service", .status = 202,
      .body_max = CALL_BODY_SMALL, .takes = "ServiceAction",
      .summary = "Begins to drain, takes work again, or ends in order" },
    { "GET", "/v1/streams", ADMIN_READER, streams_get, .gives = "Streams", .status = 200,
      .queries = "limit search sort offset direction state ",
      .summary = "XMPP streams that are open: all of them, or with any of the queries a page" },
    { "DELETE", "/v1/streams/{id}", ADMIN_HELPDESK, stream_remove, .gives = "Closed", .status = 200,
      .summary = "Closes one stream" },
    { "GET", "/v1/streams/{id}", ADMIN_READER, stream_get, .gives = "Stream", .status = 200,
      .summary = "All there is of one stream, with what its set-up did step by step" },
    { "GET", "/v1/partners/{name}/status", ADMIN_READER, partner_status, .gives = "PartnerStatus", .status = 200,
      .summary = "A partner's streams, and the last set-ups that failed" },
    { "POST", "/v1/partners/{name}/test", ADMIN_HELPDESK, partner_test, .gives = "TestBegun", .status = 202,
      .body_max = CALL_BODY_SMALL, .takes = "NewTest",
      .summary = "Begins a test: a stream to the partner, and a ping that has to come back on the partner's stream" },
    { "GET", "/v1/partners/{name}/test/{id}", ADMIN_READER, partner_test_get, .gives = "Test", .status = 200,
      .summary = "What a test has done so far, and its verdict when it is done" },
    { "GET", "/v1/routes/{name}/status", ADMIN_READER, route_status, .gives = "RouteStatus", .status = 200,
      .summary = "A route's SIP servers, and whether they are up" },
    { "POST", "/v1/routes/{name}/test", ADMIN_HELPDESK, route_test, .gives = "RouteTestBegun", .status = 202,
      .body_max = CALL_BODY_SMALL, .takes = "NewRouteTest",
      .summary =
          "Begins a test: its servers are looked up, and each is asked by OPTIONS over a connection of its own" },
    { "GET", "/v1/routes/{name}/test/{id}", ADMIN_READER, route_test_get, .gives = "RouteTest", .status = 200,
      .summary = "What a test has done so far, and its verdict when it is done" },
    { "GET", "/v1/link", ADMIN_READER, link_get, .gives = "Link", .status = 200,
      .summary = "What proxies in the perimeter have to know of this gateway" },
    { "GET", "/v1/proxies/{name}/status", ADMIN_READER, proxy_status, .gives = "ProxyStatus", .status = 200,
      .summary = "The link with a proxy: whether it is up, since when, and what is wrong" },
    { "POST", "/v1/proxies/{name}/test", ADMIN_HELPDESK, proxy_test, .gives = "ProxyTestBegun", .status = 202,
      .body_max = CALL_BODY_SMALL, .takes = "NewProxyTest",
      .summary = "Begins a test: the link is dialled at once if it is not up" },
    { "GET", "/v1/proxies/{name}/test/{id}", ADMIN_READER, proxy_test_get, .gives = "ProxyTest", .status = 200,
      .summary = "What a test has done so far, and its verdict when it is done" },
    { "GET", "/v1/conversations", ADMIN_HELPDESK, conversations_get, .gives = "Conversations", .status = 200,
      .queries = "limit before user partner state ", .summary = "Who has talked with whom, active last first" },
    { "GET", "/v1/conversations/{id}", ADMIN_HELPDESK, conversation_get, .gives = "Conversation", .status = 200,
      .summary = "What passed between two people, both ways, and how the last message ended" },
    { "GET", "/v1/queue", ADMIN_HELPDESK, queue_get, .gives = "Queue", .status = 200, .queries = "limit user partner ",
      .summary = "What waits, for what, and what will become of it; oldest first" },
    { "GET", "/v1/subscriptions", ADMIN_HELPDESK, subscriptions_get, .gives = "Subscriptions", .status = 200,
      .queries = "limit after user partner ",
      .summary = "Subscriptions to presence on the SIP side at this moment, both ways, in no order" },
    { "GET", "/v1/subscription", ADMIN_HELPDESK, subscription_get, .gives = "Subscription", .status = 200,
      .queries = "sip xmpp ", .summary = "The subscriptions of two people, and what is known of their presence" },
    { "POST", "/v1/subscription/refresh", ADMIN_HELPDESK, subscription_refresh, .gives = "SubscriptionsRefreshed",
      .status = 200, .body_max = CALL_BODY_SMALL, .takes = "SubscriptionRefresh",
      .summary = "Asks both sides anew how these two people are" },
    { "GET", "/v1/contacts", ADMIN_HELPDESK, contacts_get, .gives = "Contacts", .status = 200,
      .queries = "limit after user partner state search sort offset ",
      .summary = "SIP users and partners' users who watch each other's presence; in no order without sort, search or "
                 "offset" },
    { "POST", "/v1/contacts", ADMIN_ADMINISTRATOR, contacts_post, .gives = "ContactsChanged", .status = 200,
      .body_max = CALL_BODY_CHANGES, .takes = "NewContacts",
      .summary = "Makes contacts, or gives them these states: to come from another gateway" },
    { "POST", "/v1/contacts/purge", ADMIN_ADMINISTRATOR, contacts_purge, .gives = "ContactsChanged", .status = 200,
      .queries = "dry-run ", .body_max = CALL_BODY_SMALL, .takes = "ContactsPurge",
      .summary = "Removes all contacts of a user, or of a domain, in both directions" },
    { "GET", "/v1/contact", ADMIN_HELPDESK, contact_get, .gives = "Contact", .status = 200, .queries = "sip xmpp ",
      .summary = "How two people watch each other" },
    { "DELETE", "/v1/contact", ADMIN_ADMINISTRATOR, contact_remove, .gives = "Contact", .status = 200,
      .queries = "sip xmpp both ",
      .summary = "Ends that the SIP user watches the partner's, or both directions; shows what was there" },
    { "POST", "/v1/traces", ADMIN_HELPDESK, traces_new, .gives = "TraceBegun", .status = 201, .body_max = CALL_BODY,
      .takes = "NewTrace",
      .summary = "Looks at what passes between people or with partners from now on; bodies take an administrator" },
    { "GET", "/v1/traces/{id}", ADMIN_HELPDESK, trace_get, .gives = "Trace", .status = 200,
      .queries = "after limit text ", .summary = "What has passed since the event of that number" },
    { "DELETE", "/v1/traces/{id}", ADMIN_HELPDESK, trace_remove, .gives = "Closed", .status = 200,
      .summary = "Ends a trace" },
    { "POST", "/v1/message-tests", ADMIN_ADMINISTRATOR, im_tests_new, .gives = "MessageTestBegun", .status = 202,
      .body_max = CALL_BODY_SMALL, .takes = "NewMessageTest",
      .summary = "Sends a test message in somebody's name, through the gates and streams that his own would take" },
    { "GET", "/v1/message-tests/{id}", ADMIN_ADMINISTRATOR, im_test_get, .gives = "MessageTest", .status = 200,
      .summary = "What became of a test message" },
    { "POST", "/v1/presence-tests", ADMIN_HELPDESK, presence_tests_new, .gives = "PresenceTestBegun", .status = 202,
      .body_max = CALL_BODY_SMALL, .takes = "NewPresenceTest",
      .summary =
          "Begins a test of presence between two people: gates, a probe on XMPP, a poll on SIP; changes no contact" },
    { "GET", "/v1/presence-tests/{id}", ADMIN_HELPDESK, presence_test_get, .gives = "PresenceTest", .status = 200,
      .summary = "What a test of presence has done so far, and its verdict when it is done" },
    { "GET", "/v1/dns/records", ADMIN_READER, dns_records_get, .gives = "DnsRecords", .status = 200,
      .queries = "domains ttl ", .summary = "The DNS records that lead to this gateway; domains: some, with commas" },
    { "POST", "/v1/checks", ADMIN_HELPDESK, checks_post, .gives = "CheckBegun", .status = 202, .body_max = CALL_BODY,
      .takes = "NewCheck", .summary = "Begins a check of DNS, or of everything: settings, certificates, partners ..." },
    { "GET", "/v1/checks/{id}", ADMIN_HELPDESK, check_get, .gives = "Check", .status = 200,
      .summary = "What a check has found so far, and its verdict when it is done" },
    { "GET", "/v1/effective", ADMIN_READER, effective_get, .gives = "Effective", .status = 200, .queries = "user with ",
      .summary = "May this user talk to XMPP partners, or to one of their users, and why" },
    { "GET", "/v1/matrix", ADMIN_READER, matrix_get, .gives = "Matrix", .status = 200,
      .summary = "All combinations of TLS, SASL and dialback, judged" },
    { "GET", "/v1/openapi.json", ADMIN_READER, openapi_get, .gives = "", .status = 200, .summary = "This description" },
    { "GET", "/v1/audit", ADMIN_HELPDESK, audit_get, .gives = "Audit", .status = 200,
      .queries = "limit before line cut kind name who by since until search ",
      .summary = "Who changed what, newest first" },
    { "POST", "/v1/changes", ADMIN_ADMINISTRATOR, changes_post, .gives = "Changed", .status = 200,
      .queries = ROUTES_CHANGING, .body_max = CALL_BODY_CHANGES, .takes = "Changes",
      .summary = "Many changes at once: all of them or none" },
    { "GET", "/v1/users", ADMIN_ADMINISTRATOR, users_list, .gives = "Users", .status = 200,
      .queries = LIST BROWSE "state ", .summary = "Administrators of Stox" },
    { "POST", "/v1/users", ADMIN_ADMINISTRATOR, users_new, .gives = "UserChanged", .status = 201,
      .queries = ROUTES_CHANGING, .body_max = CALL_BODY, .takes = "NewUser", .summary = "Makes an administrator" },
    { "GET", "/v1/users/{name}", ADMIN_ADMINISTRATOR, user_get, .gives = "User", .status = 200,
      .summary = "One administrator of Stox" },
    { "PATCH", "/v1/users/{name}", ADMIN_ADMINISTRATOR, user_set, .gives = "UserChanged", .status = 200,
      .queries = ROUTES_CHANGING, .body_max = CALL_BODY, .takes = "UserEdit",
      .summary = "Changes an administrator; the last one with that role keeps it" },
    { "DELETE", "/v1/users/{name}", ADMIN_ADMINISTRATOR, user_remove, .gives = "UserChanged", .status = 200,
      .queries = ROUTES_CHANGING, .summary = "Removes an administrator; the last one stays" },
    { "GET", "/v1/tokens", ADMIN_ADMINISTRATOR, tokens_list, .gives = "Tokens", .status = 200, .queries = LIST BROWSE,
      .summary = "API tokens, without their secrets" },
    { "POST", "/v1/tokens", ADMIN_ADMINISTRATOR, tokens_new, .gives = "TokenMade", .status = 201,
      .queries = ROUTES_CHANGING, .body_max = CALL_BODY, .takes = "NewToken",
      .summary = "Makes a token; it is shown this once" },
    { "DELETE", "/v1/tokens/{name}", ADMIN_ADMINISTRATOR, token_remove, .gives = "TokenChanged", .status = 200,
      .queries = ROUTES_CHANGING, .summary = "Removes a token" },
    { "GET", "/v1/certificates", ADMIN_READER, certificates_list, .gives = "Certificates", .status = 200,
      .queries = LIST, .summary = "Certificates and requests for them, without their keys" },
    { "POST", "/v1/certificates", ADMIN_ADMINISTRATOR, certificates_new, .gives = "CertificateChanged", .status = 201,
      .queries = ROUTES_CHANGING, .body_max = CALL_BODY, .takes = "NewCertificate",
      .summary = "Makes a key and a request for a certificate" },
    { "GET", "/v1/certificates/{name}", ADMIN_READER, certificate_get, .gives = "Certificate", .status = 200,
      .summary = "One certificate, its request, and who uses it" },
    { "DELETE", "/v1/certificates/{name}", ADMIN_ADMINISTRATOR, certificate_remove, .gives = "CertificateRemoved",
      .status = 200, .queries = ROUTES_CHANGING, .summary = "Removes a certificate that nothing uses, with its key" },
    { "POST", "/v1/certificates/{name}/request", ADMIN_ADMINISTRATOR, certificate_again, .gives = "CertificateChanged",
      .status = 200, .queries = ROUTES_CHANGING, .body_max = CALL_BODY, .takes = "CertificateAnswers",
      .summary = "Makes a new key and request; the certificate that is there goes on until its successor comes" },
    { "POST", "/v1/certificates/{name}/import", ADMIN_ADMINISTRATOR, certificate_import, .gives = "CertificateChanged",
      .status = 200, .queries = ROUTES_CHANGING "anyway ", .body_max = CERTIFICATE_BODY, .takes = "CertificateFile",
      .summary = "Takes what an authority sent, or a certificate with its key; all defects are named" },
    { "POST", "/v1/certificates/{name}/export", ADMIN_ADMINISTRATOR, certificate_export, .gives = "CertificateExport",
      .status = 200, .body_max = CALL_BODY_SMALL, .takes = "CertificateExportWish",
      .summary = "The certificate with its chain as a file, with its key only under a passphrase" },
    { "POST", "/v1/certificates/{name}/assign", ADMIN_ADMINISTRATOR, certificate_assign, .gives = "CertificateAssigned",
      .status = 200, .queries = ROUTES_CHANGING "anyway ", .body_max = CALL_BODY, .takes = "CertificateUses",
      .summary = "Puts it to use for domains, SIP systems or the API; open streams go on" },
    { "POST", "/v1/certificates/{name}/acme", ADMIN_ADMINISTRATOR, certificate_acme, .gives = "CheckBegun",
      .status = 202, .summary = "Asks the ACME authority for the certificate, or for its successor" },
    { "GET", "/v1/certificates/{name}/acme", ADMIN_READER, certificate_acme_get, .gives = "AcmeOrder", .status = 200,
      .summary = "What has become of the last time that it was asked for by ACME" },
    { "GET", "/v1/certificate-check", ADMIN_READER, certificate_check_get, .gives = "CertificateCheck", .status = 200,
      .summary = "What is assigned, held against what it is for and against what handshakes show" },
    { "GET", "/v1/session", ADMIN_READER, session_get, .gives = "Session", .status = 200, .summary = "Who one is" },
    { "POST", "/v1/session", ADMIN_READER, session_post, .gives = "Session", .status = 200, .open = true,
      .body_max = CALL_BODY_SMALL, .takes = "Login", .summary = "Logs in with name and password" },
    { "DELETE", "/v1/session", ADMIN_READER, session_remove, .status = 204, .summary = "Logs out" },
    { "GET", "/v1/sessions", ADMIN_READER, sessions_get, .gives = "Sessions", .status = 200,
      .summary = "One's own sessions; of all accounts for an administrator" },
    { "DELETE", "/v1/sessions/{id}", ADMIN_READER, sessions_remove, .gives = "Closed", .status = 200,
      .summary = "Ends a session of one's own, or as an administrator any" },
    { "POST", "/v1/session/password", ADMIN_READER, session_password, .gives = "Session", .status = 200,
      .body_max = CALL_BODY_SMALL, .takes = "PasswordChange",
      .summary = "Changes one's own password; the session gets a new cookie, and all others end" },
    { "POST", "/v1/setup", ADMIN_READER, setup_post, .gives = "UserChanged", .status = 201, .open = true,
      .body_max = CALL_BODY_SMALL, .takes = "Setup",
      .summary = "Makes the first administrator, with the token that the daemon has logged" },
    { "GET", "/v1/{single}", ADMIN_READER, object_get, .gives = "@", .status = 200, .summary = "Shows @" },
    { "PATCH", "/v1/{single}", ADMIN_ADMINISTRATOR, object_set, .gives = "@Changed", .status = 200,
      .queries = ROUTES_CHANGING, .body_max = CALL_BODY, .takes = "@Edit", .summary = "Changes settings of @" },
    { "PUT", "/v1/{single}", ADMIN_ADMINISTRATOR, object_put, .gives = "@Changed", .status = 200,
      .queries = ROUTES_CHANGING, .body_max = CALL_BODY, .takes = "@Edit",
      .summary = "Replaces @: what is not given gets its default" },
    { "GET", "/v1/{kind}", ADMIN_READER, objects_list, .gives = "@List", .status = 200, .queries = LIST BROWSE "state ",
      .summary = "Lists: @" },
    { "POST", "/v1/{kind}", ADMIN_ADMINISTRATOR, objects_new, .gives = "@Changed", .status = 201,
      .queries = ROUTES_CHANGING, .body_max = CALL_BODY, .takes = "New@", .summary = "Makes a new @" },
    { "GET", "/v1/{kind}/{name}", ADMIN_READER, object_get, .gives = "@", .status = 200, .summary = "Shows one @" },
    { "PATCH", "/v1/{kind}/{name}", ADMIN_ADMINISTRATOR, object_set, .gives = "@Changed", .status = 200,
      .queries = ROUTES_CHANGING, .body_max = CALL_BODY, .takes = "@Edit", .summary = "Changes settings of one @" },
    { "PUT", "/v1/{kind}/{name}", ADMIN_ADMINISTRATOR, object_put, .gives = "@Changed", .status = 200,
      .queries = ROUTES_CHANGING, .body_max = CALL_BODY, .takes = "@Edit",
      .summary = "Makes or replaces one @: what is not given gets its default" },
    { "DELETE", "/v1/{kind}/{name}", ADMIN_ADMINISTRATOR, object_remove, .gives = "@Changed", .status = 200,
      .queries = ROUTES_CHANGING, .summary = "Removes one @" },
};
const size_t admin_n_routes = sizeof(admin_routes) / sizeof(admin_routes[0]);

static const struct setting_kind *kind_of(struct slice plural, bool single)
{
    for (size_t i = 0; i < MODEL_N_KINDS; i++) {
        const struct setting_kind *k = model_kinds[i];

        if (!k->internal && !k->title == single && slice_is(plural, k->plural))
            return k;
    }
    return NULL;
}

static bool fits_part(struct call *c, struct slice pattern, struct slice part)
{
    bool single = slice_is(pattern, "{single}");

    if (slice_is(pattern, "{name}") || slice_is(pattern, "{id}")) {
        *(slice_is(pattern, "{id}") ? &c->id : &c->name) = part;
        return true;
    }
    if (!single && !slice_is(pattern, "{kind}"))
        return slice_eq(pattern, part);
    c->kind = kind_of(part, single);
    return c->kind != NULL;
}

static bool fits(struct call *c, const struct admin_route *route)
{
    struct slice left = slice_from(slice_str(route->path), 1), pattern;
    size_t i = 0;
    bool more = true;

    c->kind = NULL;
    c->name = c->id = slice_of("", 0);
    for (; more && i < c->target.n_segments; i++) {
        more = slice_cut(left, '/', &pattern, &left);
        if (!fits_part(c, pattern, c->target.segments[i]))
            return false;
    }
    return !more && i == c->target.n_segments;
}

enum route_match route_find(struct call *c, struct slice method)
{
    enum route_match match = ROUTE_NO_PATH;

    if (slice_is(method, "HEAD"))
        method = SLICE("GET");
    for (size_t i = 0; i < admin_n_routes; i++) {
        if (!fits(c, &admin_routes[i]))
            continue;
        match = ROUTE_NO_METHOD;
        if (!slice_is(method, admin_routes[i].method))
            continue;
        c->route = &admin_routes[i];
        return ROUTE_FOUND;
    }
    return match;
}

void route_allow(struct call *c, struct buf *out)
{
    for (size_t i = 0; i < admin_n_routes; i++)
        if (fits(c, &admin_routes[i]))
            buf_printf(out, "%s%s", out->n ? ", " : "", admin_routes[i].method);
}

bool route_takes_query(const struct admin_route *route, struct slice key)
{
    struct slice left = slice_str(route->queries), one;

    while (slice_cut(left, ' ', &one, &left))
        if (slice_eq(one, key))
            return true;
    return false;
}
