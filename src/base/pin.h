/*
 * The pin of a public key: "sha256/" and the base64 of the SHA-256 of its SubjectPublicKeyInfo. There is one way to write
 * each, so that pins are compared as text.
 */
#ifndef STOX_BASE_PIN_H
#define STOX_BASE_PIN_H

#include <stdbool.h>

#include "base/slice.h"

#define PIN_HASH 32
#define PIN_TEXT 52 /* with its NUL */

/* False: it is no pin (or there is no memory). */
bool pin_parse(struct slice text, unsigned char hash[PIN_HASH]);

/* False: no memory; out is empty then. */
bool pin_print(const unsigned char hash[PIN_HASH], char out[PIN_TEXT]);

#endif
