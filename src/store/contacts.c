#include "store/contacts.h"

#include "base/text.h"
#include "store/store_engine.h"

static bool is_address(struct slice s)
{
    return s.n > 0 && s.n <= STORE_CONTACT_MAX && slice_find(s, '\0') == s.n && text_is_utf8(s);
}

enum store_result store_contacts_load(struct store *s, uint64_t since, store_contact_fn *fn, void *arg,
                                      struct store_contacts *out, struct err *err)
{
    *out = (struct store_contacts){ 0 };
    return s->ops->contacts_load(s, since, fn, arg, out, err);
}

enum store_result store_contacts_write(struct store *s, const struct store_contact *rows, size_t n, uint64_t *before,
                                       struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (is_address(rows[i].local) && is_address(rows[i].remote))
            continue;
        err_set(err, "a contact has an address that is empty, too long, not UTF-8 or has a NUL in it");
        return STORE_FAULT;
    }
    return s->ops->contacts_write(s, rows, n, before, err);
}

bool store_contacts_forgets(uint64_t revision, uint64_t *up_to)
{
    if (revision % STORE_CONTACTS_FORGET_EVERY || revision <= STORE_CONTACTS_KEEP)
        return false;
    *up_to = revision - STORE_CONTACTS_KEEP;
    return true;
}

bool store_contacts_whole(uint64_t since, const struct store_contacts_head *head)
{
    return since == 0 || since < head->forgotten;
}
