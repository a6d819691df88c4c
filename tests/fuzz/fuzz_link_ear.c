/*
 * What a hostile proxy says that a partner has said: a gateway is told of nothing but a partner's stanza to one of its domains, of the
 * pair that the frame names, and at most of one for each frame. Input: lines, each the stanza of a frame; behind them all comes a
 * good one, which is heard as it is if all before it were.
 */
#include <stdlib.h>

#include "link/ear.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static unsigned told;

static const struct xmpp_partner *on_partner(void *owner, struct slice domain)
{
    static const struct xmpp_partner partner;

    return slice_is(domain, "b.example") ? &partner : NULL;
}

static bool on_serves(void *owner, struct slice domain)
{
    return slice_is(domain, "a.example");
}

static void on_stanza(void *owner, const struct xmpp_stanza *s)
{
    told++;
    if (!slice_is(s->from->domain, "b.example") || !slice_is(s->to->domain, "a.example") || s->receipt != 7)
        abort();
}

static enum link_heard hear(struct link_ear *ear, struct slice text)
{
    const struct link_stanza_frame f = {
        .receipt = 7, .local = SLICE("a.example"), .remote = SLICE("b.example"), .stanza = text
    };
    const char *why;
    enum link_heard heard;

    told = 0;
    heard = link_ear_hear(ear, &f, &why);
    if (told > 1 || (heard == LINK_TAKEN && told != 1))
        abort();
    return heard;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct xmpp_ops ops = { .partner = on_partner, .serves = on_serves, .stanza = on_stanza };
    struct link_ear *ear = link_ear_new(&ops, NULL);
    struct slice rest = slice_of((const char *)data, n), line;
    bool fine = ear != NULL;

    while (fine && rest.n) {
        enum link_heard heard;

        slice_cut(rest, '\n', &line, &rest);
        heard = hear(ear, line);
        fine = heard == LINK_TAKEN || heard == LINK_NOT_OURS;
    }
    if (fine && hear(ear, SLICE("<iq from='x@b.example' to='y@a.example'/>")) != LINK_TAKEN)
        abort();
    link_ear_free(ear);
    return 0;
}
