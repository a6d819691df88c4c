/* Counted memory for libexpat: what one parser takes is charged to the reader that owns it. */
#ifndef STOX_XMPP_XML_MEM_H
#define STOX_XMPP_XML_MEM_H

#include <expat.h>
#include <stddef.h>

struct xml_mem {
    size_t used;  /* bytes in blocks, their headers included */
    size_t other; /* what the owner has taken elsewhere and wants counted */
    size_t max;
};

/* Bytes that may still be taken. */
size_t xml_mem_room(const struct xml_mem *m);

/* NULL when the account or the machine has no more. Blocks know their account: free needs none. */
void *xml_mem_alloc(struct xml_mem *m, size_t n);
void xml_mem_free(void *p);

/*
 * The functions for XML_ParserCreate_MM. Expat hands them no context, so between enter and leave they charge the account
 * given to enter; leave takes what enter returned. Outside of the two they refuse.
 */
extern const XML_Memory_Handling_Suite xml_mem_suite;
struct xml_mem *xml_mem_enter(struct xml_mem *m);
void xml_mem_leave(struct xml_mem *outer);

#endif
