/*
 * The reader: bytes go through xml_lex, which enforces limits and finds edges, then through expat, whose handlers build a
 * tree. The owner is called between two calls of expat, never from inside one, when expat has seen exactly the bytes up to
 * the edge.
 */
#include "xmpp/xml.h"

#include <stdlib.h>

#include "base/rand.h"
#include "xmpp/xml_lex.h"
#include "xmpp/xml_mem.h"

/* Separates namespace and name in what expat hands us. XML cannot hold it, not even as a reference, so that no namespace
 * can smuggle a name of its choice in (CVE-2022-25236). */
#define SEPARATOR '\f'

/* Expat keeps a buffer of twice what it is fed at once. */
#define PIECE_MAX 2048

/* A tree takes several times its bytes on the wire. Beyond this it is made to use memory: <a/><a/><a/>... */
#define TREE_FACTOR 12
#define TREE_EXTRA 8192

/* Expat never forgets a name nor gives a buffer back. A parser that has grown by this much since the header is replaced
 * between two stanzas, so that no user of a partner can fill the partner's stream with names. */
#define PARSER_GROWTH (24 * 1024)

/* Bytes of the root's prefix that are kept: those that matter, and one more. */
#define PREFIX_KEEP 8

/* Text buffer that is worth keeping from one stanza to the next. */
#define TEXT_KEEP 256

struct binding {
    struct binding *next;
    size_t n;
    char ns[];
};

struct xml_reader {
    const struct xml_reader_ops *ops;
    void *owner;
    struct xml_limits limits;
    struct xml_mem mem;
    XML_Parser parser; /* NULL while asleep */
    size_t fed;        /* bytes this parser has been given */
    size_t renew_at;   /* memory at which it is replaced */
    struct xml_lex lex;
    enum xml_fault fault;
    bool stopped;
    bool closed;
    bool patient;                      /* expat may wait for more */
    bool replaying;                    /* the header, to a new parser */
    const char *alias_from, *alias_to; /* namespaces; NULL: none */

    char *head; /* the root's start tag as it came, for the next parser; owned */
    size_t head_n;
    struct binding *bindings; /* of the root; owned */
    char root_prefix[PREFIX_KEEP];
    size_t root_prefix_n; /* 0: none */

    struct arena arena;
    struct buf text;     /* character data not yet in the tree */
    struct xml *root;    /* until the owner has seen it */
    struct xml *element; /* the first-level element; its next is NULL */
    struct xml *at;      /* innermost open element below the root; its next points to its parent while it is open */
    bool complete;       /* element is */
    unsigned depth;      /* as expat sees it */
};

static void fail(struct xml_reader *r, enum xml_fault fault)
{
    if (r->fault == XML_OK)
        r->fault = fault;
    XML_StopParser(r->parser, XML_FALSE);
}

static void count_other(struct xml_reader *r)
{
    r->mem.other = r->arena.used + r->text.cap;
}

/* Zeroed memory of the current tree, charged to the element's share and the reader's account. */
static void *tree_alloc(struct xml_reader *r, size_t n)
{
    size_t share = r->limits.element_max * TREE_FACTOR + TREE_EXTRA;
    size_t room;
    void *p;

    count_other(r);
    room = xml_mem_room(&r->mem) + r->arena.used;
    r->arena.max = share < room ? share : room;
    p = r->arena.max < r->arena.used ? NULL : arena_zalloc(&r->arena, n); /* limits may have been lowered meanwhile */
    if (!p)
        fail(r, share <= room && r->arena.used + n > share / 2 ? XML_TOO_BIG : XML_NO_MEMORY);
    count_other(r);
    return p;
}

static struct slice store(char **to, struct slice s)
{
    char *p = *to;

    if (s.n)
        memcpy(p, s.p, s.n);
    *to += s.n;
    return slice_of(p, s.n);
}

/* "namespace\fname\fprefix", "namespace\fname" or "name" */
static void split_name(const char *text, struct slice *ns, struct slice *name, struct slice *prefix)
{
    struct slice all = slice_str(text), rest;

    if (!slice_cut(all, SEPARATOR, ns, &rest)) {
        *ns = slice_of("", 0);
        rest = all;
    }
    (void)slice_cut(rest, SEPARATOR, name, prefix);
}

