/* Any element that a stream can hold, taken for features: the limits it says keep our own silence within its bounds. */
#include <stdlib.h>

#include "xmpp/peer_limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct xml_limits limits = {
    .element_max = 1 << 20, .tag_max = 1 << 18, .depth_max = 64, .attrs_max = 128
};

static void on_open(void *owner, const struct xml *root)
{
}

static void on_close(void *owner)
{
}

static void on_element(void *owner, struct xml *el)
{
    struct xmpp_peer_limits said = xmpp_peer_limits_read(el);
    uint64_t ms = xmpp_peer_limits_silence_ms(&said, 300);

    if (ms > 300000 || ms < XMPP_PEER_IDLE_MIN_S * 750 || (!said.idle_s && ms != 300000))
        abort();
    if (xmpp_peer_limits_silence_ms(&said, 5) != 5000)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char root[] = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>";
    static const struct xml_reader_ops ops = { on_open, on_element, on_close };
    struct xml_reader *r = xml_reader_new(&ops, NULL, &limits, (size_t)16 << 20);

    if (!r || xml_reader_feed(r, root, sizeof(root) - 1) != XML_OK)
        abort();
    (void)xml_reader_feed(r, (const char *)data, n);
    xml_reader_free(r);
    return 0;
}
