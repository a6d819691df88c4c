#include "ctl/lync_plan.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "ctl/item.h"
#include "store/model.h"

#define PLAN_MEMORY (256u << 20)
#define NOTES_MAX (1u << 20)

/* What is imported, by a part of the type's name, and the fields that name the object, the first that is there. */
static const struct source {
    const struct setting_kind *kind;
    const char *types[2];
    const char *names[2];
} sources[] = {
    { &partner_kind, { "XmppAllowedPartner", NULL }, { "Identity", "Domain" } },
    { &gateway_kind, { "XmppGatewaySettings", "XmppGatewayConfiguration" }, { "Identity", NULL } },
    { &policy_kind, { "ExternalAccessPolicy", NULL }, { "Identity", NULL } },
    { &org_kind, { "AccessEdgeSettings", "AccessEdgeConfiguration" }, { "Identity", NULL } },
    { &sip_user_kind, { "OCSADUser", "ADUser" }, { "SipAddress", NULL } },
};

#define N_SOURCES (sizeof(sources) / sizeof(sources[0]))

/* Fields that only PowerShell and the Central Management Store need. */
static bool is_plumbing(struct slice name)
{
    static const char *const names[] = { "Identity",
                                         "Domain",
                                         "SipAddress",
                                         "Element",
                                         "ScopeClass",
                                         "Anchor",
                                         "Key",
                                         "TypedIdentity",
                                         "XsAnyElements",
                                         "XsAnyAttributes",
                                         "PSComputerName",
                                         "RunspaceId",
                                         "BypassDualWrite",
                                         "PSShowComputerName",
                                         "PSSourceJobInstanceId" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_ieq(name, slice_str(names[i])))
            return true;
    return false;
}

static const struct setting *setting_of(const struct setting_kind *kind, struct slice field)
{
    for (size_t i = 0; i < kind->n; i++)
        if (kind->settings[i].lync && slice_ieq(field, slice_str(kind->settings[i].lync)))
            return &kind->settings[i];
    return NULL;
}

static bool names_type(struct slice type, const char *part)
{
    struct slice wanted = slice_str(part);

    for (size_t i = 0; wanted.n && i + wanted.n <= type.n; i++)
        if (slice_ieq(slice_of(type.p + i, wanted.n), wanted))
            return true;
    return false;
}

static size_t score(const struct lync_object *o, const struct setting_kind *kind)
{
    size_t n = 0;

    for (size_t i = 0; i < o->n; i++)
        n += setting_of(kind, o->fields[i].name) && !slice_ieq(o->fields[i].name, SLICE("Description"));
    return n;
}

/* By the type's name; without one, by the fields. NULL: nothing fits, or two fit alike. */
static const struct source *source_of(const struct lync_object *o)
{
    const struct source *best = NULL;
    size_t best_score = 0;

    for (size_t i = 0; i < N_SOURCES; i++)
        if (names_type(o->type, sources[i].types[0]) || names_type(o->type, sources[i].types[1]))
            return &sources[i];
    for (size_t i = 0; i < N_SOURCES; i++) {
        size_t n = score(o, sources[i].kind);

        if (n == best_score)
            best = NULL;
        if (n <= best_score)
            continue;
        best = &sources[i];
        best_score = n;
    }
    return best;
}

void lync_plan_init(struct lync_plan *p, bool take_numbers)
{
    *p = (struct lync_plan){ .take_numbers = take_numbers };
    arena_init(&p->arena, PLAN_MEMORY);
    buf_init(&p->notes, NOTES_MAX);
}

void lync_plan_fini(struct lync_plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        json_decref(p->items[i].values);
    free(p->items);
    buf_free(&p->notes);
    arena_reset(&p->arena);
}

/* Scope and name as one word that Stox takes: Global, Site:Redmond, Tag:FedXmpp. */
static struct slice policy_name(struct lync_plan *p, struct slice old)
{
    const struct text_set set = text_set("._-:");
    struct slice name = old;
    struct buf b;