/* Elements of one namespace mostly stand together: they share one copy of its name. */
static bool shared_ns(const struct xml *parent, struct slice ns, struct slice *out)
{
    if (ns.n == 0)
        *out = ns;
    else if (parent && slice_eq(parent->ns, ns))
        *out = parent->ns;
    else if (parent && parent->last && slice_eq(parent->last->ns, ns))
        *out = parent->last->ns;
    else
        return false;
    return true;
}

static bool add_attr(struct xml_reader *r, struct xml_attr ***tail, const char *full_name, const char *text)
{
    struct slice ns, name, prefix, value = slice_str(text);
    struct xml_attr *at;
    char *to;

    split_name(full_name, &ns, &name, &prefix);
    at = tree_alloc(r, sizeof(*at) + ns.n + name.n + value.n);
    if (!at)
        return false;
    to = (char *)(at + 1);
    at->ns = store(&to, ns);
    at->name = store(&to, name);
    at->value = store(&to, value);
    **tail = at;
    *tail = &at->next;
    return true;
}

/* Of the root, in case somebody asks. */
static void keep_prefix(struct xml_reader *r, struct slice prefix)
{
    prefix = slice_first(prefix, PREFIX_KEEP);
    if (prefix.n)
        memcpy(r->root_prefix, prefix.p, prefix.n);
    r->root_prefix_n = prefix.n;
}

static struct xml *new_element(struct xml_reader *r, const struct xml *parent, const char *full_name, const char **atts)
{
    struct slice ns, name, prefix;
    struct xml_attr **tail;
    struct xml *el;
    bool shared;
    char *to;

    split_name(full_name, &ns, &name, &prefix);
    if (r->alias_from && slice_is(ns, r->alias_from))
        ns = slice_str(r->alias_to);
    shared = shared_ns(parent, ns, &ns);
    el = tree_alloc(r, sizeof(*el) + name.n + (shared ? 0 : ns.n));
    if (!el)
        return NULL;
    to = (char *)(el + 1);
    el->name = store(&to, name);
    el->ns = shared ? ns : store(&to, ns);
    el->prefixed = prefix.n > 0;
    if (r->depth == 0)
        keep_prefix(r, prefix);
    tail = &el->attrs;
    for (; *atts; atts += 2) {
        if (!add_attr(r, &tail, atts[0], atts[1]))
            return NULL;
    }
    return el;
}

static void append(struct xml *parent, struct xml *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
}

/* Character data comes from expat in pieces; it enters the tree as one node when a tag ends it. */
static bool flush_text(struct xml_reader *r)
{
    struct xml *node;
    char *to;

    if (r->text.n == 0)
        return true;
    node = tree_alloc(r, sizeof(*node) + r->text.n);
    if (!node)
        return false;
    to = (char *)(node + 1);
    node->is_text = true;
    node->text = store(&to, buf_slice(&r->text));
    append(r->at, node);
    buf_clear(&r->text);
    return true;
}

/* Keeps the root's start tag as written. Expat's buffer still holds it whole. */
static bool keep_head(struct xml_reader *r)
{
    int offset, size, n = XML_GetCurrentByteCount(r->parser);
    const char *context = XML_GetInputContext(r->parser, &offset, &size);

    if (!context || n <= 0 || offset < 0 || n > size - offset)
        return true; /* an expat built without context: then the parser is never renewed */
    r->head = xml_mem_alloc(&r->mem, (size_t)n);
    if (!r->head)
        return false;
    memcpy(r->head, context + offset, (size_t)n);
    r->head_n = (size_t)n;
    return true;
}

static void XMLCALL on_start(void *arg, const char *name, const char **atts)
{
    struct xml_reader *r = arg;
    struct xml *el;

    if (r->fault || (r->replaying && r->depth++ == 0))
        return;
    if (r->complete || (r->depth == 1 && r->root)) {
        fail(r, XML_NOT_WELL_FORMED); /* xml_lex saw the element end elsewhere */
        return;
    }
    if (r->depth >= 2 && !flush_text(r))
        return;
    if (r->depth == 0 && !keep_head(r)) {
        fail(r, XML_NO_MEMORY);
        return;
    }
    el = new_element(r, r->at, name, atts);
    if (!el)
        return;
    if (r->depth == 0) {
        r->root = el;
    } else {
        if (r->at)
            append(r->at, el);
        else
            r->element = el;
        el->next = r->at;
        r->at = el;
    }
    r->depth++;
}

