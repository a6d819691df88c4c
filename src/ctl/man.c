/* stoxctl(1) in troff, made from the same tables as the program, so that it cannot say other than the program does. */
#include "ctl/client.h"
#include "ctl/help.h"
#include "store/model.h"

/* Text of ours in troff: a backslash, a leading dot or quote, and hyphens that must stay hyphens. */
static void put_troff(FILE *out, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\')
            fputs("\\e", out);
        else if (s.p[i] == '-')
            fputs("\\-", out);
        else if ((s.p[i] == '.' || s.p[i] == '\'') && i == 0)
            fprintf(out, "\\&%c", s.p[i]);
        else
            fputc(s.p[i], out);
    }
}

struct page {
    FILE *out;
    uint64_t shown; /* options explained once already */
    bool general;   /* explain those only */
};

static bool is_setting(const struct help_flag *f)
{
    return f->option == NULL;
}

static void print_flag(const struct help_flag *f, void *arg)
{
    struct page *p = arg;
    struct buf b;

    buf_init(&b, 16384);
    fputs(".TP\n.B ", p->out);
    help_put_flag(&b, f);
    put_troff(p->out, buf_slice(&b));
    buf_clear(&b);
    fputc('\n', p->out);
    help_put_meaning(&b, f);
    put_troff(p->out, buf_slice(&b));
    fputs(is_setting(f) && f->flag.op == FLAG_SET ? "\n" : ".\n", p->out);
    buf_free(&b);
}

static void print_option_once(const struct help_flag *f, void *arg)
{
    struct page *p = arg;
    uint64_t bit;

    if (is_setting(f))
        return;
    bit = OPTION_BIT(option_find(slice_str(f->option->name), UINT64_MAX));
    if (!(p->shown & bit))
        print_flag(f, p);
    p->shown |= bit;
}

static void name_option(const struct help_flag *f, void *arg)
{
    struct page *p = arg;

    if (is_setting(f) || option_find(slice_str(f->option->name), OPTIONS_ALWAYS) != OPTION_N)
        return;
    fputs(p->shown++ ? ", \\-\\-" : "Options: \\-\\-", p->out);
    put_troff(p->out, slice_str(f->option->name));
}

static void print_setting_flag(const struct help_flag *f, void *arg)
{
    if (is_setting(f))
        print_flag(f, arg);
}

/* Is it the first of its noun that takes settings? Those are explained once. */
static void print_command(FILE *out, const struct command *cmd, const struct command *before)
{
    struct page p = { .out = out };
    struct buf b;

    buf_init(&b, 16384);
    if (!before || strcmp(before->noun, cmd->noun) != 0) {
        fputs(".SS ", out);
        put_troff(out, slice_str(cmd->noun));
        if (cmd->kind && !cmd->kind->internal && strcmp(cmd->kind->noun, cmd->noun) == 0)
            fprintf(out, "\n%s.\n", cmd->kind->brief);
        else
            fputc('\n', out);
    }
    fputs(".PP\n.B ", out);
    command_put_usage(&b, cmd);
    put_troff(out, buf_slice(&b));
    buf_clear(&b);
    fputs("\n.br\n", out);
    command_put_brief(&b, cmd);
    put_troff(out, buf_slice(&b));
    fputs(".\n", out);
    help_each_flag(cmd, name_option, &p);
    fputs(p.shown ? ".\n" : "", out);
    if (cmd->settings && (!before || strcmp(before->noun, cmd->noun) != 0 || !before->settings))
        help_each_flag(cmd, print_setting_flag, &p);
    else if (cmd->settings)
        fprintf(out, "Flags for settings: as above.\n");
    buf_free(&b);
}

static void print_examples(FILE *out)
{
    fputs(".SH EXAMPLES\n.nf\n"
          "stoxctl partner new fabrikam.example \\-\\-type federated \\-\\-add\\-domain sales.fabrikam.example\n"
          "stoxctl partner list \\-\\-where sasl=Required \\-\\-names | stoxctl partner set \\- \\-\\-sasl optional "
          "\\-\\-what\\-if\n"
          "stoxctl partner test fabrikam.example \\-\\-from contoso.example\n"
          "stoxctl policy grant FedXmpp \\-\\-to \\- <users.txt\n"
          "stoxctl config export before.conf\n"
          "stoxctl import lync partners.xml gateway.json policies.csv \\-\\-what\\-if\n.fi\n",
          out);
}

void man_print(FILE *out)
{
    struct command all[COMMANDS_MAX];
    size_t n = command_list(all);
    struct page p = { .out = out };

    fputs(
        ".TH STOXCTL 1 \"\" \"Stox " STOX_VERSION "\" \"Stox\"\n.SH NAME\nstoxctl \\- administers stoxd(8)\n"
        ".SH SYNOPSIS\n.B stoxctl\n.I NOUN\n.RI [ VERB ]\n.RI [ NAMES ]\n.RI [ options ]\n.SH DESCRIPTION\n"
        "stoxctl asks and changes a running stoxd through its HTTP API, over the unix socket\n.I " CLIENT_SERVER
        "\nunless another server is named. Each command makes all of its changes or none.\n"
        "A name \"\\-\" stands for names on standard input, one a line; \\-\\-flag=value and \\-\\-flag value are the "
        "same.\n.SH OPTIONS\n",
        out);
    for (size_t i = 0; i < n; i++)
        help_each_flag(&all[i], print_option_once, &p);
    fputs(".SH COMMANDS\n", out);
    for (size_t i = 0; i < n; i++)
        print_command(out, &all[i], i ? &all[i - 1] : NULL);
    fputs(".SH CONDITIONS\n\\-\\-where takes setting=value, setting!=value and setting~pattern, and \"name\" as a "
          "setting. "
          "Values are read as the setting reads them: Required, required and REQUIRED are the same. A list is equal to "
          "each of "
          "its entries, and an empty list to nothing (\"additional\\-domains=\"). Patterns have *, ? and [a\\-z], "
          "without "
          "regard to case.\n",
          out);
    fputs(".SH EXIT STATUS\n.TP\n0\ndone\n.TP\n1\nrefused; (config diff) there are differences; (partner test, route "
          "test) it "
          "does not work\n.TP\n2\nwrong usage\n"
          ".TP\n3\nthe daemon, or its store, cannot be reached now\n.TP\n4\nnot known to the daemon, or not allowed\n"
          ".TP\n5\nnot found\n.TP\n6\nit is there already, or was changed meanwhile\n",
          out);
    fputs(".SH ENVIRONMENT\n.TP\n.B STOX_SERVER\nas \\-\\-server\n.TP\n.B STOX_TOKEN\nthe API token\n", out);
    print_examples(out);
    fputs(".SH SEE ALSO\nstoxd(8), stox.conf(5)\n", out);
}
