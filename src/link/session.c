#include "link/line_parts.h"

void link_session_init(struct link_session *s)
{
    *s = (struct link_session){ 0 };
    link_numbered_init(&s->numbered);
}

void link_session_fini(struct link_session *s)
{
    link_numbered_fini(&s->numbered);
}

bool link_session_send(struct link_session *s, const struct link_frame *frame)
{
    if (!s->begun || !link_numbered_add(&s->numbered, frame))
        return false;
    if (s->line)
        link_line_turn(s->line);
    return true;
}