    if (slice_ieq(old, SLICE("Global")))
        return SLICE(POLICY_GLOBAL);
    buf_init(&b, LYNC_TEXT_MAX);
    if (slice_istarts(old, SLICE("Site:"))) {
        buf_str(&b, POLICY_SITE);
        name = slice_from(old, 5);
    } else if (slice_istarts(old, SLICE("Tag:"))) {
        name = slice_from(old, 4);
    }
    for (size_t i = 0; i < name.n; i++)
        buf_char(&b, text_in(&set, (unsigned char)name.p[i]) ? name.p[i] : '-');
    name = buf_ok(&b) ? arena_dup(&p->arena, buf_slice(&b)) : slice_of(NULL, 0);
    buf_free(&b);
    return name;
}

static int name_item(struct lync_plan *p, struct lync_item *item, const struct source *source,
                     const struct lync_object *o, struct err *err)
{
    const struct lync_field *field = lync_field(o, source->names[0]);
    struct slice name = { NULL, 0 };

    if ((!field || field->form != LYNC_TEXT) && source->names[1])
        field = lync_field(o, source->names[1]);
    if (field && field->form == LYNC_TEXT && field->n == 1)
        item->old_name = field->v[0];
    if (source->kind->title) {
        if (!item->old_name.n)
            return err_set(err, "a %s without a readable %s", source->types[0], source->names[0]);
        name = source->kind == &policy_kind ? policy_name(p, item->old_name) : item->old_name;
    }
    if (source->kind->title && !name.p)
        return err_memory(err, "making a plan");
    if (setting_title(source->kind, &item->name, name, &p->arena, err) == 0)
        return 0;
    return err_wrap(err, "%s \"%.*s\"", source->types[0], (int)(item->old_name.n < 200 ? item->old_name.n : 200),
                    item->old_name.p);
}

static void note(struct lync_plan *p, const struct lync_item *item, struct slice field, const char *why)
{
    struct slice name = item->old_name.n ? item->old_name : item->name;

    buf_printf(&p->notes, "%.*s of %.*s: %s\n", SLICE_FMT(field), SLICE_FMT(name), why);
}

/* Entries of a list that a person has joined to one text before exporting it. */
static int split(json_t *list, const struct setting *s, struct slice text, struct err *err)
{
    for (size_t at = 0; at < text.n;) {
        size_t end = at;
        json_t *v;

        while (end < text.n && !strchr(",; \r\n\t", text.p[end]))
            end++;
        if (end > at) {
            v = item_value(s, slice_of(text.p + at, end - at), err);
            if (!v)
                return -1;
            if (json_array_append_new(list, v))
                return err_memory(err, "making a plan");
        }
        at = end + 1;
    }
    return 0;
}

static json_t *list_value(const struct setting *s, const struct lync_field *field, struct err *err)
{
    json_t *list = json_array();
    int rc = list ? 0 : err_memory(err, "making a plan");

    for (size_t i = 0; i < field->n && rc == 0; i++) {
        if (lync_is_placeholder(field->v[i]))
            rc = err_set(err, "not readable: the file has the name of a type in place of the list's entries");
        else
            rc = split(list, s, field->v[i], err);
    }
    if (rc == 0)
        return list;
    json_decref(list);
    return NULL;
}

static bool is_number(struct slice text)
{
    uint64_t n;

    return slice_u64(text, UINT32_MAX, &n);
}

/* The name that an enumeration's number stands for; unchanged when that is not to be assumed. */
static struct slice choice_text(struct lync_plan *p, const struct setting *s, struct slice field, struct slice text)
{
    uint64_t number, n = 0;

    while (s->choices[n])
        n++;
    if (!slice_u64(text, UINT32_MAX, &number))
        return text;
    if (!p->take_numbers) {
        p->numbers = p->numbers.n ? p->numbers : field;
        return text;
    }
    return number < n ? slice_str(s->choices[number]) : text;
}

static json_t *scalar_value(struct lync_plan *p, const struct setting *s, const struct lync_field *field,
                            struct err *err)
{
    struct slice text;

    if (field->form == LYNC_LIST || field->n != 1) {
        err_set(err, "not readable: one value is expected, and there are %zu", field->n);
        return NULL;
    }
    text = slice_trim(field->v[0]);
    if (s->type == SETTING_CHOICE)
        text = choice_text(p, s, field->name, text);
    if (s->type == SETTING_NAME && s->lync && names_type(slice_str(s->lync), "ExternalAccessPolicy"))
        text = policy_name(p, text);
    if (!text.p) {
        err_memory(err, "making a plan");
        return NULL;
    }
    if (s->type == SETTING_CHOICE && is_number(text) && !p->take_numbers) {
        err_set(err, "not taken: it is a number, and which name that stands for is not said");
        return NULL;
    }
    return item_value(s, text, err);
}

