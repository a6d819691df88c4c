/*
 * Cost in instructions, not in time: a child does the work step by step under ptrace, and the steps are counted for n, 2n
 * and 4n pieces of input. What is the same for all n drops out of the two differences; their ratio is 2 when the cost grows
 * with n, 4 when it grows with its square.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "sip/msg.h"
#include "xmpp/jid.h"
#include "xmpp/xml.h"

#define GROWTH_MAX 2.6

/* Input of n pieces and what is fixed; and the work on it, which a child does between two stops. */
typedef void make(struct buf *b, unsigned n);
typedef void work(char *p, size_t n);

static void repeat(struct buf *b, const char *piece, unsigned n)
{
    while (n-- > 0)
        buf_str(b, piece);
}

/* ---- SIP ---- */

#define SIP_START "MESSAGE sip:a@b.example SIP/2.0\r\n"
#define SIP_REST                                                                                                       \
    "From: <sip:c@d.example>;tag=1\r\nTo: <sip:a@b.example>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\nContent-Length: "      \
    "0\r\n\r\n"

static void headers(struct buf *b, unsigned n)
{
    buf_str(b, SIP_START "Via: SIP/2.0/TCP h;branch=z9hG4bK1\r\n");
    repeat(b, "X-Any: value\r\n", n);
    buf_str(b, SIP_REST);
}

static void vias(struct buf *b, unsigned n)
{
    buf_str(b, SIP_START "Via: SIP/2.0/TCP h;branch=z9hG4bK1");
    repeat(b, ", SIP/2.0/UDP h;branch=z9hG4bK2", n);
    buf_str(b, "\r\n" SIP_REST);
}

static void folds(struct buf *b, unsigned n)
{
    buf_str(b, SIP_START "Via: SIP/2.0/TCP h;branch=z9hG4bK1\r\nSubject: a\r\n");
    repeat(b, " b\r\n", n);
    buf_str(b, SIP_REST);
}

static void parameters(struct buf *b, unsigned n)
{
    buf_str(b, SIP_START "Via: SIP/2.0/TCP h;branch=z9hG4bK1");
    repeat(b, ";a=\"b;c\"", n);
    buf_str(b, "\r\n" SIP_REST);
}

static void parse_sip(char *p, size_t n)
{
    struct arena a;
    struct sip_msg m;
    struct slice via;
    const char *fault;
    size_t used;

    arena_init(&a, 1 << 20);
    if (sip_msg_parse(&m, &a, p, n, true, &used, &fault) != SIP_PARSE_OK)
        _exit(2);
    for (size_t pos = 0; sip_msg_next_value(&m, SIP_H_VIA, &pos, &via);)
        continue;
    arena_reset(&a);
}

/* ---- XML ---- */

#define XML_START "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>"

static void attributes(struct buf *b, unsigned n)
{
    buf_str(b, XML_START "<message");
    for (unsigned i = 0; i < n; i++)
        buf_printf(b, " a%03u='v'", i);
    buf_str(b, "/>");
}

static void namespaces(struct buf *b, unsigned n)
{
    buf_str(b, XML_START "<message>");
    for (unsigned i = 0; i < n; i++)
        buf_printf(b, "<p:x xmlns:p='urn:%04u'/>", i);
    buf_str(b, "</message>");
}

static void children(struct buf *b, unsigned n)
{
    buf_str(b, XML_START "<message>");
    repeat(b, "<b>x&amp;y</b>", n);
    buf_str(b, "</message>");
}

static void xml_text_of(struct buf *b, unsigned n)
{
    buf_str(b, XML_START "<message><body>");
    repeat(b, "x&lt;", n);
    buf_str(b, "</body></message>");
}

static void stanzas(struct buf *b, unsigned n)
{
    buf_str(b, XML_START);
    repeat(b, "<message><body>x</body></message>", n);
}

static void on_open(void *owner, const struct xml *root)
{
}

static void on_element(void *owner, struct xml *el)
{
}

static void on_close(void *owner)
{
}