static void XMLCALL on_end(void *arg, const char *name)
{
    struct xml_reader *r = arg;
    struct xml *el = r->at;

    if (r->fault)
        return;
    r->depth--;
    if (!el)
        return; /* the root */
    if (!flush_text(r))
        return;
    r->at = el->next;
    el->next = NULL;
    r->complete = r->at == NULL;
}

static bool is_space(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != ' ' && p[i] != '\n' && p[i] != '\t' && p[i] != '\r')
            return false;
    }
    return true;
}

static void XMLCALL on_text(void *arg, const char *p, int n)
{
    struct xml_reader *r = arg;

    if (r->fault)
        return;
    if (!r->at) {
        /* White space between stanzas keeps the stream alive (RFC 6120 4.6.1); other text there has no meaning. */
        if (!is_space(p, (size_t)n))
            fail(r, XML_NOT_WELL_FORMED);
        return;
    }
    if (r->text.cap - r->text.n < (size_t)n) {
        count_other(r);
        if (2 * (r->text.n + (size_t)n) > xml_mem_room(&r->mem)) {
            fail(r, XML_NO_MEMORY);
            return;
        }
    }
    buf_add(&r->text, p, (size_t)n);
    if (!buf_ok(&r->text))
        fail(r, XML_NO_MEMORY);
    count_other(r);
}

static void XMLCALL on_namespace(void *arg, const char *prefix, const char *uri)
{
    struct xml_reader *r = arg;
    struct slice ns = slice_str(uri);
    struct binding *b;

    if (r->fault || r->replaying || r->depth > 0)
        return;
    b = xml_mem_alloc(&r->mem, sizeof(*b) + ns.n);
    if (!b) {
        fail(r, XML_NO_MEMORY);
        return;
    }
    b->next = r->bindings;
    b->n = ns.n;
    if (ns.n)
        memcpy(b->ns, ns.p, ns.n);
    r->bindings = b;
}

static void XMLCALL on_declaration(void *arg, const char *version, const char *encoding, int standalone)
{
    struct xml_reader *r = arg;

    if (encoding && !slice_ieq(slice_str(encoding), SLICE("UTF-8")))
        fail(r, XML_UNSUPPORTED_ENCODING);
    else if (standalone != -1 && !r->limits.is_document)
        fail(r, XML_RESTRICTED); /* RFC 6120 11.5 */
}

/* xml_lex refuses these three before expat sees them; here they are refused once more, should it ever miss one. */
static void XMLCALL on_doctype(void *arg, const char *name, const char *sysid, const char *pubid, int internal)
{
    fail(arg, XML_RESTRICTED);
}

static void XMLCALL on_pi(void *arg, const char *target, const char *data)
{
    fail(arg, XML_RESTRICTED);
}

static void XMLCALL on_comment(void *arg, const char *data)
{
    fail(arg, XML_RESTRICTED);
}

/* A parser with our handlers, charged to r; NULL on memory. */
static XML_Parser parser_new(struct xml_reader *r)
{
    static const char separator[] = { SEPARATOR, '\0' };
    struct xml_mem *outer = xml_mem_enter(&r->mem);
    XML_Parser p = XML_ParserCreate_MM("UTF-8", &xml_mem_suite, separator);

    if (p) {
        XML_SetHashSalt(p, (unsigned long)rand_u64());
        XML_SetReturnNSTriplet(p, XML_TRUE);
        XML_SetUserData(p, r);
        XML_SetElementHandler(p, on_start, on_end);
        XML_SetCharacterDataHandler(p, on_text);
        XML_SetStartNamespaceDeclHandler(p, on_namespace);
        XML_SetXmlDeclHandler(p, on_declaration);
        XML_SetStartDoctypeDeclHandler(p, on_doctype);
        XML_SetProcessingInstructionHandler(p, on_pi);
        XML_SetCommentHandler(p, on_comment);
        XML_SetReparseDeferralEnabled(p, XML_FALSE);
    }
    xml_mem_leave(outer);
    return p;
}

static void parser_free(XML_Parser p)
{
    if (p)
        XML_ParserFree(p);
}

static enum xml_fault fault_of(struct xml_reader *r)
{
    if (r->fault)
        return r->fault;
    switch (XML_GetErrorCode(r->parser)) {
    case XML_ERROR_NO_MEMORY: return XML_NO_MEMORY;
    case XML_ERROR_UNDEFINED_ENTITY:
    case XML_ERROR_MISPLACED_XML_PI: return XML_RESTRICTED;
    case XML_ERROR_UNBOUND_PREFIX: return XML_BAD_NAMESPACE_PREFIX;
    case XML_ERROR_UNKNOWN_ENCODING:
    case XML_ERROR_INCORRECT_ENCODING: return XML_UNSUPPORTED_ENCODING;
    default: return XML_NOT_WELL_FORMED;
    }
}

