#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rand.h"

static int fault(struct err *err, const char *what, const char *path)
{
    return err_set(err, "cannot %s %s: %s", what, path, strerror(errno));
}

static int read_secret(int fd, const char *path, uint8_t secret[32], struct err *err)
{
    struct stat st;
    ssize_t n;

    if (fstat(fd, &st))
        return fault(err, "look at", path);
    if (st.st_mode & 077)
        return err_set(
            err, "%s can be read by others than its owner: chmod 600 it, and replace it if it may have leaked", path);
    n = read(fd, secret, 32);
    if (n != 32)
        return err_set(err,
                       "%s is damaged: it holds %zd bytes instead of 32; restore it, or remove it to make a new one",
                       path, n);
    return 0;
}

/* Written beside and renamed, so that a crash leaves the old state or the new one. */
static int make_secret(int dir_fd, const char *path, uint8_t secret[32], struct err *err)
{
    int fd = openat(dir_fd, "secret.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok;

    if (fd < 0)
        return fault(err, "create", path);
    rand_bytes(secret, 32);
    ok = write(fd, secret, 32) == 32 && fsync(fd) == 0;
    if (close(fd) || !ok || renameat(dir_fd, "secret.new", dir_fd, "secret") || fsync(dir_fd))
        return fault(err, "write", path);
    return 0;
}

int state_open(const char *dir, uint8_t secret[32], struct err *err)
{
    char path[4096];
    int dir_fd, fd, rc;

    if (snprintf(path, sizeof(path), "%s/secret", dir) >= (int)sizeof(path))
        return err_set(err, "state-dir: the path is too long");
    if (mkdir(dir, 0700) && errno != EEXIST)
        return fault(err, "create the state directory", dir);
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return fault(err, "open the state directory", dir);
    fd = openat(dir_fd, "secret", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0) {
        rc = read_secret(fd, path, secret, err);
        close(fd);
    } else if (errno == ENOENT) {
        rc = make_secret(dir_fd, path, secret, err);
    } else {
        rc = fault(err, "open", path);
    }
    close(dir_fd);
    return rc;
}
