/* What of our certificates handshakes show, and how long it is still good. */
#include <stdio.h>

#include "base/clock.h"
#include "daemon/answers_parts.h"
#include "daemon/served.h"
#include "pki/facts.h"

struct in_use {
    const struct tls *tls;
    struct tls_identities *set;
};

static void take(void *arg)
{
    struct in_use *u = arg;

    u->set = tls_identities_in_use(u->tls);
}

/* The set in use, the caller's to drop; NULL: there is none, or the daemon is about to end. */
static struct tls_identities *set_of(struct answers *a)
{
    struct in_use u = { a->tls, NULL };

    return loop_call(a->door, take, &u) ? u.set : NULL;
}

static void add_identity(void *arg, const struct tls_shown *shown)
{
    json_t **list = arg;
    struct pki_facts f;

    if (!pki_facts_of(shown->leaf, &f))
        return;
    answers_append(list, json_pack("{s:s, s:s, s:s, s:s}", "name",
                                   strcmp(shown->name, DIRECTORY_SIP_IDENTITY) == 0 ? "sip" : shown->name, "source",
                                   shown->source, "sha256", f.sha256, "not-after", f.until));
}

json_t *answer_identities(void *owner)
{
    struct answers *a = owner;
    struct tls_identities *set = set_of(a);
    json_t *list = json_array();

    tls_identities_each(set, add_identity, &list);
    tls_identities_drop(set);
    return list;
}

static void put_day(int64_t s, char out[16])
{
    struct buf b;

    buf_init(&b, 64);
    clock_put_rfc3339(&b, s);
    snprintf(out, 16, "%.10s", buf_ok(&b) && b.n >= 10 ? b.p : "?         ");
    buf_free(&b);
}

void answers_add_certificates(struct answers *a, json_t *status)
{
    struct tls_identities *set = set_of(a);
    struct served_list list;
    size_t soon = 0;
    char day[16];

    if (status && served_of(set, clock_wall_s(), &list)) {
        while (soon < list.n && list.v[soon].days < SERVED_WARN_DAYS)
            soon++;
        if (list.n) {
            put_day(list.v[0].until_s, day);
            json_object_set_new(status, "certificates",
                                json_pack("{s:I, s:I, s:{s:s, s:s, s:i}}", "in-use", (json_int_t)list.n,
                                          "expire-within-30-days", (json_int_t)soon, "next", "certificate",
                                          list.v[0].source, "not-after", day, "days-left", list.v[0].days));
        } else {
            json_object_set_new(status, "certificates", json_pack("{s:i}", "in-use", 0));
        }
        served_fini(&list);
    }
    tls_identities_drop(set);
}

void answers_put_label(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            buf_char(out, '\\');
        if (*text == '\n')
            buf_str(out, "\\n");
        else
            buf_char(out, *text);
    }
}

void answers_put_certificates(struct answers *a, struct buf *out)
{
    struct tls_identities *set = set_of(a);
    struct served_list list;

    if (served_of(set, clock_wall_s(), &list)) {
        buf_str(out,
                "# TYPE stox_certificate_days_left gauge\n# HELP stox_certificate_days_left Days until a certificate "
                "that is shown to partners or SIP systems expires; negative: it has.\n");
        for (size_t i = 0; i < list.n; i++) {
            buf_str(out, "stox_certificate_days_left{certificate=\"");
            answers_put_label(out, list.v[i].source);
            buf_printf(out, "\"} %d\n", list.v[i].days);
        }
        served_fini(&list);
    }
    tls_identities_drop(set);
}
