#include "map/language.h"

#include "base/text.h"

struct slice map_language_tag(struct slice list)
{
    struct slice tag, rest;
    size_t run = 0;

    slice_cut(list, ',', &tag, &rest);
    tag = slice_trim(tag);
    for (size_t i = 0; i < tag.n; i++) {
        char c = text_lower(tag.p[i]);

        if (c == '-' && run)
            run = 0;
        else if (((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) && run < 8)
            run++;
        else
            return (struct slice){ 0 };
    }
    return run && tag.n <= 64 ? tag : (struct slice){ 0 };
}
