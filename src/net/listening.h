/*
 * The sockets at which a process is found, of all kinds, so that another process can take them over: they can be held still, given away,
 * and taken instead of being opened. Whoever asks meanwhile waits in them, in the kernel.
 */
#ifndef STOX_NET_LISTENING_H
#define STOX_NET_LISTENING_H

#include <sys/socket.h>

#include "net/loop.h"

#define LISTENING_MAX 128

/* One of ours; a part of the object that reads it. */
struct listening {
    struct list link; /* in loop.listening */
    int fd;
    int type;                                      /* SOCK_STREAM or SOCK_DGRAM */
    void (*hold)(struct listening *l, bool still); /* reads no more; goes on */
};

/* loop.hold_datagrams says whether one of SOCK_DGRAM begins still: look at it before. */
void listening_add(struct loop *loop, struct listening *l);
void listening_drop(struct listening *l); /* also one that was never added, if it is zero */

/* All of this type; 0: of any. */
void listening_hold(struct loop *loop, int type, bool still);

/* The descriptors of all, at most LISTENING_MAX; still ours. */
size_t listening_list(const struct loop *loop, int out[LISTENING_MAX]);

/* This process got fd from one that listened before: it is owned now. False, and closed: it is none that listens, or memory is missing. */
bool listening_give(struct loop *loop, int fd);

/* One that was given for this address (port 0: for any port) and type, to be owned by the caller; -1: none. */
int listening_take(struct loop *loop, int type, const struct sockaddr *at);

/* Closes what was given and not taken. */
void listening_forget_given(struct loop *loop);

#endif
