/*
 * The key that this end of links is proven with: a file, made at the first start. What the other end knows of it is its pin; the
 * certificate that TLS needs around it is made anew at each start, and says nothing.
 */
#ifndef STOX_DAEMON_LINK_KEY_H
#define STOX_DAEMON_LINK_KEY_H

#include "base/pin.h"
#include "daemon/stoxd.h"
#include "net/tls.h"
#include "store/model.h"

#define LINK_KEY_FILE "link.key" /* in the state directory, unless link-key says otherwise */

/* tls shows it as LINK_CERTIFICATE from now on. -1 with a sentence. */
int link_key_use(struct tls *tls, const struct boot *boot, char pin[PIN_TEXT], struct err *err);

/* Makes the key of how's bootstrap file if there is none. -1 with a sentence. */
int link_key_make(const struct stoxd_start *how, char pin[PIN_TEXT], struct err *err);

#endif
