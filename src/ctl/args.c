#include "ctl/args.h"

#include "base/log.h"
#include "ctl/command.h"

struct reader {
    struct args *out;
    struct command *command;
    char **argv;
    int argc, at;
};

static const char *shown(char out[80], const char *text)
{
    log_escape(out, 80, slice_str(text));
    return out;
}

bool args_has(const struct args *a, enum option_id id)
{
    for (size_t i = 0; i < a->n_options; i++)
        if (a->options[i].id == id)
            return true;
    return false;
}

const char *args_value(const struct args *a, enum option_id id)
{
    const char *value = NULL;

    for (size_t i = 0; i < a->n_options; i++)
        if (a->options[i].id == id)
            value = a->options[i].value;
    return value;
}

/* "--name=value" and "--name value". The part after the dashes and before "=" is the word. */
static struct slice word_of(const char *arg, const char **inline_value)
{
    struct slice word = slice_str(arg + (arg[1] == '-' ? 2 : 1)), value;

    *inline_value = NULL;
    if (slice_cut(word, '=', &word, &value))
        *inline_value = value.p;
    return word;
}

static int take_value(struct reader *r, const char *arg, bool takes, const char **value, struct err *err)
{
    char t[80];

    if (!takes && *value)
        return err_set(err, "%s takes no value", shown(t, arg));
    if (!takes || *value)
        return 0;
    if (r->at >= r->argc)
        return err_set(err, "%s needs a value", shown(t, arg));
    *value = r->argv[r->at++];
    return 0;
}

static int unknown_flag(const struct reader *r, const char *arg, struct slice word, struct err *err)
{
    const struct command *cmd = r->command;
    const char *near = cmd->kind && cmd->settings ? setting_nearest(cmd->kind, word) : NULL;
    const char *gap = cmd->verb && cmd->verb[0] ? " " : "";
    char t[80];

    shown(t, arg);
    if (!cmd->noun)
        return err_set(err, "%s is not known here; stoxctl help lists the commands", t);
    if (near)
        return err_set(err, "%s%s%s does not take %s; did you mean --%s?", cmd->noun, gap, cmd->verb, t, near);
    return err_set(err, "%s%s%s does not take %s; stoxctl help %s%s%s says what it takes", cmd->noun, gap, cmd->verb, t,
                   cmd->noun, gap, cmd->verb);
}

static int take_flag(struct reader *r, const char *arg, struct err *err)
{
    const struct command *cmd = r->command;
    const char *value;
    struct slice word = word_of(arg, &value);
    enum option_id id = option_find(word, OPTIONS_ALWAYS | cmd->options);
    struct flag flag;

    if (id != OPTION_N) {
        if (take_value(r, arg, option_of(id)->value != NULL, &value, err))
            return -1;
        r->out->options[r->out->n_options++] = (struct option_arg){ id, value };
        return 0;
    }
    if (!cmd->settings || arg[1] != '-' || !flag_find(cmd->kind, word, &flag))
        return unknown_flag(r, arg, word, err);
    if (take_value(r, arg, flag_takes_value(&flag), &value, err))
        return -1;
    r->out->flags[r->out->n_flags++] = (struct flag_arg){ flag, value };
    return 0;
}

static int no_command(struct slice noun, const char *verb, struct err *err)
{
    char n[80], v[80];

    log_escape(n, sizeof(n), noun);
    if (!command_has_noun(noun))
        return err_set(err, "there is no command \"%s\"; stoxctl help lists them", n);
    if (!verb)
        return err_set(err, "%s what? stoxctl help %s lists what there is", n, n);
    return err_set(err, "%s has no \"%s\"; stoxctl help %s lists what there is", n, shown(v, verb), n);
}

/* The noun and, where it has verbs, the verb. Options of all commands may stand before them. */
static int take_command(struct reader *r, struct err *err)
{
    struct slice noun;
    const char *verb;

    while (r->at < r->argc && r->argv[r->at][0] == '-' && r->argv[r->at][1])
        if (take_flag(r, r->argv[r->at++], err))
            return -1;
    if (r->at == r->argc)
        return 0;
    noun = slice_str(r->argv[r->at++]);
    r->out->command = r->command;
    if (command_find(noun, SLICE(""), r->command))
        return 0;
    verb = r->at < r->argc ? r->argv[r->at] : NULL;
    if (verb && command_find(noun, slice_str(verb), r->command)) {
        r->at++;
        return 0;
    }
    /* "partner --help" is a question about all of partner. */
    if (command_has_noun(noun) && verb &&
        option_find(slice_from(slice_str(verb), verb[1] == '-' ? 2 : 1), OPTION_BIT(OPT_HELP)) == OPT_HELP) {
        r->out->operands[r->out->n_operands++] = noun.p;
        return command_find(SLICE("help"), SLICE(""), r->command) ? (r->at = r->argc, 0) : -1;
    }
    return no_command(noun, verb, err);
}

static int check_operands(const struct reader *r, struct err *err)
{
    const struct command *cmd = r->command;
    size_t n = r->out->n_operands;
    char t[80];

    if (!r->out->command || args_has(r->out, OPT_HELP))
        return 0;
    if (n < cmd->least)
        return err_set(err, "%s%s%s needs %s", cmd->noun, cmd->verb[0] ? " " : "", cmd->verb, cmd->operands);
    if (n > cmd->most)
        return err_set(err, "%s%s%s: \"%s\" is too much", cmd->noun, cmd->verb[0] ? " " : "", cmd->verb,
                       shown(t, r->out->operands[cmd->most]));
    return 0;
}

int args_read(struct args *out, int argc, char **argv, struct arena *arena, struct err *err)
{
    size_t n = (size_t)argc + 1;
    struct reader r = { .out = out, .argv = argv, .argc = argc, .at = 1 };
    bool words_only = false;

    *out = (struct args){ 0 };
    r.command = arena_zalloc(arena, sizeof(*r.command));
    out->options = arena_zalloc(arena, n * sizeof(*out->options));
    out->flags = arena_zalloc(arena, n * sizeof(*out->flags));
    out->operands = arena_zalloc(arena, n * sizeof(*out->operands));
    if (!r.command || !out->options || !out->flags || !out->operands)
        return err_memory(err, "reading the command line");
    if (take_command(&r, err))
        return -1;
    while (r.at < r.argc) {
        const char *arg = r.argv[r.at++];

        if (!words_only && strcmp(arg, "--") == 0)
            words_only = true;
        else if (words_only || arg[0] != '-' || !arg[1])
            out->operands[out->n_operands++] = arg;
        else if (take_flag(&r, arg, err))
            return -1;
    }
    return check_operands(&r, err);
}
