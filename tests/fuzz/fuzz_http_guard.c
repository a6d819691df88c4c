/* Request framing: how the bytes are cut into pieces must not matter, and what goes on is strict. */
#include <stdlib.h>

#include "admin/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
    if (!ok)
        abort();
}

/* Every line of a head ends with CRLF, and no line continues another. */
static void check_head(struct slice head)
{
    check(head.n >= 4 && memcmp(head.p + head.n - 4, "\r\n\r\n", 4) == 0 && head.n <= GUARD_HEAD_MAX);
    for (size_t i = 0; i < head.n; i++) {
        check(head.p[i] != '\0');
        check(head.p[i] != '\n' || (i > 0 && head.p[i - 1] == '\r'));
        check(head.p[i] != '\r' || (i + 1 < head.n && head.p[i + 1] == '\n'));
        check(i == 0 || head.p[i - 1] != '\n' || (head.p[i] != ' ' && head.p[i] != '\t'));
    }
}

/* step: how many bytes more are shown at a time. */
static size_t run(struct slice in, size_t step, enum guard_fault *fault)
{
    struct guard g = { 0 };
    size_t at = 0, end = step < in.n ? step : in.n;

    *fault = GUARD_OK;
    while (end > at && *fault == GUARD_OK) {
        bool in_body = g.body_left > 0;
        size_t used = guard_pass(&g, slice_of(in.p + at, end - at), fault);

        check(used <= end - at);
        if (used && !in_body)
            check_head(slice_of(in.p + at, used));
        at += used;
        if (used == 0 && end == in.n)
            break;
        if (used == 0 || at == end)
            end = in.n - end > step ? end + step : in.n;
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice in = slice_of((const char *)data, n);
    enum guard_fault whole, pieces;
    size_t passed = run(in, n ? n : 1, &whole);

    check(run(in, 7, &pieces) == passed && pieces == whole);
    if (n < 2000)
        check(run(in, 1, &pieces) == passed && pieces == whole);
    return 0;
}
