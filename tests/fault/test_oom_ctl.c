/*
 * What Lync Server exported, read while memory runs out: all of it becomes a plan, or none, with a sentence about
 * memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ctl/lync_plan.h"
#include "oom.h"

#define PARTNER(list)                                                                                                  \
    "<Obj RefId='0'><TN RefId='0'><T>X.XmppAllowedPartner</T></TN><Props><S N='Identity'>a.example</S>" list           \
    "<U32 N='ConnectionLimit'>5</U32></Props></Obj>"

static const char *const texts[] = {
    "<Objs>" PARTNER("<Obj N='AdditionalDomains' RefId='1'><LST><S>b.example</S><S>c_x002E_example</S></LST></Obj>"
                     "<Obj N='TlsNegotiation' RefId='2'><ToString>Optional</ToString><I32>1</I32></Obj><S "
                     "N='Color'>red</S>") "</Objs>",
    "[{\"Identity\": \"Tag:Fed Pic\", \"EnableXmppAccess\": true, \"EnableFederationAccess\": true, \"Description\": "
    "[1]},"
    "{\"Identity\": \"Global\", \"EnableXmppAccess\": false, \"Description\": null}]",
    "#TYPE A.XmppAllowedPartner\r\nIdentity,TlsNegotiation,AdditionalDomains\r\n\"a.example\",Optional,\"b.example "
    "c.example\"\r\n"
    "b.example,Required,System.String[]\r\n",
    "[{\"SipAddress\": \"sip:alice@contoso.example\", \"ExternalAccessPolicy\": \"Fed Pic\"}]",
};
static const size_t objects[] = { 1, 2, 2, 1 };

static void importing(const void *arg)
{
    size_t i = *(const size_t *)arg;
    struct err err = { "" };
    struct lync_plan plan;
    struct lync_file *f;
    int rc = -1;

    oom_on();
    f = lync_read(slice_str(texts[i]), &err);
    lync_plan_init(&plan, true);
    if (f)
        rc = lync_plan_add(&plan, f, &err) || lync_plan_check(&plan, &err) ? -1 : 0;
    oom_off();
    if (rc == 0 && oom_failed())
        fail_msg("text %zu: made without memory", i);
    if (rc && !err.memory)
        fail_msg("text %zu: not about memory: \"%s\"", i, err.text);
    assert_true(rc || plan.n == objects[i]);
    lync_plan_fini(&plan);
    lync_free(f);
}

static void an_import_is_read_whole_or_not_at_all(void **state)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        oom_each("lync", importing, &i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_import_is_read_whole_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
