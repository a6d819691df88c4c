/* Completion for bash and zsh: scripts made from the same tables; names of objects are asked from the daemon. */
#include "ctl/help.h"

/* Words of one command's flags, by spaces. */
static void put_flag_word(const struct help_flag *f, void *arg)
{
    struct buf *out = arg;

    buf_str(out, " --");
    if (f->option)
        buf_str(out, f->option->name);
    else
        flag_name(out, &f->flag);
}

/* A text in single quotes of a shell. */
static void put_quoted(struct buf *out, struct slice s, bool escape_colons)
{
    buf_char(out, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\'') {
            buf_str(out, "'\\''");
            continue;
        }
        if (escape_colons && (s.p[i] == ':' || s.p[i] == '\\'))
            buf_char(out, '\\');
        buf_char(out, s.p[i]);
    }
    buf_char(out, '\'');
}

static void put_zsh_flag(const struct help_flag *f, void *arg)
{
    struct buf *out = arg, word, text;

    buf_init(&word, 1000);
    buf_init(&text, 16384);
    put_flag_word(f, &word);
    if (f->option || f->flag.op != FLAG_SET)
        help_put_meaning(&text, f);
    else
        buf_str(&text, f->flag.setting->brief);
    buf_char(out, ' ');
    put_quoted(out, slice_trim(buf_slice(&word)), true);
    buf_char(out, ':');
    put_quoted(out, buf_slice(&text), true);
    buf_free(&word);
    buf_free(&text);
}

/* The values a flag can have, by spaces; nothing when there are too many to name. */
static void put_values(struct buf *out, const struct help_flag *f)
{
    if (f->option) {
        buf_str(out, f->option->values ? f->option->values : "");
        return;
    }
    if (f->flag.op != FLAG_SET)
        return;
    if (f->flag.setting->type == SETTING_BOOL)
        buf_str(out, "on off");
    for (size_t i = 0; f->flag.setting->type == SETTING_CHOICE && f->flag.setting->choices[i]; i++)
        buf_printf(out, "%s%s", i ? " " : "", f->flag.setting->choices[i]);
}

struct value_cases {
    struct buf *out;
    const struct command *cmd;
};

/* "  'partner set --tls') values='required optional' ;;", and files where a file is meant. */
static void put_value_case(const struct help_flag *f, void *arg)
{
    struct value_cases *v = arg;
    struct buf values, word;
    bool file =
        f->option ? f->option->value && strcmp(f->option->value, "FILE") == 0 : f->flag.setting->type == SETTING_FILE;
    bool takes = f->option ? f->option->value != NULL : flag_takes_value(&f->flag);

    if (!takes)
        return;
    buf_init(&values, 4096);
    buf_init(&word, 1000);
    put_values(&values, f);
    put_flag_word(f, &word);
    buf_printf(v->out, "    '%s %s%.*s') values='%.*s'%s ;;\n", v->cmd->noun, v->cmd->verb, SLICE_FMT(buf_slice(&word)),
               SLICE_FMT(buf_slice(&values)), file ? " files=1" : "");
    buf_free(&values);
    buf_free(&word);
}

/* What operands can be: names of the command's kind, files, or the words that the table itself lists. */
static void put_operands(struct buf *out, const struct command *cmd)
{
    if (cmd->kind && cmd->operands[0] && cmd->run != object_new && strcmp(cmd->verb, "revoke") != 0)
        buf_printf(out, " names=%s", cmd->kind->noun);
    else if (strcmp(cmd->noun, "token") == 0 && strcmp(cmd->verb, "revoke") == 0)
        buf_str(out, " names=token");
    else if (strstr(cmd->operands, "FILE"))
        buf_str(out, " files=1");
    else if (cmd->operands[0] >= 'a' && cmd->operands[0] <= 'z') {
        buf_str(out, " values='");
        for (const char *p = cmd->operands; *p; p++)
            buf_char(out, *p == '|' ? ' ' : *p);
        buf_char(out, '\'');
    }
}

static void put_cases(struct buf *out, const struct command *all, size_t n, bool zsh)
{
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "    '%s %s') flags=%s", all[i].noun, all[i].verb, zsh ? "(" : "'");
        help_each_flag(&all[i], zsh ? put_zsh_flag : put_flag_word, out);
        buf_str(out, zsh ? ")" : "'");
        put_operands(out, &all[i]);
        buf_str(out, " ;;\n");
    }
}

static void put_value_cases(struct buf *out, const struct command *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct value_cases v = { out, &all[i] };

        help_each_flag(&all[i], put_value_case, &v);
    }
}

/* Each noun's verbs: "    partner) verbs='new set' ;;" */
static void put_verbs(struct buf *out, const struct command *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i && strcmp(all[i].noun, all[i - 1].noun) == 0)
            continue;
        buf_printf(out, "    %s) verbs='", all[i].noun);
        for (size_t k = i; k < n && strcmp(all[k].noun, all[i].noun) == 0; k++)
            buf_printf(out, "%s%s", k > i ? " " : "", all[k].verb);
        buf_str(out, "' ;;\n");
    }
}