/* What expat has been given and could not finish: more than a tag can only be an endless name of an entity. */
static bool backlog_ok(const struct xml_reader *r)
{
    XML_Index done = XML_GetCurrentByteIndex(r->parser);

    return done < 0 || (size_t)done > r->fed || r->fed - (size_t)done <= r->limits.tag_max;
}

static enum xml_fault feed_parser(struct xml_reader *r, struct slice in)
{
    while (in.n) {
        size_t n = in.n < PIECE_MAX ? in.n : PIECE_MAX;
        struct xml_mem *outer = xml_mem_enter(&r->mem);
        enum XML_Status status = XML_Parse(r->parser, in.p, (int)n, XML_FALSE);

        xml_mem_leave(outer);
        r->fed += n;
        if (status != XML_STATUS_OK)
            return fault_of(r);
        if (r->fault)
            return r->fault;
        if (!backlog_ok(r))
            return XML_TOO_BIG;
        in = slice_from(in, n);
    }
    return XML_OK;
}

static void drop_tree(struct xml_reader *r)
{
    arena_reset(&r->arena);
    if (r->text.cap > TEXT_KEEP)
        buf_free(&r->text);
    else
        buf_clear(&r->text);
    r->text.max = r->limits.element_max;
    r->root = r->element = r->at = NULL;
    r->complete = false;
    count_other(r);
}

/* Lets a new parser take over in the middle of the stream, where no element is open below the root. */
static enum xml_fault take_over(struct xml_reader *r, XML_Parser fresh)
{
    enum xml_fault fault;

    r->parser = fresh;
    r->fed = 0;
    r->depth = 0;
    r->patient = false;
    r->replaying = true;
    fault = feed_parser(r, slice_of(r->head, r->head_n));
    r->replaying = false;
    r->renew_at = r->mem.used + PARSER_GROWTH;
    return fault;
}

/* When there is no memory for a second parser, the old one goes on as long as it can. */
static enum xml_fault renew_parser(struct xml_reader *r)
{
    XML_Parser old = r->parser, fresh = r->head ? parser_new(r) : NULL;
    enum xml_fault fault = XML_OK;

    if (fresh) {
        fault = take_over(r, fresh);
        parser_free(old);
        r->renew_at = r->mem.used + PARSER_GROWTH;
    }
    return fault;
}

static enum xml_fault wake(struct xml_reader *r)
{
    XML_Parser fresh = parser_new(r);

    return fresh ? take_over(r, fresh) : XML_NO_MEMORY;
}

/*
 * Expat reads an incomplete tag again from its beginning with every piece, which is quadratic when bytes trickle (CVE-2023-
 * 52425). Its remedy, to wait until there is twice as much, would also hold back what is complete. We know which it is: in
 * the midst of a tag it may wait, and at its end it may not.
 */
static void set_patience(struct xml_reader *r, size_t n)
{
    bool midst = xml_lex_in_tag(&r->lex) && r->lex.tag_bytes > n;

    if (r->patient == midst || !r->parser)
        return;
    r->patient = midst;
    XML_SetReparseDeferralEnabled(r->parser, midst ? XML_TRUE : XML_FALSE);
}

/* A keep-alive does not wake a sleeping reader: white space is nothing to it. */
static enum xml_fault parse(struct xml_reader *r, struct slice in)
{
    enum xml_fault fault = XML_OK;

    if (!r->parser) {
        if (is_space(in.p, in.n))
            return XML_OK;
        fault = wake(r);
    }
    return fault ? fault : feed_parser(r, in);
}

static enum xml_fault hand_over_element(struct xml_reader *r)
{
    if (!r->complete)
        return XML_NOT_WELL_FORMED;
    r->ops->element(r->owner, r->element);
    drop_tree(r);
    return r->stopped || r->mem.used <= r->renew_at ? XML_OK : renew_parser(r);
}

static enum xml_fault on_edge(struct xml_reader *r, enum xml_lex_edge edge)
{
    bool opened = edge == XML_LEX_OPENED || edge == XML_LEX_OPENED_AND_CLOSED;
    bool closed = edge == XML_LEX_CLOSED || edge == XML_LEX_OPENED_AND_CLOSED;

