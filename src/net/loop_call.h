/*
 * The door to a loop for other threads: a function is run on the loop's thread, and the caller waits for it. Everything in
 * net, sip, xmpp and bridge is only touched through it from outside.
 */
#ifndef STOX_NET_LOOP_CALL_H
#define STOX_NET_LOOP_CALL_H

#include "net/loop.h"

struct loop_door;

/* On the loop's thread, or before it runs. NULL with a sentence. */
struct loop_door *loop_door_new(struct loop *loop, struct err *err);

/*
 * From any other thread: runs fn(arg) on the loop at the end of a turn and waits until it has returned. Two calls of one thread
 * are in two turns. False: the door is shut, fn was not and will not be run.
 */
bool loop_call(struct loop_door *door, void (*fn)(void *arg), void *arg);

/* On the loop's thread: whoever waits and whoever comes later is told false. */
void loop_door_shut(struct loop_door *door);

/* When no other thread can call any more, on the loop's thread; shut it first. NULL is fine. */
void loop_door_free(struct loop_door *door);

#endif