static void put_nouns(struct buf *out, const struct command *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!i || strcmp(all[i].noun, all[i - 1].noun) != 0)
            buf_printf(out, "%s%s", i ? " " : "", all[i].noun);
}

/* Names are not offered by compgen -W: it would expand, and run, what a name holds. */
static void put_bash(struct buf *out, const struct command *all, size_t n)
{
    buf_str(out, "# bash completion for stoxctl; made by \"stoxctl completion bash\"\n_stoxctl() {\n"
                 "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} noun=${COMP_WORDS[1]} verb=\n"
                 "  local verbs= flags= values= names= files=\n  COMPREPLY=()\n"
                 "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    COMPREPLY=($(compgen -W '");
    put_nouns(out, all, n);
    buf_str(out, "' -- \"$cur\"))\n    return\n  fi\n  case $noun in\n");
    put_verbs(out, all, n);
    buf_str(out, "  esac\n  if [ -n \"$verbs\" ] && [ \"$COMP_CWORD\" -eq 2 ]; then\n"
                 "    COMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\"))\n    return\n  fi\n"
                 "  [ -z \"$verbs\" ] || verb=${COMP_WORDS[2]}\n  case \"$noun $verb $prev\" in\n");
    put_value_cases(out, all, n);
    buf_str(out,
            "  esac\n  if [ -n \"$files\" ]; then\n    COMPREPLY=($(compgen -f -- \"$cur\"))\n    return\n  fi\n"
            "  if [ -n \"$values\" ]; then\n    COMPREPLY=($(compgen -W \"$values\" -- \"$cur\"))\n    return\n  fi\n"
            "  case \"$noun $verb\" in\n");
    put_cases(out, all, n, false);
    buf_str(out, "  esac\n  case $cur in\n  -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\")) ;;\n  *)\n"
                 "    [ -z \"$values\" ] || COMPREPLY=($(compgen -W \"$values\" -- \"$cur\"))\n"
                 "    [ -z \"$files\" ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n"
                 "    [ -z \"$names\" ] || while IFS= read -r verb; do\n"
                 "      [[ $verb != \"$cur\"* ]] || COMPREPLY+=(\"$(printf %q \"$verb\")\")\n"
                 "    done < <(stoxctl \"$names\" list --names 2>/dev/null)\n"
                 "    ;;\n  esac\n}\ncomplete -F _stoxctl stoxctl\n");
}

static void put_zsh(struct buf *out, const struct command *all, size_t n)
{
    buf_str(out, "#compdef stoxctl\n# zsh completion for stoxctl; made by \"stoxctl completion zsh\"\n_stoxctl() {\n"
                 "  local noun=$words[2] verb= verbs= values= names= files= prev=$words[CURRENT-1]\n  local -a flags\n"
                 "  if (( CURRENT == 2 )); then\n    compadd -- ");
    put_nouns(out, all, n);
    buf_str(out, "\n    return\n  fi\n  case $noun in\n");
    put_verbs(out, all, n);
    buf_str(out, "  esac\n  if [[ -n $verbs && CURRENT -eq 3 ]]; then\n    compadd -- ${=verbs}\n    return\n  fi\n"
                 "  [[ -z $verbs ]] || verb=$words[3]\n  case \"$noun $verb $prev\" in\n");
    put_value_cases(out, all, n);
    buf_str(out,
            "  esac\n  if [[ -n $files ]]; then\n    _files\n    return\n  fi\n"
            "  if [[ -n $values ]]; then\n    compadd -- ${=values}\n    return\n  fi\n  case \"$noun $verb\" in\n");
    put_cases(out, all, n, true);
    buf_str(
        out,
        "  esac\n  if [[ $PREFIX == -* ]]; then\n    _describe -o option flags\n"
        "  elif [[ -n $values ]]; then\n    compadd -- ${=values}\n  elif [[ -n $files ]]; then\n    _files\n"
        "  elif [[ -n $names ]]; then\n    compadd -- ${(f)\"$(stoxctl $names list --names 2>/dev/null)\"}\n"
        "  fi\n}\nif [[ $funcstack[1] == _stoxctl ]]; then\n  _stoxctl \"$@\"\nelse\n  compdef _stoxctl stoxctl\nfi\n");
}

enum ctl_exit completion_show(struct ctl *c)
{
    struct command all[COMMANDS_MAX];
    size_t n = command_list(all);
    const char *shell = c->args.operands[0];
    struct buf b;
    enum ctl_exit rc = CTL_DONE;

    buf_init(&b, 4u << 20);
    if (strcmp(shell, "bash") == 0)
        put_bash(&b, all, n);
    else if (strcmp(shell, "zsh") == 0)
        put_zsh(&b, all, n);
    else
        rc = ctl_fail(c, CTL_USAGE, "there is completion for bash and for zsh, not for \"%s\"", shell);
    if (!buf_ok(&b))
        rc = ctl_fail_memory(c);
    if (b.n)
        fwrite(b.p, 1, b.n, c->out);
    buf_free(&b);
    return rc;
}
