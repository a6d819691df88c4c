/*
 * Memory that runs out on command. A scenario is run again and again, each time with one more allocation allowed, until it
 * needs no more: first so that all further ones fail, then so that only that one does. Only what happens between oom_on
 * and oom_off counts: the test's own allocations do not fail.
 *
 * Linked with -Wl,--wrap=malloc and so on: it reaches Stox's own code, not what libraries allocate for themselves.
 */
#ifndef STOX_TESTS_OOM_H
#define STOX_TESTS_OOM_H

#include <limits.h>
#include <stdbool.h>

/*
 * One plan: good allocations succeed, the next bad ones fail, and all others succeed again. What counts is between oom_on
 * and oom_off, as above.
 */
void oom_plan(long good, long bad);
#define OOM_ALL LONG_MAX

/* Calls run(arg) with each plan. run may ask oom_failed() what it has to expect. */
void oom_each(const char *name, void (*run)(const void *arg), const void *arg);

void oom_on(void);
void oom_off(void);

/* Memory is back until the end of this run, oom_on or not. */
void oom_over(void);

/* Has an allocation failed since the plan, or the scenario, began? */
bool oom_failed(void);

/* With statements: inside, allocations may fail. */
#define OOM(...)                                                                                                       \
    do {                                                                                                               \
        oom_on();                                                                                                      \
        __VA_ARGS__;                                                                                                   \
        oom_off();                                                                                                     \
    } while (0)

#endif
