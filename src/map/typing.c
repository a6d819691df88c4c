#include "map/typing.h"

#include "xmpp/writer.h"

#define NS_COMPOSING "urn:ietf:params:xml:ns:im-iscomposing"
#define NS_CHATSTATES "http://jabber.org/protocol/chatstates"
#define REFRESH_MAX 86400 /* longer than anybody types */

static const char *const names[] = {
    [MAP_CHAT_ACTIVE] = "active",     [MAP_CHAT_COMPOSING] = "composing", [MAP_CHAT_PAUSED] = "paused",
    [MAP_CHAT_INACTIVE] = "inactive", [MAP_CHAT_GONE] = "gone",
};

#define N_NAMES (sizeof(names) / sizeof(names[0]))

/* ---- RFC 3994 ---- */

struct reading {
    struct map_composing *out;
    struct arena arena;
    bool has_state, no_memory;
};

static void on_child(void *arg, const struct xml *el)
{
    struct reading *r = arg;
    bool state = xml_is(el, NS_COMPOSING, "state");
    struct slice text;
    uint64_t n;

    if (!state && !xml_is(el, NS_COMPOSING, "refresh"))
        return;
    text = xml_text(&r->arena, el);
    if (!text.p) {
        r->no_memory = true;
        return;
    }
    text = slice_trim(text);
    if (state && !r->has_state) {
        r->has_state = true;
        r->out->active = slice_is(text, "active");
    } else if (!state && slice_u64(text, UINT32_MAX, &n)) {
        r->out->refresh_s = (unsigned)(n < REFRESH_MAX ? n : REFRESH_MAX);
    }
}

enum map_document_fault map_composing_read(struct slice text, struct map_composing *out)
{
    char memory[512];
    struct reading r = { .out = out };
    enum map_document_fault fault;

    *out = (struct map_composing){ 0 };
    arena_init_on(&r.arena, memory, sizeof(memory), 2 * MAP_DOCUMENT_MAX);
    fault = map_document_read(text, NS_COMPOSING, "isComposing", on_child, &r);
    arena_reset(&r.arena);
    if (fault != MAP_DOCUMENT_OK)
        return fault;
    if (r.no_memory)
        return MAP_DOCUMENT_NO_MEMORY;
    return r.has_state ? MAP_DOCUMENT_OK : MAP_DOCUMENT_MALFORMED;
}

void map_composing_put(struct buf *b, bool active, unsigned refresh_s)
{
    buf_str(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<isComposing xmlns=\"" NS_COMPOSING "\"><state>");
    buf_str(b, active ? "active" : "idle");
    buf_str(b, "</state><contenttype>text/plain</contenttype>");
    if (active && refresh_s) {
        buf_str(b, "<refresh>");
        buf_u64(b, refresh_s);
        buf_str(b, "</refresh>");
    }
    buf_str(b, "</isComposing>");
}

/* ---- XEP-0085 ---- */

bool map_chat_state_is(const struct xml *el)
{
    return slice_is(el->ns, NS_CHATSTATES);
}

enum map_chat_state map_chat_state_of(const struct xml *message)
{
    for (const struct xml *el = xml_first_child(message); el; el = xml_next(el)) {
        if (!map_chat_state_is(el))
            continue;
        for (size_t i = MAP_CHAT_ACTIVE; i < N_NAMES; i++)
            if (slice_is(el->name, names[i]))
                return (enum map_chat_state)i;
    }
    return MAP_CHAT_NONE;
}

void map_chat_state_put(struct buf *b, const struct jid *from, const struct jid *to, struct slice thread,
                        enum map_chat_state state)
{
    buf_str(b, "<message");
    xml_put_attr_jid(b, "from", from);
    xml_put_attr_jid(b, "to", to);
    buf_str(b, " type='chat'><");
    buf_str(b, names[state]);
    buf_str(b, " xmlns='" NS_CHATSTATES "'/>");
    if (thread.n)
        xml_put_text_element(b, "thread", thread);
    buf_str(b, "<no-store xmlns='urn:xmpp:hints'/></message>");
}

/* ---- between the two ---- */

bool map_chat_state_to_composing(enum map_chat_state state, bool *active)
{
    *active = state == MAP_CHAT_COMPOSING;
    return state != MAP_CHAT_NONE && state != MAP_CHAT_GONE;
}

enum map_chat_state map_chat_state_of_composing(bool active)
{
    return active ? MAP_CHAT_COMPOSING : MAP_CHAT_ACTIVE;
}
