/* What the commands and their flags mean, for people; the same tables give the manual page (man.c) and completion. */
#include "ctl/help.h"

#include "ctl/client.h"
#include "ctl/term.h"

static void each_setting_flag(const struct command *cmd, help_flag_fn *fn, void *arg)
{
    for (size_t i = 0; i < cmd->kind->n; i++) {
        const struct setting *s = &cmd->kind->settings[i];

        if (option_find(slice_str(s->name), cmd->options) != OPTION_N)
            continue;
        for (enum flag_op op = FLAG_SET; op < FLAG_N_OPS; op++)
            if (flag_exists(cmd->kind, s, op))
                fn(&(struct help_flag){ .flag = { s, op } }, arg);
    }
}

void help_each_flag(const struct command *cmd, help_flag_fn *fn, void *arg)
{
    if (cmd->settings)
        each_setting_flag(cmd, fn, arg);
    for (unsigned id = 0; id < OPTION_N; id++)
        if ((cmd->options | OPTIONS_ALWAYS) & OPTION_BIT(id))
            fn(&(struct help_flag){ .option = option_of(id) }, arg);
}

void help_put_flag(struct buf *out, const struct help_flag *f)
{
    buf_str(out, "--");
    if (f->option) {
        buf_printf(out, "%s%s%s", f->option->name, f->option->value ? " " : "",
                   f->option->value ? f->option->value : "");
        if (f->option->letter)
            buf_printf(out, ", -%c", f->option->letter);
        return;
    }
    flag_name(out, &f->flag);
    if (flag_takes_value(&f->flag))
        buf_str(out, setting_is_list(f->flag.setting) && f->flag.op == FLAG_SET ? " A,B,..." : " VALUE");
}

void help_put_meaning(struct buf *out, const struct help_flag *f)
{
    const struct setting *s = f->flag.setting;

    if (f->option) {
        buf_str(out, f->option->help);
        return;
    }
    switch (f->flag.op) {
    case FLAG_ADD: buf_printf(out, "Adds to %s; repeatable", s->name); return;
    case FLAG_REMOVE: buf_printf(out, "Takes from %s; repeatable", s->name); return;
    case FLAG_CLEAR: buf_printf(out, "Empties %s", s->name); return;
    default: break;
    }
    buf_printf(out, "%s: ", s->brief);
    setting_describe(out, s);
    if (s->def && s->def[0])
        buf_printf(out, "; default %s", s->def);
    else if (!s->def && !setting_is_list(s))
        buf_str(out, "; must be given");
    if (s->secret)
        buf_str(out, "; \"-\" asks for it, or reads it from standard input");
    buf_printf(out, ". %s", s->help);
    if (s->lync)
        buf_printf(out, " (Lync Server: %s)", s->lync);
}

/* ---- on the terminal ---- */

/* Words of text as lines of at most columns, each after indent spaces. */
static void put_wrapped(struct buf *out, struct slice text, size_t indent, size_t columns)
{
    size_t at = 0;
    struct slice word;
    bool more = true;

    while (more) {
        more = slice_cut(text, ' ', &word, &text);
        if (at && at + 1 + word.n > columns) {
            buf_char(out, '\n');
            at = 0;
        }
        if (!at)
            for (; at < indent; at++)
                buf_char(out, ' ');
        else {
            buf_char(out, ' ');
            at++;
        }
        buf_put(out, word);
        at += word.n;
    }
    buf_char(out, '\n');
}

struct printer {
    struct buf *out;
    size_t columns;
    bool always; /* the options that all commands have, or the others? */
};

static void print_flag(const struct help_flag *f, void *arg)
{
    struct printer *p = arg;
    bool is_always = f->option && option_find(slice_str(f->option->name), OPTIONS_ALWAYS) != OPTION_N;
    struct buf text;

    if (is_always != p->always)
        return;
    buf_init(&text, 16384);
    buf_str(p->out, "  ");
    help_put_flag(p->out, f);
    buf_char(p->out, '\n');
    help_put_meaning(&text, f);
    put_wrapped(p->out, buf_slice(&text), 6, p->columns);
    buf_free(&text);
}

static size_t columns_of(const struct ctl *c)
{
    return c->width && c->width < 100 ? c->width : 100;
}

static void print_command(struct ctl *c, const struct command *cmd)
{
    struct buf b;
    struct printer p = { &b, columns_of(c), false };

    buf_init(&b, 256u << 10);
    buf_str(&b, "Usage: ");
    command_put_usage(&b, cmd);
    buf_str(&b, "\n\n");
    command_put_brief(&b, cmd);
    buf_str(&b, ".\n");
    if (strstr(cmd->operands, "..."))
        buf_str(&b, "\"-\" stands for names on standard input, one a line.\n");
    buf_str(&b, "\nOptions:\n");
    help_each_flag(cmd, print_flag, &p);
    p.always = true;
    help_each_flag(cmd, print_flag, &p);
    term_flush(c->out, &b);
    buf_free(&b);
}

/* All commands, or those of one noun. */
static void print_list(struct ctl *c, struct slice noun)
{
    struct command all[COMMANDS_MAX];
    size_t n = command_list(all);
    struct buf b;

    buf_init(&b, 256u << 10);
    for (size_t i = 0; i < n; i++) {
        size_t from = b.n;

        if (noun.n && !slice_is(noun, all[i].noun))
            continue;
        buf_printf(&b, "  %s%s%s", all[i].noun, all[i].verb[0] ? " " : "", all[i].verb);
        while (b.n - from < 22 && buf_ok(&b))
            buf_char(&b, ' ');
        buf_str(&b, "  ");
        command_put_brief(&b, &all[i]);
        buf_char(&b, '\n');
    }
    buf_str(&b, noun.n ? "" : HELP_EXITS);
    buf_str(&b, noun.n ? "\nstoxctl help NOUN VERB says what a command takes.\n"
                       : "\nstoxctl help NOUN [VERB] says more; stoxctl(1) is the manual.\n");
    term_flush(c->out, &b);
    buf_free(&b);
}

static enum ctl_exit help_of(struct ctl *c, struct slice noun, struct slice verb)
{
    struct command cmd;

    if (command_find(noun, verb, &cmd)) {
        print_command(c, &cmd);
        return CTL_DONE;
    }
    if (!command_has_noun(noun) || verb.n)
        return ctl_fail(c, CTL_USAGE, "there is no command \"%.*s%s%.*s\"; stoxctl help lists them", SLICE_FMT(noun),
                        verb.n ? " " : "", SLICE_FMT(verb));
    print_list(c, noun);
    return CTL_DONE;
}

enum ctl_exit help_show(struct ctl *c)
{
    const struct args *a = &c->args;
    bool asked = a->command && strcmp(a->command->noun, "help") == 0;

    if (args_has(a, OPT_MAN)) {
        man_print(c->out);
        return CTL_DONE;
    }
    if (a->command && !asked) {
        print_command(c, a->command);
        return CTL_DONE;
    }
    if (asked && a->n_operands)
        return help_of(c, slice_str(a->operands[0]), slice_str(a->n_operands > 1 ? a->operands[1] : NULL));
    fputs("Usage: stoxctl NOUN [VERB] [NAMES] [options]\n\nAdministers stoxd, the gateway between SIP and XMPP.\n\n",
          c->out);
    print_list(c, SLICE(""));
    return asked || args_has(a, OPT_HELP) ? CTL_DONE : CTL_USAGE;
}

enum ctl_exit version_show(struct ctl *c)
{
    fputs("stoxctl " STOX_VERSION "\n", c->out);
    return CTL_DONE;
}
