/* What the process before gives as datagrams: frames of any bytes, cut anywhere. It ends, and nothing is read that did not come. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/relay.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void feed(struct loop *loop, int fd, const unsigned char *p, size_t n)
{
    if (n && send(fd, p, n, MSG_NOSIGNAL) < 0)
        return; /* the relay has ended already */
    uv_run(&loop->uv, UV_RUN_NOWAIT);
}

/* The first byte says where the rest is cut in two. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    struct relay *relay = NULL;
    struct loop loop;
    struct err err;
    struct log log;
    size_t cut;
    int pair[2];

    if (n < 2 || n > 60000)
        return 0;
    log_init(&log);
    log.level = LOG_LEVEL_ERROR;
    if (loop_init(&loop, &log, &err) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) ||
        !relay_follow(&loop, pair[1], &relay))
        abort();
    cut = data[0] * (n - 1) / 255;
    feed(&loop, pair[0], data + 1, cut);
    feed(&loop, pair[0], data + 1 + cut, n - 1 - cut);
    close(pair[0]);
    for (int i = 0; i < 10 && relay; i++)
        uv_run(&loop.uv, UV_RUN_NOWAIT);
    if (relay)
        abort();
    loop_fini(&loop);
    return 0;
}
