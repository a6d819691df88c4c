/* How deep a tree can be, whatever the limits of a reader say: printing one keeps this many pointers on the stack. */
#ifndef STOX_XMPP_XML_DEPTH_H
#define STOX_XMPP_XML_DEPTH_H

#define XML_DEPTH_MAX 256

#endif
