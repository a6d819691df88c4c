#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Both make the new sentence aside, because arguments may point into the old one. */

int err_set(struct err *err, const char *fmt, ...)
{
    struct err made;
    va_list args;

    if (!err)
        return -1;
    va_start(args, fmt);
    vsnprintf(made.text, sizeof(made.text), fmt, args);
    va_end(args);
    memcpy(err->text, made.text, strlen(made.text) + 1);
    return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    struct err subject;
    va_list args;

    if (!err)
        return -1;
    va_start(args, fmt);
    vsnprintf(subject.text, sizeof(subject.text), fmt, args);
    va_end(args);
    return err_set(err, "%s: %s", subject.text, err->text);
}
