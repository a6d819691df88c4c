#include "daemon/certifier_pauses.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_NAME "acme-pauses"
#define LINE_MAX_BYTES 512
#define FAILURES_MAX 1000000u

static bool path_of(char *out, const char *dir, const char *end)
{
    return snprintf(out, PATH_MAX, "%s/" FILE_NAME "%s", dir, end) < PATH_MAX;
}

static int fault(struct err *err, const char *what, const char *path)
{
    return err_set(err, "the pauses of ACME cannot be %s: %s: %s", what, path, strerror(errno));
}

/* False: it is not a line of ours. */
static bool parse(struct slice line, struct certifier_pause *p)
{
    struct slice failures, next, rest;
    uint64_t n = 0, at = 0;

    if (!slice_cut(line, ' ', &failures, &rest) || !slice_cut(rest, ' ', &next, &p->name))
        return false;
    if (!slice_u64(failures, FAILURES_MAX, &n) || n == 0 || !slice_u64(next, INT64_MAX, &at) || p->name.n == 0)
        return false;
    p->failures = (unsigned)n;
    p->next_s = (int64_t)at;
    return true;
}

int certifier_pauses_read(const char *dir, void (*fn)(void *arg, const struct certifier_pause *p), void *arg,
                          struct err *err)
{
    char path[PATH_MAX], line[LINE_MAX_BYTES];
    bool whole = true, bad;
    FILE *f;

    errno = ENAMETOOLONG;
    f = path_of(path, dir, "") ? fopen(path, "re") : NULL;
    if (!f)
        return errno == ENOENT ? 0 : fault(err, "read", dir);
    while (fgets(line, sizeof(line), f)) {
        size_t n = strlen(line);
        bool ends = n && line[n - 1] == '\n';
        struct certifier_pause p;

        if (whole && ends && parse(slice_of(line, n - 1), &p))
            fn(arg, &p);
        whole = ends;
    }
    bad = ferror(f) != 0;
    fclose(f);
    return bad ? fault(err, "read", path) : 0;
}

int certifier_pauses_write(const char *dir, const struct certifier_pause *pauses, size_t n, struct err *err)
{
    char path[PATH_MAX], beside[PATH_MAX];
    bool ok = true;
    FILE *f;

    errno = ENAMETOOLONG;
    f = path_of(path, dir, "") && path_of(beside, dir, ".new") ? fopen(beside, "we") : NULL;
    if (!f)
        return fault(err, "kept", dir);
    for (size_t i = 0; ok && i < n; i++)
        ok = fprintf(f, "%u %lld %.*s\n", pauses[i].failures, (long long)pauses[i].next_s, SLICE_FMT(pauses[i].name)) >
             0;
    ok = ok && fflush(f) == 0 && fsync(fileno(f)) == 0;
    if (fclose(f) || !ok || rename(beside, path)) {
        fault(err, "kept", path);
        unlink(beside);
        return -1;
    }
    return 0;
}
