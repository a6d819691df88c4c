#include "xmpp/xml_lex.h"

#include "xmpp/xml_depth.h"

/* The first bytes of a stream are looked at one by one, up to where a declaration behind a byte order mark can begin. */
#define START_BYTES 5

static const unsigned char bom[3] = { 0xEF, 0xBB, 0xBF };

void xml_lex_init(struct xml_lex *l)
{
    *l = (struct xml_lex){ .state = XML_LEX_TEXT };
}

/* White space between stanzas belongs to none and costs nothing; everything else does. */
static bool counts(const struct xml_lex *l)
{
    return l->depth != 1 || l->state != XML_LEX_TEXT;
}

bool xml_lex_in_tag(const struct xml_lex *l)
{
    return l->state != XML_LEX_TEXT && l->state != XML_LEX_CDATA;
}

/* How many of the next bytes (at least one) are of no interest to the state: they only count. 0: look at the next one. */
static size_t dull_run(const struct xml_lex *l, struct slice in)
{
    size_t n = 0;

    switch (l->state) {
    case XML_LEX_TEXT: return slice_find(in, '<');
    case XML_LEX_QUOTED: return slice_find(in, l->quote);
    case XML_LEX_CDATA: return l->matched ? 0 : slice_find(in, ']');
    case XML_LEX_TAG:
        while (n < in.n && in.p[n] != '>' && in.p[n] != '/' && in.p[n] != '\'' && in.p[n] != '"')
            n++;
        return n;
    default: return 0;
    }
}

/* Of n bytes, how many fit into the limits. */
static size_t within(const struct xml_lex *l, const struct xml_limits *limits, size_t n)
{
    size_t room;

    if (counts(l)) {
        room = l->element_bytes < limits->element_max ? limits->element_max - l->element_bytes : 0;
        n = n < room ? n : room;
    }
    if (xml_lex_in_tag(l)) {
        room = l->tag_bytes < limits->tag_max ? limits->tag_max - l->tag_bytes : 0;
        n = n < room ? n : room;
    }
    return n;
}

static void charge(struct xml_lex *l, size_t n)
{
    if (counts(l))
        l->element_bytes += n;
    if (xml_lex_in_tag(l))
        l->tag_bytes += n;
}

static void begin_tag(struct xml_lex *l)
{
    if (l->depth == 1)
        l->element_bytes = 0;
    l->state = XML_LEX_LT;
    l->tag_bytes = 0;
    l->n_attrs = 0;
    l->closing = l->slash = false;
    l->first = l->offset - 1 == l->bom && (l->bom == 0 || l->bom == sizeof(bom));
}

static unsigned depth_max(const struct xml_limits *limits)
{
    return limits->depth_max < XML_DEPTH_MAX ? limits->depth_max : XML_DEPTH_MAX;
}

/* At the '>' of a tag. */
static enum xml_fault end_tag(struct xml_lex *l, const struct xml_limits *limits, enum xml_lex_edge *edge)
{
    l->state = XML_LEX_TEXT;
    if (l->closing) {
        if (l->depth == 0)
            return XML_NOT_WELL_FORMED;
        l->depth--;
        *edge = l->depth == 1 ? XML_LEX_ELEMENT : l->depth == 0 ? XML_LEX_CLOSED : XML_LEX_NO_EDGE;
        return XML_OK;
    }
    if (l->depth >= depth_max(limits))
        return XML_TOO_BIG;
    if (l->depth == 0)
        *edge = l->slash ? XML_LEX_OPENED_AND_CLOSED : XML_LEX_OPENED;
    else if (l->depth == 1 && l->slash)
        *edge = XML_LEX_ELEMENT;
    if (!l->slash)
        l->depth++;
    return XML_OK;
}

/* "<?": an XML declaration at the very beginning, anything else is a processing instruction. */
static enum xml_fault begin_decl(struct xml_lex *l)
{
    if (!l->first)
        return XML_RESTRICTED;
    l->state = XML_LEX_DECL;
    l->matched = 0;
    return XML_OK;
}

static enum xml_fault behind_lt(struct xml_lex *l, char c)
{
    switch (c) {
    case '?': return begin_decl(l);
    case '!':
        l->state = XML_LEX_BANG;
        l->matched = 0;
        return XML_OK;
    case '/':
        l->state = XML_LEX_TAG;
        l->closing = true;
        return XML_OK;
    case '>': return XML_NOT_WELL_FORMED;
    default: l->state = XML_LEX_TAG; return XML_OK;
    }
}

static enum xml_fault in_bang(struct xml_lex *l, char c)
{
    static const char cdata[] = "[CDATA[";

