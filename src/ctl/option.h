/* The options that are not settings. Each command says by a set of bits which it takes. */
#ifndef STOX_CTL_OPTION_H
#define STOX_CTL_OPTION_H

#include "base/slice.h"

enum option_id {
    OPT_SERVER,
    OPT_TOKEN_FILE,
    OPT_CA_FILE,
    OPT_HELP,
    OPT_JSON,
    OPT_CSV,
    OPT_NAMES,
    OPT_WHERE,
    OPT_FILTER,
    OPT_COLUMNS,
    OPT_WHAT_IF,
    OPT_STRICT,
    OPT_IF_REVISION,
    OPT_FORCE,
    OPT_CONFIRM,
    OPT_RESET,
    OPT_TO,
    OPT_PRUNE,
    OPT_LIMIT,
    OPT_BEFORE,
    OPT_KIND,
    OPT_NAME,
    OPT_EXPIRES,
    OPT_ENUM_NUMBERS,
    OPT_MAN,
    OPT_FROM,
    OPT_USER,
    OPT_PARTNER,
    OPT_WATCH_USER,
    OPT_WATCH_PARTNER,
    OPT_FOR,
    OPT_COUNT,
    OPT_BODIES,
    OPT_OUTPUT,
    OPT_ASCII,
    OPT_TEST_FROM,
    OPT_TEST_TO,
    OPT_TEXT,
    OPT_WAY,
    OPT_STATE,
    OPT_BOTH,
    OPT_DOMAIN,
    OPT_TTL,
    OPT_RESOLVER,
    OPT_FOR_DOMAIN,
    OPT_SIP,
    OPT_ADMIN,
    OPT_ANYWAY,
    OPT_KEY_FILE,
    OPT_WITH_KEY,
    OPT_FORM,
    OPT_PASSPHRASE_FILE,
    OPT_CSR,
    OPT_HAND_OVER,
    OPT_USERS,
    OPT_WHO,
    OPT_SINCE,
    OPT_SEARCH,
    OPTION_N
};

#define OPTION_BIT(id) (1ull << (id))

/* What every command takes. */
#define OPTIONS_ALWAYS                                                                                                 \
    (OPTION_BIT(OPT_SERVER) | OPTION_BIT(OPT_TOKEN_FILE) | OPTION_BIT(OPT_CA_FILE) | OPTION_BIT(OPT_HELP))

struct option {
    const char *name;
    char letter;        /* short form; 0: none */
    const char *value;  /* what stands for its value in the help; NULL: it takes none */
    const char *values; /* words it takes, by spaces, for completion; NULL: anything */
    const char *help;
};

const struct option *option_of(enum option_id id);

/* "90m" in seconds; 0: it is none. */
uint64_t option_seconds(struct slice text);

/* By long name, or by letter when the word has one character; OPTION_N: none among the bits of set. */
enum option_id option_find(struct slice word, uint64_t set);

#endif
