/*
 * Objects that the cmdlets of Lync Server gave and PowerShell wrote to a file: by ConvertTo-Json, Export-Csv or
 * Export-Clixml. A reader takes what is there and guesses nothing: what a file does not say plainly is unreadable,
 * and is listed as that. Files are hostile: everything is bounded.
 */
#ifndef STOX_CTL_LYNC_H
#define STOX_CTL_LYNC_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define LYNC_FILE_MAX (64u << 20)
#define LYNC_OBJECTS_MAX 200000 /* users too */
#define LYNC_FIELDS_MAX 200     /* of one object */
#define LYNC_VALUES_MAX 1000    /* of one field */
#define LYNC_TEXT_MAX (64u << 10)

enum lync_form {
    LYNC_NOTHING, /* null, or an empty cell */
    LYNC_TEXT,    /* one value */
    LYNC_NUMBER,  /* one value that was a number where the format has numbers */
    LYNC_LIST,
    LYNC_UNREADABLE /* there is something, but the file does not say what */
};

struct lync_field {
    struct slice name;
    enum lync_form form;
    struct slice *v; /* n of them; for LYNC_UNREADABLE what stands there instead, or none */
    size_t n, cap;
};

struct lync_object {
    struct slice type; /* name of the .NET type, as the file gives it; "" when it gives none */
    struct lync_field *fields;
    size_t n, cap;
};

struct lync_file {
    const char *format; /* "JSON", "CSV", "Clixml" */
    struct lync_object *objects;
    size_t n, cap;
    struct arena arena; /* owns all above */
};

/* Detects encoding (UTF-8, or UTF-16 with a mark) and format. NULL with a sentence. */
struct lync_file *lync_read(struct slice bytes, struct err *err);
void lync_free(struct lync_file *f); /* NULL is fine */

/* By name without regard to case; NULL: there is none. */
const struct lync_field *lync_field(const struct lync_object *o, const char *name);

/* Text that PowerShell puts in the place of a value it does not write out. */
bool lync_is_placeholder(struct slice text);

#endif
