#include "map/hops.h"

#define SHIM "http://jabber.org/protocol/shim"
#define END "</message>"

void map_hops_put(struct buf *out, const struct sip_msg *m)
{
    unsigned left = m->max_forwards < 0 ? MAP_HOPS : (unsigned)m->max_forwards;
    static const char before[] = "<headers xmlns='" SHIM "'><header name='Max-Forwards'>";
    static const char after[] = "</header></headers>" END;

    if (!slice_ends(buf_slice(out), SLICE(END)) || out->max - out->n < sizeof(before) + sizeof(after) + 20)
        return;
    out->n -= sizeof(END) - 1;
    buf_str(out, before);
    buf_u64(out, left ? left - 1 : 0);
    buf_str(out, after);
}

unsigned map_hops_of(struct arena *a, const struct xml *stanza)
{
    const struct xml *headers = xml_child(stanza, SHIM, "headers");
    uint64_t left;

    if (!headers)
        return MAP_HOPS;
    for (const struct xml *h = headers->first; h; h = h->next)
        if (xml_is(h, SHIM, "header") && slice_is(xml_attr(h, "name"), "Max-Forwards"))
            return slice_u64(slice_trim(xml_text(a, h)), UINT32_MAX, &left) && left < MAP_HOPS ? (unsigned)left
                                                                                               : MAP_HOPS;
    return MAP_HOPS;
}
