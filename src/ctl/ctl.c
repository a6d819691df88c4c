#include "ctl/ctl.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <unistd.h>

#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/term.h"

#define COMMAND_MEMORY (1024u << 20)
#define SENTENCE_MAX 8192

enum ctl_exit ctl_fail(struct ctl *c, enum ctl_exit code, const char *fmt, ...)
{
    char text[SENTENCE_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    fflush(c->out);
    fputs("stoxctl: ", c->diag);
    term_write(c->diag, slice_str(text));
    fputc('\n', c->diag);
    return code;
}

enum ctl_exit ctl_fail_memory(struct ctl *c)
{
    return ctl_fail(c, CTL_REFUSED, "out of memory");
}

static enum ctl_exit run(struct ctl *c, int argc, char **argv)
{
    struct command help;
    struct err err;

    if (args_read(&c->args, argc, argv, &c->arena, &err))
        return ctl_fail(c, CTL_USAGE, "%s", err.text);
    if (c->args.command && !args_has(&c->args, OPT_HELP))
        return c->args.command->run(c);
    return command_find(SLICE("help"), SLICE(""), &help) ? help.run(c) : CTL_USAGE;
}

int ctl_main(int argc, char **argv, FILE *in, FILE *out, FILE *diag)
{
    struct ctl c = { .in = in, .out = out, .diag = diag };
    enum ctl_exit rc;

    c.width = term_columns(out);
    c.interactive = c.width > 0 && isatty(fileno(in));
    arena_init(&c.arena, COMMAND_MEMORY);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    rc = run(&c, argc, argv);
    client_free(c.client);
    curl_global_cleanup();
    arena_reset(&c.arena);
    if (fflush(out) || ferror(out)) {
        fputs("stoxctl: the output could not be written\n", diag);
        rc = rc == CTL_DONE ? CTL_REFUSED : rc;
    }
    return rc;
}
