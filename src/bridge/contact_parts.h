/* Inside contact*.c: who has contacts, what is on its way to the store, and who waits for it. */
#ifndef STOX_BRIDGE_CONTACT_PARTS_H
#define STOX_BRIDGE_CONTACT_PARTS_H

#include "bridge/bridge_private.h"

/* A partner's domain with contacts. */
struct contact_domain {
    struct hash_node node;
    size_t n; /* contacts */
    uint16_t n_name;
    char name[];
};

/* One of the two people of contacts: a bare address. */
struct contact_user {
    struct hash_node node;
    struct list contacts;          /* of_local, or of_remote */
    struct contact_domain *domain; /* NULL: one of ours */
    uint32_t n;                    /* contacts */
    uint32_t n_walks;              /* that are under way */
    uint16_t n_local, n_name;      /* bytes before the @ (0: there is none), and of all */
    char name[];
};

/* What is stored of a contact, and what is not yet. */
struct contact_state {
    uint32_t x2s_since_s, s2x_since_s;
    uint8_t x2s, s2x;
    bool added;
};

struct contact_change {
    struct ledger_place place;
    struct contact *contact;
    uint64_t number;           /* of the last change */
    struct contact_state kept; /* what the store has; valid with kept_stored */
    bool kept_stored;
    struct list waiting; /* struct contact_wait, by number */
};

struct contact_wait {
    struct list link;
    struct contact *contact;
    uint64_t number; /* of the change that it waits for */
    contact_then_fn *fn;
    bool has_receipt;
    uint64_t receipt;
};

struct contact_state contact_state_of(const struct contact *c);
void contact_state_set(struct contact *c, const struct contact_state *s);
bool contact_is_empty(const struct contact *c); /* nothing in it is worth a row */

/* Made without asking for limits; not there yet. NULL: no memory. */
struct contact *contact_add(struct bridge *b, const struct jid *local, const struct jid *remote);

void contact_free(struct bridge *b, struct contact *c);
void contact_end(struct bridge *b, struct contact *c); /* with all that waits; nobody is told */

/* If the state is another one than before. */
void contact_tell_changed(struct bridge *b, struct contact *c, const struct contact_state *before);

void contacts_init_ready(struct contacts *t);
void contacts_fini_ready(struct contacts *t);

/* "alice@contoso.example" in parts, borrowed. False: it is no bare address. */
bool contact_split(struct slice bare, struct jid *out);

/* Is a row one that a contact can be made of? */
bool contact_row_is_sound(const struct store_contact *row);
struct contact_state contact_row_state(const struct store_contact *row);

/* ---- on the loop, for the ledger's thread ---- */

void contacts_on_settled(struct bridge *b, const struct ledger_row *rows, size_t n, bool durable);
void contacts_on_news(struct bridge *b, const struct ledger_news *news);

/* After the last of whole news: what was not among them is gone. In slices: about n contacts from *cursor on. */
void contacts_sweep(struct bridge *b, uint64_t *cursor, size_t n);
/* Before the first of them. */
void contacts_unsee(struct bridge *b, uint64_t *cursor, size_t n);

extern const struct ledger_ops contact_ledger_ops;

#endif
