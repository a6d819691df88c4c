/*
 * The test of the way to a SIP domain, as an administrator asks for it: its servers are looked up anew, and each is asked by
 * OPTIONS, over connections of the test's own, so that what messages use is neither disturbed nor taken for granted. What happened
 * stays as steps with a verdict (verdict.h) and is forgotten after a while.
 */
#ifndef STOX_SIP_PROBE_H
#define STOX_SIP_PROBE_H

#include "base/steps.h"
#include "sip/destination.h"
#include "sip/fault.h"

#define SIP_PROBES_RUNNING 16 /* at the same time */
#define SIP_PROBES_KEPT 64    /* with those that have ended */
#define SIP_PROBE_KEEP_MS 600000
#define SIP_PROBE_ANSWER_MS 8000   /* for each server, over UDP */
#define SIP_PROBE_CONNECT_MS 12000 /* and over TCP and TLS, in all */

/* Begins. domain: as administrators write it. 0 with a clause why not. */
uint64_t sip_probe_start(struct sip *sip, const struct sip_destination *to, struct slice domain, const char **why);

/* Everything is borrowed until return. */
struct sip_probe_info {
    uint64_t id;
    struct slice route, domain;
    bool done;
    bool works;           /* when done, as the next two: at least one server does */
    enum sip_fault fault; /* of the first server that does not, also when another works */
    const char *verdict;
    uint64_t began_ms; /* of the loop's clock, as in the steps */
    uint64_t took_ms;
    const struct steps *steps;
};

/* False: there is none with this id, or no longer. */
bool sip_probe_show(const struct sip *sip, uint64_t id, void (*fn)(void *arg, const struct sip_probe_info *info),
                    void *arg);

/* ---- inside this layer ---- */

struct sip_stream;
struct sip_probe;

void sip_probes_fini(struct sip *sip);

/* What a test's own connection (target.apart is the test's id) does. */
void sip_probe_sees_open(struct sip_stream *s);
void sip_probe_sees_certificate(struct sip_stream *s, bool good, const char *why);
void sip_probe_sees_end(struct sip_stream *s, enum conn_end end, const char *text);

#endif
