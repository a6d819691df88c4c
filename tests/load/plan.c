#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One person in twenty each, of the SIP users and of the partner's. */
enum { REFUSING = 7, BOUNCING = 13, BOUNCING_LATE = 17 };

unsigned plan_status(unsigned pair, unsigned n)
{
    static const unsigned refusals[] = { 404, 480, 503 };

    return pair % 20 == REFUSING && n % 3 == 1 ? refusals[n / 3 % 3] : 200;
}

enum plan_fate plan_fate(unsigned pair, unsigned n)
{
    if (n % 3 != 1)
        return PLAN_TAKEN;
    return pair % 20 == BOUNCING ? PLAN_BOUNCED : pair % 20 == BOUNCING_LATE ? PLAN_BOUNCED_LATE : PLAN_TAKEN;
}

void plan_home(unsigned pair, unsigned domains, char out[PLAN_DOMAIN_MAX])
{
    snprintf(out, PLAN_DOMAIN_MAX, "p%02u.example", pair % domains);
}

void plan_domain(unsigned pair, unsigned domains, char out[PLAN_DOMAIN_MAX])
{
    if (pair % 20 == BOUNCING)
        snprintf(out, PLAN_DOMAIN_MAX, PLAN_BOUNCER);
    else
        plan_home(pair, domains, out);
}

bool plan_parse(const char *text, size_t size, const char *word, unsigned pairs, unsigned each, unsigned *pair,
                unsigned *n)
{
    char copy[64], *rest;
    size_t length = strlen(word);

    if (size >= sizeof(copy) || size <= length || memcmp(text, word, length) != 0)
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    *pair = (unsigned)strtoul(copy + length, &rest, 10);
    *n = (unsigned)strtoul(rest, &rest, 10);
    return *rest == '\0' && *pair < pairs && *n < each;
}

void *plan_array(size_t count, size_t size)
{
    void *array = calloc(count, size);

    if (!array) {
        perror("calloc");
        exit(1);
    }
    return array;
}

void plan_write(const char *folder, const char *name, const void *array, size_t count, size_t size)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "wb");
    if (!f || fwrite(array, size, count, f) != count || fclose(f)) {
        perror(path);
        exit(1);
    }
}

unsigned plan_resident_kib(void)
{
    unsigned long all = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (f) {
        if (fscanf(f, "%lu %lu", &all, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    return (unsigned)(resident * (unsigned long)sysconf(_SC_PAGESIZE) / 1024);
}
