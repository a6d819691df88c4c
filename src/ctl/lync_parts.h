/* What the three readers of lync.h share. */
#ifndef STOX_CTL_LYNC_PARTS_H
#define STOX_CTL_LYNC_PARTS_H

#include "ctl/lync.h"

/* One more; NULL with a sentence at a bound or without memory. Pointers to earlier ones end to be good. */
struct lync_object *lync_add_object(struct lync_file *f, struct err *err);
struct lync_field *lync_add_field(struct lync_file *f, struct lync_object *o, struct slice name, struct err *err);
int lync_add_value(struct lync_file *f, struct lync_field *field, struct slice text, struct err *err);

/* Each fills f from text in UTF-8. -1 with a sentence. */
int lync_read_json(struct lync_file *f, struct slice text, struct err *err);
int lync_read_csv(struct lync_file *f, struct slice text, struct err *err);
int lync_read_clixml(struct lync_file *f, struct slice text, struct err *err);

#endif
