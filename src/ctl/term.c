#include "ctl/term.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/columns.h"

#define LINE_BYTES_MAX 4096

void term_put(struct buf *out, struct slice s)
{
    columns_put(out, s);
}

size_t term_width(struct slice s)
{
    return columns_of(s);
}

struct slice term_cut(struct slice s, size_t columns)
{
    return columns_cut(s, columns);
}

void term_flush(FILE *out, struct buf *b)
{
    if (b->n)
        fwrite(b->p, 1, b->n, out);
    if (!buf_ok(b))
        fputs("\n(out of memory: the rest is not shown)\n", out);
    buf_clear(b);
}

void term_write(FILE *out, struct slice s)
{
    struct buf b;

    buf_init(&b, 8 * s.n + 64);
    term_put(&b, s);
    term_flush(out, &b);
    buf_free(&b);
}

unsigned term_columns(FILE *out)
{
    struct winsize size;
    int fd = fileno(out);

    if (fd < 0 || !isatty(fd))
        return 0;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        return size.ws_col;
    return 80;
}

struct slice term_line(struct ctl *c, const char *prompt)
{
    char line[LINE_BYTES_MAX + 2];
    struct slice text, kept;

    if (prompt && c->interactive) {
        fputs(prompt, c->out);
        fflush(c->out);
    }
    if (!fgets(line, sizeof(line), c->in))
        return slice_of(NULL, 0);
    text = slice_str(line);
    if (text.n > LINE_BYTES_MAX) {
        ctl_fail(c, CTL_REFUSED, "a line of more than %d bytes", LINE_BYTES_MAX);
        return slice_of(NULL, 0);
    }
    kept = arena_dup(&c->arena, slice_trim(text));
    explicit_bzero(line, sizeof(line));
    if (!kept.p)
        ctl_fail_memory(c);
    return kept;
}

bool term_ask(struct ctl *c, const char *question)
{
    struct slice answer;

    term_write(c->out, slice_str(question));
    answer = term_line(c, " [y/N] ");
    return slice_ieq(answer, SLICE("y")) || slice_ieq(answer, SLICE("yes"));
}

/*
 * Waits for a line, or for a signal that would end or stop us: the signal is held back, so that the terminal can be
 * put in order before it takes effect.
 */
static void wait_for_line(int fd, const sigset_t *held)
{
    struct pollfd on[2] = { { .fd = fd, .events = POLLIN },
                            { .fd = signalfd(-1, held, SFD_CLOEXEC), .events = POLLIN } };

    while (poll(on, 2, -1) < 0 && errno == EINTR)
        ;
    if (on[1].fd >= 0)
        close(on[1].fd);
}

static struct slice line_without_echo(struct ctl *c, int fd, const struct termios *was, const char *prompt)
{
    struct termios quiet = *was;
    sigset_t held, before;
    struct slice line = { NULL, 0 };

    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGQUIT);
    sigaddset(&held, SIGTSTP);
    sigprocmask(SIG_BLOCK, &held, &before);
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fd, TCSAFLUSH, &quiet);
    fputs(prompt, c->diag);
    fflush(c->diag);
    wait_for_line(fd, &held);
    sigpending(&held);
    if (!sigismember(&held, SIGINT) && !sigismember(&held, SIGTERM) && !sigismember(&held, SIGHUP) &&
        !sigismember(&held, SIGQUIT) && !sigismember(&held, SIGTSTP))
        line = term_line(c, NULL);
    tcsetattr(fd, TCSAFLUSH, was);
    fputc('\n', c->diag);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return line;
}

/* One line, without an echo on a terminal. */
static struct slice hidden_line(struct ctl *c, const char *prompt)
{
    struct termios was;
    int fd = fileno(c->in);

    if (fd >= 0 && tcgetattr(fd, &was) == 0)
        return line_without_echo(c, fd, &was, prompt);
    return term_line(c, NULL);
}

struct slice term_secret(struct ctl *c, const char *prompt, bool is_new)
{
    bool tty = fileno(c->in) >= 0 && isatty(fileno(c->in));
    struct slice first = hidden_line(c, prompt), second;

    if (!first.n) {
        ctl_fail(c, CTL_USAGE, "nothing was given: type it, or put it as a line on standard input");
        return slice_of(NULL, 0);
    }
    if (!is_new || !tty)
        return first;
    second = hidden_line(c, "Once more: ");
    if (slice_eq(first, second))
        return first;
    ctl_fail(c, CTL_REFUSED, "the two are not the same");
    return slice_of(NULL, 0);
}
