/* A SIP message on its way in, parsed by the real parser, for the parts of the stack that tests play. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "sides.h"

/* A test of memory running out has these: it may, while the bridge itself runs. */
void sides_enter(void) __attribute__((weak));
void sides_leave(void) __attribute__((weak));

void sides_begin(void)
{
    if (sides_enter)
        sides_enter();
}

void sides_done(void)
{
    if (sides_leave)
        sides_leave();
}

void sides_arrive(struct sides_arrival *a, const char *ip, char *text, int n)
{
    const char *fault;
    size_t used;

    assert_true(n > 0);
    a->text = text;
    arena_init(&a->arena, 1u << 20);
    assert_int_equal(sip_msg_parse(&a->msg, &a->arena, text, (size_t)n, false, &used, &fault), SIP_PARSE_OK);
    assert_true(addr_parse(slice_str(ip), 5060, &a->source));
    a->peer = (struct sip_peer){ .addr = &a->source, .transport = SIP_UDP };
}

void sides_left(struct sides_arrival *a)
{
    arena_reset(&a->arena);
    free(a->text);
}
