#include "ctl/findings.h"

#include "ctl/ladder.h"
#include "ctl/term.h"

static void put_line(struct buf *b, const char *before, const char *text)
{
    if (!text[0])
        return;
    buf_str(b, before);
    term_put(b, slice_str(text));
    buf_char(b, '\n');
}

static void print_finding(FILE *out, const json_t *it)
{
    const char *mark = ladder_text(it, "mark");
    bool failed = strcmp(mark, "failed") == 0;
    char head[16];
    struct buf b;

    buf_init(&b, 1u << 16);
    snprintf(head, sizeof(head), "%-8s ", failed ? "FAILED" : mark);
    put_line(&b, head, ladder_text(it, "text"));
    put_line(&b, "         ", ladder_text(it, "remedy"));
    put_line(&b, "             ", ladder_text(it, "line"));
    term_flush(out, &b);
    buf_free(&b);
}

static void print_area(FILE *out, const json_t *it, const json_t *before)
{
    const char *area = ladder_text(it, "area");
    struct buf b;

    if (!area[0] || (before && strcmp(area, ladder_text(before, "area")) == 0))
        return;
    buf_init(&b, 4096);
    put_line(&b, before ? "\n" : "", area);
    term_flush(out, &b);
    buf_free(&b);
}

size_t findings_print(FILE *out, const json_t *findings, size_t from, bool areas)
{
    for (; from < json_array_size(findings); from++) {
        if (areas)
            print_area(out, json_array_get(findings, from), from ? json_array_get(findings, from - 1) : NULL);
        print_finding(out, json_array_get(findings, from));
    }
    fflush(out);
    return from;
}
