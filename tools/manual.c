/* Writes stox.conf(5) from the setting tables, so that the manual cannot say other than the program does. */
#include <stdio.h>

#include "store/model.h"

static void print_setting(const struct setting *s)
{
    struct buf words;

    buf_init(&words, 1000);
    setting_describe(&words, s);
    printf(".TP\n.B %s\n%.*s", s->name, SLICE_FMT(buf_slice(&words)));
    buf_free(&words);
    if (s->def && s->def[0])
        printf("; default %s", s->def);
    else if (!s->def && !setting_is_list(s))
        printf("; must be given");
    printf(".\n%s. %s\n", s->brief, s->help);
    if (s->lync)
        printf("Lync Server called it %s.\n", s->lync);
}

static void print_kind(const struct setting_kind *kind)
{
    if (kind->name[0])
        printf(".SS %s%s%s%s { }\n%s.\n", kind->name, kind->title ? " \\(dq" : "", kind->title ? kind->title : "",
               kind->title ? "\\(dq" : "", kind->brief);
    else
        printf(".SS Top level\n%s.\n", kind->brief);
    for (size_t i = 0; i < kind->n; i++)
        print_setting(&kind->settings[i]);
}

int main(void)
{
    static const struct setting_kind *const kinds[] = { &boot_kind, &gateway_kind, &sip_domain_kind, &route_kind,
                                                        &partner_kind };

    puts(".TH STOX.CONF 5 \"\" \"Stox " STOX_VERSION "\" \"Stox\"\n.SH NAME\nstox.conf \\- configuration of stoxd(8)\n"
         ".SH DESCRIPTION\nThe file is read once, when stoxd starts; stoxd \\-\\-check reads it and says whether it is "
         "good.\n"
         "A setting is \"name = value\"; a list is {a, b}; text with other characters than letters and digits stands "
         "in\n"
         "double quotes; # starts a comment. Blocks may come in any order.\n.SH SETTINGS");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        print_kind(kinds[i]);
    puts(".SH EXAMPLE\n.nf\nstate-dir = \"/var/lib/stox\"\nhost-name = \"gw.contoso.example\"\n"
         "listen-sip-udp = {\"192.0.2.1\"}\nlisten-xmpp = {\"0.0.0.0\"}\n\nsip-domain \"contoso.example\" {\n"
         "  route = \"office\"\n  certificate = \"/etc/stox/contoso.example.pem\"\n  key = "
         "\"/etc/stox/contoso.example.key\"\n}\n"
         "route \"office\" { next-hop = \"192.0.2.10\" }\npartner \"fabrikam.example\" { type = \"federated\" }\n.fi\n"
         ".SH SEE ALSO\nstoxd(8)");
    return 0;
}