static void read_in_pieces(char *p, size_t n, size_t each)
{
    static const struct xml_reader_ops ops = { on_open, on_element, on_close };
    static const struct xml_limits limits = { 262144, 16384, 64, 128 };
    struct xml_reader *r = xml_reader_new(&ops, NULL, &limits, 4u << 20);

    for (size_t at = 0; r && at < n; at += each)
        if (xml_reader_feed(r, p + at, n - at < each ? n - at : each) != XML_OK)
            _exit(2);
    xml_reader_free(r);
}

static void read_at_once(char *p, size_t n)
{
    read_in_pieces(p, n, n);
}

static void read_bytes(char *p, size_t n)
{
    read_in_pieces(p, n, 1);
}

/* ---- addresses and content ---- */

static void marks(struct buf *b, unsigned n)
{
    buf_str(b, "a@b.example/x");
    repeat(b, "\xcc\x81\xcc\xa3", n); /* above and below, so that they have to be put in order */
}

static void dots(struct buf *b, unsigned n)
{
    buf_str(b, "a@x");
    repeat(b, ".y", n);
}

static void prepare(char *p, size_t n)
{
    struct arena a;
    struct jid jid;

    arena_init(&a, 1 << 20);
    if (!jid_parse(&a, slice_of(p, n), &jid))
        _exit(2);
    arena_reset(&a);
}

static const struct {
    const char *name;
    make *make;
    work *work;
    unsigned n;       /* pieces of the smallest input, full size */
    unsigned n_quick; /* the same in every test run; 0: not then, a step costs 20 us on some machines */
} families[] = {
    { "SIP headers", headers, parse_sip, 50, 10 },
    { "Via values", vias, parse_sip, 100, 5 },
    { "folded lines", folds, parse_sip, 200, 40 },
    { "Via parameters", parameters, parse_sip, 100, 20 },
    { "XML attributes", attributes, read_at_once, 30, 0 },
    { "XML attributes by the byte", attributes, read_bytes, 30, 0 },
    { "XML namespaces", namespaces, read_at_once, 60, 0 },
    { "XML children", children, read_at_once, 60, 0 },
    { "XML text", xml_text_of, read_at_once, 200, 0 },
    { "XML text by the byte", xml_text_of, read_bytes, 100, 0 },
    { "stanzas", stanzas, read_at_once, 30, 0 },
    { "stanzas by the byte", stanzas, read_bytes, 15, 0 },
    { "combining marks", marks, prepare, 50, 0 },
    { "domain labels", dots, prepare, 25, 25 },
};

/* Instructions between the two stops of a child; 0: the work failed, or nobody may trace here. */
static long steps(size_t family, unsigned n)
{
    struct buf b;
    pid_t pid;
    int status;
    long count = 0;

    buf_init(&b, 1 << 20);
    families[family].make(&b, n);
    assert_true(buf_ok(&b));
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(3);
        raise(SIGSTOP);
        families[family].work(b.p, b.n);
        raise(SIGUSR1);
        _exit(0);
    }
    buf_free(&b);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    while (WIFSTOPPED(status) && WSTOPSIG(status) != SIGUSR1) {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        count++;
    }
    if (!WIFSTOPPED(status))
        return 0;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return count;
}

static double growth(size_t family, unsigned n)
{
    long one = steps(family, n), two = steps(family, 2 * n), four = steps(family, 4 * n);
    double ratio;

    if (!one || !two || !four)
        fail_msg("%s: not accepted", families[family].name);
    ratio = (double)(four - two) / (double)(two - one);
    print_message("%-28s %7ld %8ld %8ld instructions for %u, %u, %u: growth %.2f\n", families[family].name, one, two,
                  four, n, 2 * n, 4 * n, ratio);
    return ratio;
}

/* Where nobody may trace, nothing can be counted. */
static bool may_trace(void)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : 3);
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void cost_grows_with_the_input_and_not_faster(void **state)
{
    const char *proof = getenv("STOX_PROOF");
    unsigned n_bad = 0;

    if (!may_trace())
        skip();
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        unsigned n = proof && *proof == '1' ? families[i].n : families[i].n_quick;

        n_bad += n > 0 && growth(i, n) > GROWTH_MAX;
    }
    assert_int_equal(n_bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cost_grows_with_the_input_and_not_faster),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
