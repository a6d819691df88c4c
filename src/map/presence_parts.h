/* What the files of the mapping of presence share. */
#ifndef STOX_MAP_PRESENCE_PARTS_H
#define STOX_MAP_PRESENCE_PARTS_H

#include "map/presence.h"

enum map_show map_show_of(struct slice word);  /* what is no show is MAP_SHOW_NONE */
const char *map_show_name(enum map_show show); /* "dnd"; NONE: "" */

/* The first bytes of a text, at most max, cut at a character. */
struct slice map_presence_cut(struct slice text, size_t max);

/* A note goes into its language's place, cut; a second one of a language, an empty one, one too many is left out. */
void map_presence_add_note(struct map_presence *p, struct slice lang, struct slice text);

/* Not available: only resource, time and notes stay. */
void map_presence_close(struct map_presence *p);

/* In the place of the same resource, or as one more; when there are MAP_PRESENCE_MAX, the least available one goes. v has that room. */
void map_presences_put(struct map_presences *p, const struct map_presence *one);

/* Thousandths of a contact's priority for 0 to 127, and back: all 128 are distinct (catalogue 8.2, 8.3). */
unsigned map_priority_to_contact(int8_t priority);
bool map_priority_of_contact(struct slice qvalue, int8_t *out); /* false: not a number from 0 to 1 */

#endif
