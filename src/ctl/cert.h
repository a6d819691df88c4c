/* Inside cert*.c: what the commands about certificates share. */
#ifndef STOX_CTL_CERT_H
#define STOX_CTL_CERT_H

#include "ctl/client.h"

#define CERT_FILE_MAX (256u << 10)

/* A file into out. False with a sentence said. */
bool cert_read_file(struct ctl *c, const char *path, struct buf *out);

/* Writes a file that is not there yet, or is made anew; readable by its owner only where it is secret. "-" or NULL: the screen. */
enum ctl_exit cert_write_file(struct ctl *c, const char *path, struct slice text, bool secret);

/* The passphrase, of --passphrase-file or asked for. .p NULL with a sentence said. */
struct slice cert_passphrase(struct ctl *c, const char *prompt, bool is_new);

/* "/v1/certificates/NAME" and what comes behind, with the queries of the command. NULL with a sentence said. */
const char *cert_path(struct ctl *c, const char *behind);

/* What was done, and what is wrong with it, a line each. */
void cert_print_log(struct ctl *c, const json_t *answer);
void cert_print_defects(struct ctl *c, const json_t *list);

/* Sends a request for the answers; again: to one that is there. Prints what came of it, and writes the request. */
enum ctl_exit cert_send_request(struct ctl *c, const json_t *answers, bool again, const char *csr_file);

/* Has the daemon ask the ACME authority, and waits for what comes of it. */
enum ctl_exit cert_order(struct ctl *c);

/* The same, asked for step by step; before: the one that is there, or NULL. */
enum ctl_exit cert_ask(struct ctl *c, const json_t *before);

/* Is there one of the command's name? *item gets it (owned by the caller), or NULL. */
enum ctl_exit cert_find(struct ctl *c, json_t **item);

#endif
