/* The configuration as text: what makes an object prints to text that makes the same object. */
#include <stdlib.h>

#include "base/text.h"
#include "store/config_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_sentence(const struct err *err)
{
    if (!err->text[0] || !text_is_utf8(slice_str(err->text)))
        abort();
    for (const char *p = err->text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            abort();
}

static struct record *make(const struct config_block *b, struct err *err)
{
    return record_make(b->kind, b->name, NULL, b->edits, b->n, NULL, err);
}

static bool has_secret(const struct record *r)
{
    for (size_t i = 0; i < r->kind->n; i++)
        if (r->kind->settings[i].secret && record_gives(r, i))
            return true;
    return false;
}

static void there_and_back(struct record *r)
{
    struct config_text *t;
    struct record *again;
    struct err err = { "" };
    struct buf b;

    buf_init(&b, 8 << 20);
    config_text_put(&b, r);
    buf_char(&b, '\0');
    if (!buf_ok(&b))
        abort();
    t = config_text_read(NULL, b.p, &err);
    if (!t || t->n != 1)
        abort();
    again = make(&t->blocks[0], &err);
    if (!again || !slice_eq(r->name, again->name) || (!has_secret(r) && !record_same(r, again)))
        abort();
    record_drop(again);
    config_text_free(t);
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1);
    struct config_text *t;
    struct err err = { "" };

    if (!text)
        return 0;
    if (n)
        memcpy(text, data, n);
    text[n] = '\0';
    t = config_text_read(NULL, text, &err);
    if (!t)
        check_sentence(&err);
    for (size_t i = 0; t && i < t->n; i++) {
        struct record *r = make(&t->blocks[i], &err);

        if (r)
            there_and_back(r);
        else
            check_sentence(&err);
        record_drop(r);
    }
    config_text_free(t);
    free(text);
    return 0;
}
