#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rand.h"
#include "base/slice.h"

static int fault(struct err *err, const char *what, const char *path)
{
    return err_set(err, "cannot %s %s: %s", what, path, strerror(errno));
}

#define CERTIFICATES "certificates.key"

/* The secret can be made anew; what certificates.key has sealed is lost without it. */
static const char *remedy(const char *path)
{
    return slice_ends(slice_str(path), SLICE("/" CERTIFICATES))
               ? "restore it: no key of a stored certificate opens without"
               : "restore it, or remove it to make a new one";
}

static int read_key(int fd, const char *path, uint8_t key[STATE_KEY], struct err *err)
{
    struct stat st;
    ssize_t n;

    if (fstat(fd, &st))
        return fault(err, "look at", path);
    if (st.st_mode & 077)
        return err_set(
            err, "%s can be read by others than its owner: chmod 600 it, and replace it if it may have leaked", path);
    n = read(fd, key, STATE_KEY);
    if (n != STATE_KEY)
        return err_set(err, "%s is damaged: it holds %zd bytes instead of 32; %s", path, n, remedy(path));
    return 0;
}

/* Written beside and renamed, so that a crash leaves the old state or the new one. */
static int make_key(int dir_fd, const char *name, const char *path, uint8_t key[STATE_KEY], struct err *err)
{
    char beside[32];
    bool ok;
    int fd;

    snprintf(beside, sizeof(beside), "%s.new", name);
    fd = openat(dir_fd, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault(err, "create", path);
    rand_bytes(key, STATE_KEY);
    ok = write(fd, key, STATE_KEY) == STATE_KEY && fsync(fd) == 0;
    if (close(fd) || !ok || renameat(dir_fd, beside, dir_fd, name) || fsync(dir_fd))
        return fault(err, "write", path);
    return 0;
}

static int take_key(int dir_fd, const char *dir, const char *name, uint8_t key[STATE_KEY], struct err *err)
{
    char path[4096];
    int fd, rc;

    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        return err_set(err, "state-dir: the path is too long");
    fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0) {
        rc = read_key(fd, path, key, err);
        close(fd);
        return rc;
    }
    return errno == ENOENT ? make_key(dir_fd, name, path, key, err) : fault(err, "open", path);
}

int state_open(const char *dir, uint8_t secret[STATE_KEY], uint8_t certificates[STATE_KEY], struct err *err)
{
    int dir_fd, rc;

    if (mkdir(dir, 0700) && errno != EEXIST)
        return fault(err, "create the state directory", dir);
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return fault(err, "open the state directory", dir);
    rc = take_key(dir_fd, dir, "secret", secret, err);
    if (rc == 0)
        rc = take_key(dir_fd, dir, CERTIFICATES, certificates, err);
    close(dir_fd);
    return rc;
}
