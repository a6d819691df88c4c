/* Files of certificates, and passphrases. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "ctl/cert.h"
#include "ctl/term.h"

bool cert_read_file(struct ctl *c, const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    char *at;
    bool ok;

    buf_init(out, CERT_FILE_MAX + 2);
    at = f ? buf_reserve(out, CERT_FILE_MAX + 1) : NULL;
    if (at)
        out->n += fread(at, 1, CERT_FILE_MAX + 1, f);
    ok = at && !ferror(f) && out->n <= CERT_FILE_MAX;
    if (!f || (f && ferror(f)))
        ctl_fail(c, CTL_USAGE, "the file %s cannot be read: %s", path, strerror(errno));
    else if (!at)
        ctl_fail_memory(c);
    else if (!ok)
        ctl_fail(c, CTL_REFUSED, "the file %s is larger than %u KiB, and a certificate with its issuers is not", path,
                 CERT_FILE_MAX >> 10);
    if (f)
        fclose(f);
    return ok;
}

enum ctl_exit cert_write_file(struct ctl *c, const char *path, struct slice text, bool secret)
{
    int fd;
    bool ok;

    if (!path || strcmp(path, "-") == 0) {
        fwrite(text.p, 1, text.n, c->out);
        return CTL_DONE;
    }
    if (secret)
        unlink(path); /* what is there may be open to others, and its mode would stay */
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (secret ? O_EXCL : O_TRUNC), secret ? 0600 : 0644);
    ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
    if (!ok)
        ctl_fail(c, CTL_REFUSED, "the file %s cannot be written: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok ? CTL_DONE : CTL_REFUSED;
}

struct slice cert_passphrase(struct ctl *c, const char *prompt, bool is_new)
{
    const char *path = args_value(&c->args, OPT_PASSPHRASE_FILE);
    struct slice line, kept;
    struct buf text;

    if (!path)
        return term_secret(c, prompt, is_new);
    if (!cert_read_file(c, path, &text)) {
        buf_free(&text);
        return slice_of(NULL, 0);
    }
    (void)slice_cut(buf_slice(&text), '\n', &line, &(struct slice){ NULL, 0 });
    kept = arena_dup(&c->arena, slice_trim(line));
    explicit_bzero(text.p, text.n);
    buf_free(&text);
    if (!kept.p)
        ctl_fail_memory(c);
    return kept;
}
