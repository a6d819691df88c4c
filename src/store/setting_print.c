/* Values back to text, and what they look like in words. */
#include "net/addr.h"
#include "store/setting.h"

size_t setting_count(const struct setting *s, const void *obj)
{
    return setting_is_list(s) ? ((const struct setting_list *)((const char *)obj + s->at))->n : 1;
}

static void print_addr(struct buf *out, const struct setting *s, const struct addr *a)
{
    char text[ADDR_TEXT];

    if (!a->sa.sa_family)
        return;
    buf_str(out, addr_port(a) == s->default_port ? addr_ip_text(a, text) : addr_text(a, text));
}

static void print_addr_host(struct buf *out, const struct setting *s, const struct addr_host *h)
{
    if (h->addr.sa.sa_family)
        print_addr(out, s, &h->addr);
    else if (h->port)
        buf_printf(out, "%.*s:%u", SLICE_FMT(h->name), (unsigned)h->port);
    else
        buf_put(out, h->name);
}

static void print_net(struct buf *out, const struct addr_net *net)
{
    char text[ADDR_TEXT];
    unsigned whole = net->ip.sa.sa_family == AF_INET ? 32 : 128;

    buf_str(out, addr_ip_text(&net->ip, text));
    if (net->prefix != whole)
        buf_printf(out, "/%u", net->prefix);
}

void setting_print(struct buf *out, const struct setting *s, const void *obj, size_t i)
{
    const void *at = (const char *)obj + s->at;
    const struct setting_list *list = at;

    switch (s->type) {
    case SETTING_UINT: buf_u64(out, *(const unsigned *)at); break;
    case SETTING_BOOL: buf_str(out, *(const bool *)at ? "yes" : "no"); break;
    case SETTING_CHOICE: buf_str(out, s->choices[*(const unsigned *)at]); break;
    case SETTING_FILE: buf_put(out, slice_str(*(const char *const *)at)); break;
    case SETTING_TEXT:
    case SETTING_NAME:
    case SETTING_DOMAIN:
    case SETTING_USER:
    case SETTING_WHO:
    case SETTING_HOST: buf_put(out, *(const struct slice *)at); break;
    case SETTING_ADDR: print_addr(out, s, at); break;
    case SETTING_ADDRS: print_addr(out, s, (const struct addr *)list->v + i); break;
    case SETTING_HOSTS: print_addr_host(out, s, (const struct addr_host *)list->v + i); break;
    case SETTING_NETS: print_net(out, (const struct addr_net *)list->v + i); break;
    case SETTING_DOMAINS:
    case SETTING_TEXTS:
    case SETTING_PATTERNS: buf_put(out, ((const struct slice *)list->v)[i]); break;
    }
}

static const char *type_words(enum setting_type type)
{
    switch (type) {
    case SETTING_TEXT: return "text";
    case SETTING_NAME: return "name";
    case SETTING_FILE: return "path";
    case SETTING_DOMAIN: return "domain";
    case SETTING_USER: return "user@domain";
    case SETTING_WHO: return "user@domain or domain";
    case SETTING_UINT: return "number";
    case SETTING_BOOL: return "yes or no";
    case SETTING_CHOICE: return "one of";
    case SETTING_ADDR: return "address or address:port";
    case SETTING_HOST: return "host or host:port";
    case SETTING_DOMAINS: return "list of domains";
    case SETTING_ADDRS: return "list of addresses";
    case SETTING_HOSTS: return "list of hosts: address, address:port, name or name:port";
    case SETTING_NETS: return "list of addresses or networks";
    case SETTING_TEXTS: return "list of texts";
    case SETTING_PATTERNS: return "list of user@domain, prefix*@domain or *@domain";
    }
    return "";
}

void setting_describe(struct buf *out, const struct setting *s)
{
    buf_str(out, type_words(s->type));
    if (s->type == SETTING_CHOICE)
        for (unsigned i = 0; s->choices[i]; i++)
            buf_printf(out, "%s %s", i ? "," : "", s->choices[i]);
    if (s->type == SETTING_UINT)
        buf_printf(out, " from %u to %u%s%s", s->min, s->max, s->unit ? " " : "", s->unit ? s->unit : "");
    if (setting_is_list(s))
        buf_printf(out, ", at most %u", s->max);
}
