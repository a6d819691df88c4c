#include "component_rig.h"

void component_begin(struct node *n, struct fake *f)
{
    node_start(n, OURS, THEIRS, CERT_OURS);
    fake_listen(f, CERT_NONE);
    node_attaches_to(n, listener_local(f->listener), "sesame");
}

void component_end(struct node *n, struct fake *f)
{
    node_stop(n);
    fake_close(f);
}

void component_header(struct fake *f)
{
    fake_expect(f, "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' "
                   "to='" OURS "'>");
    fake_say(f, COMPONENT_HEADER);
    fake_expect(f, "<handshake>" COMPONENT_KEY "</handshake>");
}

void component_serve(struct fake *f)
{
    component_header(f);
    fake_say(f, "<handshake/>");
}
