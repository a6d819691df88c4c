#include "link/ear.h"

#include <stdlib.h>

#include "xmpp/parties.h"

#define ARENA_MAX 65536
#define MEMORY_MAX (16u << 20)
#define NS_SERVER "jabber:server"
#define NS_MARK "stox:link"
#define OPEN "<s:stream xmlns='" NS_SERVER "' xmlns:s='http://etherx.jabber.org/streams'>"
/* Behind each stanza: whoever leaves something open, or says more, has it in the wrong place, or not at all. */
#define MARK "<mark xmlns='" NS_MARK "'/>"

struct link_ear {
    const struct xmpp_ops *ops;
    void *owner;
    struct xml_reader *reader;
    const struct link_stanza_frame *frame; /* being heard */
    unsigned n;                            /* elements of it, the mark among them */
    bool marking;                          /* the mark is being read */
    enum link_heard heard;
    const char *why;
};

static void set(struct link_ear *ear, enum link_heard heard, const char *why)
{
    ear->heard = heard;
    ear->why = why;
}

static bool is_stanza(const struct xml *el)
{
    return xml_is(el, NS_SERVER, "message") || xml_is(el, NS_SERVER, "presence") || xml_is(el, NS_SERVER, "iq");
}

/* Of the proven pair, and within the settings. False: it was said what it is. */
static bool judge(struct link_ear *ear, struct arena *a, const struct xml *el, struct xmpp_parties *p)
{
    enum xmpp_parties_fault fault = xmpp_parties_read(a, xml_attr(el, "from"), xml_attr(el, "to"), p);

    if (fault == XMPP_PARTIES_NO_MEMORY)
        set(ear, LINK_NO_MEMORY, "out of memory");
    else if (fault != XMPP_PARTIES_OK || !p->from_ok || !p->to_ok)
        set(ear, LINK_A_LIE, "STANZA: an address of the stanza is malformed");
    else if (!slice_eq(p->from.domain, ear->frame->remote) || !slice_eq(p->to.domain, ear->frame->local))
        set(ear, LINK_A_LIE, "STANZA: the stanza is from or to another domain than the frame says");
    else if (ear->ops->serves(ear->owner, p->from.domain))
        set(ear, LINK_A_LIE, "STANZA: its sender is of a domain of ours");
    else if (!ear->ops->partner(ear->owner, p->from.domain) || !ear->ops->serves(ear->owner, p->to.domain))
        set(ear, LINK_NOT_OURS, "the settings have no such pair of domains");
    else
        return true;
    return false;
}

static void take(struct link_ear *ear, struct xml *el)
{
    char mem[2048];
    struct arena arena;
    struct xmpp_parties p;
    const struct xmpp_stanza stanza = { .el = el,
                                        .arena = &arena,
                                        .from = &p.from,
                                        .to = &p.to,
                                        .stream_lang = ear->frame->lang,
                                        .receipt = ear->frame->receipt };

    arena_init_on(&arena, mem, sizeof(mem), ARENA_MAX);
    if (judge(ear, &arena, el, &p)) {
        set(ear, LINK_TAKEN, "");
        ear->ops->stanza(ear->owner, &stanza);
    }
    arena_reset(&arena);
}

static void on_open(void *owner, const struct xml *root)
{
}

static void on_close(void *owner)
{
    struct link_ear *ear = owner;

    set(ear, LINK_A_LIE, "STANZA: it ends the stream");
}

static void on_element(void *owner, struct xml *el)
{
    struct link_ear *ear = owner;

    if (++ear->n == 1 && is_stanza(el))
        take(ear, el);
    else if (ear->n != 2 || !ear->marking || !xml_is(el, NS_MARK, "mark"))
        set(ear, LINK_A_LIE, ear->n == 1 ? "STANZA: it is no stanza" : "STANZA: it is more than one element");
}

static bool feed(struct link_ear *ear, struct slice bytes)
{
    enum xml_fault fault = xml_reader_feed(ear->reader, bytes.p, bytes.n);

    if (fault == XML_NO_MEMORY)
        set(ear, LINK_NO_MEMORY, "out of memory");
    else if (fault != XML_OK)
        set(ear, LINK_A_LIE, "STANZA: it cannot be read as XML");
    return fault == XML_OK;
}

enum link_heard link_ear_hear(struct link_ear *ear, const struct link_stanza_frame *frame, const char **why)
{
    ear->frame = frame;
    ear->n = 0;
    set(ear, LINK_A_LIE, "STANZA: it is no whole element");
    ear->marking = false;
    if (feed(ear, frame->stanza) && (ear->heard == LINK_TAKEN || ear->heard == LINK_NOT_OURS)) {
        ear->marking = true;
        if (feed(ear, SLICE(MARK)) && ear->n != 2)
            set(ear, LINK_A_LIE, "STANZA: something is left open behind it");
    }
    ear->frame = NULL;
    *why = ear->why;
    return ear->heard;
}

struct link_ear *link_ear_new(const struct xmpp_ops *ops, void *owner)
{
    static const struct xml_reader_ops reader_ops = { on_open, on_element, on_close };
    /* What a stream's limits let in, written anew with all quotes escaped. */
    static const struct xml_limits limits = {
        .element_max = LINK_HEARD_MAX, .tag_max = 128 * 1024, .depth_max = 64, .attrs_max = 256
    };
    struct link_ear *ear = calloc(1, sizeof(*ear));

    if (!ear)
        return NULL;
    ear->ops = ops;
    ear->owner = owner;
    ear->reader = xml_reader_new(&reader_ops, ear, &limits, MEMORY_MAX);
    if (ear->reader && feed(ear, SLICE(OPEN)))
        return ear;
    link_ear_free(ear);
    return NULL;
}

void link_ear_free(struct link_ear *ear)
{
    if (!ear)
        return;
    xml_reader_free(ear->reader);
    free(ear);
}