    if (edge == XML_LEX_ELEMENT)
        return hand_over_element(r);
    if (opened) {
        if (!r->root)
            return XML_NOT_WELL_FORMED;
        r->ops->open(r->owner, r->root);
        drop_tree(r);
        r->renew_at = r->mem.used + PARSER_GROWTH;
    }
    if (closed && !r->stopped) {
        if (r->depth != 0)
            return XML_NOT_WELL_FORMED;
        r->closed = true;
        r->ops->close(r->owner);
    }
    return XML_OK;
}

enum xml_fault xml_reader_feed(struct xml_reader *r, const char *p, size_t n)
{
    struct slice in = slice_of(p, n);

    if (r->fault)
        return r->fault;
    if (r->stopped)
        return XML_NOT_WELL_FORMED;
    while (in.n && !r->stopped && !r->closed) {
        enum xml_lex_edge edge;
        size_t used;
        enum xml_fault late = xml_lex(&r->lex, &r->limits, in, &used, &edge);
        enum xml_fault fault;

        set_patience(r, late ? SIZE_MAX : used);
        fault = parse(r, slice_first(in, used));
        if (!fault)
            fault = late;
        if (!fault && edge != XML_LEX_NO_EDGE)
            fault = on_edge(r, edge);
        if (fault) {
            drop_tree(r);
            return r->fault = fault;
        }
        in = slice_from(in, used);
    }
    return XML_OK;
}

void xml_reader_sleep(struct xml_reader *r)
{
    bool between = r->lex.depth == 1 && r->lex.state == XML_LEX_TEXT && !r->at && !r->complete && !r->root;

    if (!r->parser || !r->head || r->fault || r->stopped || !between)
        return;
    /* The beginning of something that is not white space may be waiting in expat. */
    if (XML_GetCurrentByteIndex(r->parser) != (XML_Index)r->fed)
        return;
    parser_free(r->parser);
    r->parser = NULL;
    buf_free(&r->text);
    count_other(r);
}

void xml_reader_stop(struct xml_reader *r)
{
    r->stopped = true;
}

bool xml_reader_stopped(const struct xml_reader *r)
{
    return r->stopped;
}

void xml_reader_limit(struct xml_reader *r, const struct xml_limits *limits)
{
    r->limits = *limits;
}

void xml_reader_alias(struct xml_reader *r, const char *from, const char *to)
{
    r->alias_from = from;
    r->alias_to = to;
}

bool xml_reader_root_binds(const struct xml_reader *r, const char *ns)
{
    for (const struct binding *b = r->bindings; b; b = b->next) {
        if (slice_is(slice_of(b->ns, b->n), ns))
            return true;
    }
    return false;
}

bool xml_reader_root_is_prefixed(const struct xml_reader *r, const char *prefix)
{
    return slice_is(slice_of(r->root_prefix, r->root_prefix_n), prefix);
}

static void forget_stream(struct xml_reader *r)
{
    drop_tree(r);
    parser_free(r->parser);
    r->parser = NULL;
    xml_mem_free(r->head);
    r->head = NULL;
    r->head_n = r->root_prefix_n = 0;
    while (r->bindings) {
        struct binding *b = r->bindings;

        r->bindings = b->next;
        xml_mem_free(b);
    }
}

bool xml_reader_reset(struct xml_reader *r)
{
    forget_stream(r);
    xml_lex_init(&r->lex);
    r->stopped = r->closed = r->patient = false;
    r->depth = 0;
    r->fed = 0;
    r->parser = parser_new(r);
    r->fault = r->parser ? XML_OK : XML_NO_MEMORY;
    return r->parser != NULL;
}

struct xml_reader *xml_reader_new(const struct xml_reader_ops *ops, void *owner, const struct xml_limits *limits,
                                  size_t max_memory)
{
    struct xml_reader *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->ops = ops;
    r->owner = owner;
    r->limits = *limits;
    r->mem.max = max_memory > sizeof(*r) ? max_memory - sizeof(*r) : 0;
    arena_init(&r->arena, 0);
    buf_init(&r->text, limits->element_max);
    if (!xml_reader_reset(r)) {
        xml_reader_free(r);
        return NULL;
    }
    return r;
}

void xml_reader_free(struct xml_reader *r)
{
    if (!r)
        return;
    forget_stream(r);
    buf_free(&r->text);
    free(r);
}
