/* Contacts written shortly, and what is stored of them as one text. */
#ifndef STOX_TESTS_CONTACTS_RIG_H
#define STOX_TESTS_CONTACTS_RIG_H

#include "store/contacts.h"
#include "store_rig.h"

/* "alice@contoso.example" and "romeo@fabrikam.example", with these states; both 0: it is gone. */
struct store_contact rig_contact(const char *local, const char *remote, unsigned x2s, unsigned s2x);

/* "head[ whole]; local>remote x2s.s2x@revision; ..." in one order; gone ones as "local>remote gone@revision". */
void rig_contacts(struct store *s, uint64_t since, struct buf *out);

/* What is stored now is this. */
void rig_contacts_are(struct store *s, uint64_t since, const char *expected);

#endif