static void count_unknown(struct lync_plan *p, struct slice name)
{
    size_t i = 0;

    while (i < p->n_unknown && !slice_ieq(p->unknown[i].name, name))
        i++;
    if (i == LYNC_UNKNOWN_MAX)
        return;
    if (i == p->n_unknown)
        p->unknown[p->n_unknown++].name = name;
    p->unknown[i].n++;
}

static bool is_nothing(const struct setting *s, const struct lync_field *field)
{
    return field->form == LYNC_NOTHING ||
           (field->form == LYNC_TEXT && !setting_is_list(s) && field->n == 1 && !slice_trim(field->v[0]).n);
}

static int take_field(struct lync_plan *p, struct lync_item *item, const struct lync_field *field, struct err *err)
{
    const struct setting *s = setting_of(item->kind, field->name);
    struct err why = { "not readable: the file does not say what it is" };
    json_t *v;

    if (!s) {
        if (!is_plumbing(field->name))
            count_unknown(p, field->name);
        return 0;
    }
    if (is_nothing(s, field) || json_object_get(item->values, s->name))
        return 0;
    v = field->form == LYNC_UNREADABLE ? NULL
        : setting_is_list(s)           ? list_value(s, field, &why)
                                       : scalar_value(p, s, field, &why);
    if (!v && why.memory)
        return err_memory(err, "making a plan");
    if (!v) {
        note(p, item, field->name, why.text);
        return 0;
    }
    return json_object_set_new(item->values, s->name, v) ? err_memory(err, "making a plan") : 0;
}

static struct lync_item *add_item(struct lync_plan *p)
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 64;
        struct lync_item *items = realloc(p->items, cap * sizeof(*items));

        if (!items)
            return NULL;
        p->items = items;
        p->cap = cap;
    }
    p->items[p->n] = (struct lync_item){ .values = json_object() };
    if (!p->items[p->n].values)
        return NULL;
    return &p->items[p->n++];
}

static int add_object(struct lync_plan *p, const struct lync_object *o, struct err *err)
{
    const struct source *source = source_of(o);
    struct lync_item *item;
    char type[200];

    log_escape(type, sizeof(type), o->type);
    if (!source)
        return err_set(err,
                       "there is an object%s%s in it that is neither an allowed partner nor gateway settings nor an "
                       "external access policy",
                       o->type.n ? " of type " : "", type);
    item = add_item(p);
    if (!item)
        return err_memory(err, "making a plan");
    item->kind = source->kind;
    if (name_item(p, item, source, o, err))
        return -1;
    for (size_t i = 0; i < o->n; i++)
        if (take_field(p, item, &o->fields[i], err))
            return -1;
    /* A user to whom nothing is granted has nothing particular here. */
    if (item->kind->on_demand && json_object_size(item->values) == 0) {
        json_decref(item->values);
        p->n--;
    }
    return 0;
}

int lync_plan_add(struct lync_plan *p, const struct lync_file *f, struct err *err)
{
    for (size_t i = 0; i < f->n; i++)
        if (add_object(p, &f->objects[i], err))
            return -1;
    return buf_ok(&p->notes) ? 0
           : p->notes.n < NOTES_MAX - 4096
               ? err_memory(err, "making a plan")
               : err_set(err, "so much of it is not readable that there is no room to list it");
}

static int by_kind_and_name(const void *a, const void *b)
{
    const struct lync_item *x = a, *y = b;
    size_t kx = model_index(x->kind), ky = model_index(y->kind);

    return kx != ky ? (kx < ky ? -1 : 1) : slice_cmp(x->name, y->name);
}

int lync_plan_check(struct lync_plan *p, struct err *err)
{
    if (p->n)
        qsort(p->items, p->n, sizeof(*p->items), by_kind_and_name);
    for (size_t i = 1; i < p->n; i++)
        if (by_kind_and_name(&p->items[i - 1], &p->items[i]) == 0)
            return err_set(err, "%s%s%.*s%s is there twice", p->items[i].kind->noun, p->items[i].name.n ? " \"" : "",
                           SLICE_FMT(p->items[i].name), p->items[i].name.n ? "\"" : "");
    return 0;
}