    if (l->matched == 0 && (c == '-' || c == 'D'))
        return XML_RESTRICTED; /* a comment, a DOCTYPE */
    if (c != cdata[l->matched])
        return XML_NOT_WELL_FORMED;
    if (++l->matched == sizeof(cdata) - 1) {
        l->state = XML_LEX_CDATA;
        l->matched = 0;
    }
    return XML_OK;
}

static enum xml_fault in_decl(struct xml_lex *l, char c)
{
    if (l->matched < 3)
        return c == "xml"[l->matched++] ? XML_OK : XML_RESTRICTED;
    if (l->matched == 3) {
        l->matched++;
        return c == ' ' || c == '\t' || c == '\r' || c == '\n' ? XML_OK : XML_RESTRICTED;
    }
    if (c == '>')
        l->state = XML_LEX_TEXT;
    return XML_OK;
}

static void in_cdata(struct xml_lex *l, char c)
{
    if (c == ']')
        l->matched = l->matched < 2 ? l->matched + 1 : 2;
    else if (c == '>' && l->matched == 2)
        l->state = XML_LEX_TEXT;
    else
        l->matched = 0;
}

static enum xml_fault in_tag_byte(struct xml_lex *l, const struct xml_limits *limits, char c, enum xml_lex_edge *edge)
{
    if (c == '>')
        return end_tag(l, limits, edge);
    l->slash = c == '/';
    if (c == '"' || c == '\'') {
        if (++l->n_attrs > limits->attrs_max)
            return XML_TOO_BIG;
        l->quote = c;
        l->state = XML_LEX_QUOTED;
    }
    return XML_OK;
}

static enum xml_fault on_byte(struct xml_lex *l, const struct xml_limits *limits, char c, enum xml_lex_edge *edge)
{
    switch (l->state) {
    case XML_LEX_TEXT: return XML_OK; /* '<' was taken by begin_tag */
    case XML_LEX_LT: return behind_lt(l, c);
    case XML_LEX_BANG: return in_bang(l, c);
    case XML_LEX_CDATA: in_cdata(l, c); return XML_OK;
    case XML_LEX_DECL: return in_decl(l, c);
    case XML_LEX_TAG: return in_tag_byte(l, limits, c, edge);
    case XML_LEX_QUOTED: l->state = XML_LEX_TAG; return XML_OK;
    }
    return XML_OK;
}

/*
 * The first two bytes decide expat's encoding, even against the one we ask for: UTF-16 and UTF-32 have a zero byte or a
 * byte order mark there, UTF-8 never (E2). EBCDIC begins with its '<', and no letter may stand there.
 */
static enum xml_fault at_start(struct xml_lex *l, unsigned char c)
{
    if (l->offset < 2 && (c == 0x00 || c == 0xFE || c == 0xFF))
        return XML_UNSUPPORTED_ENCODING;
    if (l->offset == 0 && c == 0x4C)
        return XML_UNSUPPORTED_ENCODING;
    if (l->offset == l->bom && l->bom < sizeof(bom) && c == bom[l->bom])
        l->bom++;
    l->offset++;
    return XML_OK;
}

/* Takes a dull run or one byte of in; adds to *used what the parser may see of it. */
static enum xml_fault step(struct xml_lex *l, const struct xml_limits *limits, struct slice in, size_t *used,
                           enum xml_lex_edge *edge)
{
    size_t run = l->offset < START_BYTES ? 0 : dull_run(l, in), n = run ? run : 1, fits;
    bool begins = run == 0 && l->state == XML_LEX_TEXT && in.p[0] == '<';
    enum xml_fault fault = XML_OK;

    if (begins)
        begin_tag(l);
    fits = within(l, limits, n);
    if (fits < n) {
        *used += fits;
        return XML_TOO_BIG;
    }
    charge(l, n);
    if (run)
        l->slash = false;
    else if (!begins)
        fault = on_byte(l, limits, in.p[0], edge);
    if (!fault)
        *used += n;
    return fault;
}

enum xml_fault xml_lex(struct xml_lex *l, const struct xml_limits *limits, struct slice in, size_t *used,
                       enum xml_lex_edge *edge)
{
    enum xml_fault fault = XML_OK;
    size_t i = 0;

    *edge = XML_LEX_NO_EDGE;
    while (i < in.n && !fault && *edge == XML_LEX_NO_EDGE) {
        fault = l->offset < START_BYTES ? at_start(l, (unsigned char)in.p[i]) : XML_OK;
        if (!fault)
            fault = step(l, limits, slice_from(in, i), &i, edge);
    }
    *used = i;
    return fault;
}
