#include "base/columns.h"

#include <unictype.h>
#include <uniwidth.h>

#include "base/text.h"

/* Controls, and the invisible ones that hide or reorder what stands next to them. */
static bool steers(uint32_t ch)
{
    return ch < 0x20 || (ch >= 0x7f && ch < 0xa0) || ch == 0x2028 || ch == 0x2029 ||
           uc_is_property(ch, UC_PROPERTY_BIDI_CONTROL) || uc_is_property(ch, UC_PROPERTY_DEFAULT_IGNORABLE_CODE_POINT);
}

void columns_put(struct buf *out, struct slice s)
{
    uint32_t ch;

    for (size_t at = 0; at < s.n;) {
        size_t from = at;

        if (!text_next(s, &at, &ch)) {
            buf_str(out, "\xef\xbf\xbd");
            at = from + 1;
        } else if (steers(ch)) {
            buf_printf(out, "\\u{%x}", (unsigned)ch);
        } else {
            buf_add(out, s.p + from, at - from);
        }
    }
}

static size_t width_of(uint32_t ch)
{
    int w = uc_width(ch, "UTF-8");

    return w > 0 ? (size_t)w : 0;
}

size_t columns_of(struct slice s)
{
    size_t width = 0, at = 0;
    uint32_t ch;

    while (text_next(s, &at, &ch))
        width += width_of(ch);
    return width;
}

struct slice columns_cut(struct slice s, size_t columns)
{
    size_t width = 0, at = 0, end = 0;
    uint32_t ch;

    while (text_next(s, &at, &ch)) {
        width += width_of(ch);
        if (width > columns)
            break;
        end = at;
    }
    return slice_first(s, end);
}
