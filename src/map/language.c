#include "map/language.h"

#include "base/text.h"

struct slice map_language_tag(struct slice list)
{
    struct slice tag, rest;
    size_t run = 0;
    bool primary = true; /* letters alone, so that it is an xs:language too */

    slice_cut(list, ',', &tag, &rest);
    tag = slice_trim(tag);
    for (size_t i = 0; i < tag.n; i++) {
        char c = text_lower(tag.p[i]);

        if (c == '-' && run) {
            run = 0;
            primary = false;
        } else if (((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9' && !primary)) && run < 8) {
            run++;
        } else {
            return (struct slice){ 0 };
        }
    }
    return run && tag.n <= 64 ? tag : (struct slice){ 0 };
}
