/* The links with proxies in the perimeter. */
#include <stdio.h>

#include "daemon/check_rows.h"
#include "daemon/links.h"

struct seen {
    struct links *links;
    struct slice name;
    bool found, ready, silent;
    char why[LINK_WHY_MAX + 64];
};

static void take(void *arg, const struct link_proxy_info *info)
{
    struct seen *s = arg;

    if (!slice_eq(info->name, s->name))
        return;
    s->found = true;
    s->ready = info->state == LINK_IS_READY;
    s->silent = info->state == LINK_IS_SILENT;
    snprintf(s->why, sizeof(s->why), "%s", info->why[0] || s->ready ? info->why : "it is not set up yet");
}

static void look(void *arg)
{
    struct seen *s = arg;

    if (s->links->gateway)
        link_gateway_each_proxy(s->links->gateway, take, s);
}

static void judge(struct check *c, const struct proxy *p)
{
    struct seen s = { .links = c->conf->links, .name = p->name };
    struct finding *it;
    char name[SETTING_NAME_MAX + 1];

    snprintf(name, sizeof(name), "%.*s", SLICE_FMT(p->name));
    if (!p->pin.n) {
        it = findings_add(c->out, FINDING_FAILED, "proxy-no-pin", name, "the pin of the key of proxy %s is not set",
                          name);
        findings_line(c->out, it, "stoxctl proxy guide %s", name);
        return;
    }
    if (!loop_call(c->conf->door, look, &s))
        return;
    if (s.ready && !s.why[0]) {
        findings_add(c->out, FINDING_OK, "proxy", name, "the link with proxy %s is up", name);
        return;
    }
    it = findings_add(c->out, FINDING_FAILED, s.ready ? "proxy-settings" : "proxy-not-linked", name, "%s proxy %s%s%s",
                      s.ready    ? "former settings are in use at"
                      : s.silent ? "nothing is heard of"
                                 : "there is no link with",
                      name, s.found ? ": " : "", s.found ? s.why : "");
    findings_line(c->out, it, "stoxctl proxy test %s", name);
}

void check_links(struct check *c)
{
    const struct config_list *list = config_list(c->config, &proxy_kind);

    if (list->n && !c->conf->links->pin[0]) {
        findings_remedy(
            c->out,
            findings_add(
                c->out, FINDING_WARNING, "proxies-unused", "",
                "there are proxies, but this stoxd has no links: neither --role nor role in its bootstrap file says "
                "gateway"),
            "Start it so, or remove them: docs/PERIMETER.md.");
        return;
    }
    for (size_t i = 0; i < list->n && check_may_go_on(c); i++)
        if (CONFIG_OBJECT(proxy, list, i)->enabled)
            judge(c, CONFIG_OBJECT(proxy, list, i));
}
