/* Bare addresses as the store has them, and files of contacts: read to their end or refused with a sentence, whatever is in them. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "bridge/contact_parts.h"
#include "ctl/ctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_address(struct slice text)
{
    struct jid j;
    struct buf b;

    if (!contact_split(text, &j))
        return;
    assert(j.domain.n && j.domain.n <= JID_PART_MAX && j.local.n <= JID_PART_MAX && !j.resource.n);
    buf_init(&b, text.n + 1);
    jid_put_bare(&b, &j);
    assert(buf_ok(&b) && slice_eq(buf_slice(&b), text));
    buf_free(&b);
}

/* Looked at only: no daemon is needed for that. */
static void check_file(const uint8_t *data, size_t n)
{
    char words[][10] = { "stoxctl", "contact", "import", "-", "--what-if" };
    char *argv[] = { words[0], words[1], words[2], words[3], words[4], NULL };
    FILE *in = fmemopen((void *)data, n, "r"), *out, *diag;
    char *text = NULL, *said = NULL;
    size_t n_text = 0, n_said = 0;
    int rc;

    out = open_memstream(&text, &n_text);
    diag = open_memstream(&said, &n_said);
    assert(in && out && diag);
    rc = ctl_main(5, argv, in, out, diag);
    fclose(in);
    fclose(out);
    fclose(diag);
    assert(rc == CTL_DONE ? n_text && !n_said : n_said > 0);
    free(text);
    free(said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    check_address(slice_of((const char *)data, n));
    if (n)
        check_file(data, n);
    return 0;
}
