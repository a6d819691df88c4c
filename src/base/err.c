#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Both make the new sentence aside, because arguments may point into the old one. */

/* A cut sentence must not end inside a character: readers of UTF-8 refuse it as a whole. */
static void end_between_characters(char *text, size_t size)
{
    size_t n = strlen(text), tail = 0;
    unsigned char first;

    if (n + 1 < size)
        return;
    while (tail < 3 && tail < n && ((unsigned char)text[n - 1 - tail] & 0xc0) == 0x80)
        tail++;
    first = n > tail ? (unsigned char)text[n - 1 - tail] : 0;
    if (first >= 0xc0 && tail < (first >= 0xf0 ? 3u : first >= 0xe0 ? 2u : 1u))
        text[n - 1 - tail] = '\0';
}

int err_set(struct err *err, const char *fmt, ...)
{
    struct err made;
    va_list args;

    if (!err)
        return -1;
    va_start(args, fmt);
    vsnprintf(made.text, sizeof(made.text), fmt, args);
    va_end(args);
    end_between_characters(made.text, sizeof(made.text));
    memcpy(err->text, made.text, strlen(made.text) + 1);
    err->memory = false;
    return -1;
}

int err_memory(struct err *err, const char *doing)
{
    err_set(err, "out of memory while %s", doing);
    if (err)
        err->memory = true;
    return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    struct err subject;
    bool memory;
    va_list args;

    if (!err)
        return -1;
    va_start(args, fmt);
    vsnprintf(subject.text, sizeof(subject.text), fmt, args);
    va_end(args);
    memory = err->memory;
    err_set(err, "%s: %s", subject.text, err->text);
    err->memory = memory;
    return -1;
}
