#include "store/script.h"

#include <unictype.h>

#include "base/text.h"

/* Sets of scripts as bits; what is not named is one bit for all: a label in two such scripts does not come up by accident. */
enum { LATIN = 1, HAN = 2, KANA = 4, HANGUL = 8, BOPOMOFO = 16, CYRILLIC = 32, GREEK = 64, OTHER = 128 };

static unsigned script_bit(uint32_t ch, const uc_script_t **other)
{
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = { { "Common", 0 },          { "Inherited", 0 },   { "Latin", LATIN },   { "Han", HAN },
                  { "Hiragana", KANA },     { "Katakana", KANA }, { "Hangul", HANGUL }, { "Bopomofo", BOPOMOFO },
                  { "Cyrillic", CYRILLIC }, { "Greek", GREEK } };
    const uc_script_t *script = uc_script(ch);

    if (!script)
        return 0;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(script->name, known[i].name) == 0)
            return known[i].bit;
    if (*other && *other != script)
        return OTHER | LATIN; /* two of the unnamed: a mixture */
    *other = script;
    return OTHER;
}

static bool is_mixture(unsigned scripts)
{
    static const unsigned together[] = { LATIN | HAN | KANA, LATIN | HAN | HANGUL, LATIN | HAN | BOPOMOFO };

    if ((scripts & (scripts - 1)) == 0)
        return false;
    for (size_t i = 0; i < sizeof(together) / sizeof(together[0]); i++)
        if ((scripts & ~together[i]) == 0)
            return false;
    return true;
}

static bool label_is_mixed(struct slice label)
{
    const uc_script_t *other = NULL;
    unsigned scripts = 0;
    size_t at = 0;
    uint32_t ch;

    while (text_next(label, &at, &ch))
        scripts |= script_bit(ch, &other);
    return is_mixture(scripts);
}

bool script_is_mixed(struct slice domain)
{
    struct slice label;

    while (slice_cut(domain, '.', &label, &domain))
        if (label_is_mixed(label))
            return true;
    return label_is_mixed(label);
}
