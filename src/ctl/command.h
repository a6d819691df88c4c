/* The commands: a noun, mostly a verb. Those of a kind of object are made from the kinds; the others are a table. */
#ifndef STOX_CTL_COMMAND_H
#define STOX_CTL_COMMAND_H

#include "ctl/ctl.h"
#include "store/setting.h"

struct command {
    const char *noun, *verb; /* verb "": none */
    const char *operands;    /* for the help; "": takes none */
    unsigned least, most;    /* operands */
    const char *brief;       /* what it does; %s stands for the noun */
    uint64_t options;        /* OPTION_BIT each, without those of all commands */
    bool settings;           /* takes flags for the settings of kind */
    const struct setting_kind *kind;
    enum ctl_exit (*run)(struct ctl *c);
};

#define COMMANDS_MAX 160

/* All commands, those of a noun together; returns how many. */
size_t command_list(struct command out[COMMANDS_MAX]);

/* By noun and verb; verb empty finds commands without one. False when there is none. */
bool command_find(struct slice noun, struct slice verb, struct command *out);
bool command_has_noun(struct slice noun);

/* "stoxctl partner set DOMAIN... [options]" */
void command_put_usage(struct buf *out, const struct command *cmd);
void command_put_brief(struct buf *out, const struct command *cmd);

/* The commands themselves; cmd and everything given are in c->args. */
enum ctl_exit object_new(struct ctl *c);
enum ctl_exit object_set(struct ctl *c);
enum ctl_exit object_list(struct ctl *c);
enum ctl_exit object_show(struct ctl *c);
enum ctl_exit object_remove(struct ctl *c);
enum ctl_exit policy_grant(struct ctl *c);
enum ctl_exit policy_revoke(struct ctl *c);
enum ctl_exit policy_show_effective(struct ctl *c);
enum ctl_exit config_export(struct ctl *c);
enum ctl_exit config_diff(struct ctl *c);
enum ctl_exit config_apply(struct ctl *c);
enum ctl_exit import_lync(struct ctl *c);
enum ctl_exit audit_list(struct ctl *c);
enum ctl_exit user_new(struct ctl *c);
enum ctl_exit user_passwd(struct ctl *c);
enum ctl_exit user_set(struct ctl *c);
enum ctl_exit user_remove(struct ctl *c);
enum ctl_exit token_new(struct ctl *c);
enum ctl_exit token_revoke(struct ctl *c);
enum ctl_exit session_show(struct ctl *c);
enum ctl_exit setup_first(struct ctl *c);
enum ctl_exit matrix_show(struct ctl *c);
enum ctl_exit status_show(struct ctl *c);
enum ctl_exit service_status(struct ctl *c);
enum ctl_exit service_drain(struct ctl *c);
enum ctl_exit service_resume(struct ctl *c);
enum ctl_exit service_stop(struct ctl *c);
enum ctl_exit service_start(struct ctl *c);
enum ctl_exit service_restart(struct ctl *c);
enum ctl_exit stream_list(struct ctl *c);
enum ctl_exit stream_close(struct ctl *c);
enum ctl_exit stream_show(struct ctl *c);
enum ctl_exit partner_status(struct ctl *c);
enum ctl_exit partner_test(struct ctl *c);
enum ctl_exit proxy_new(struct ctl *c);
enum ctl_exit proxy_guide(struct ctl *c);
enum ctl_exit proxy_show_status(struct ctl *c);
enum ctl_exit proxy_run_test(struct ctl *c);
enum ctl_exit route_show_status(struct ctl *c);
enum ctl_exit route_run_test(struct ctl *c);
enum ctl_exit conversation_list(struct ctl *c);
enum ctl_exit conversation_show(struct ctl *c);
enum ctl_exit queue_list(struct ctl *c);
enum ctl_exit subscription_list(struct ctl *c);
enum ctl_exit subscription_show(struct ctl *c);
enum ctl_exit subscription_refresh(struct ctl *c);
enum ctl_exit contact_list(struct ctl *c);
enum ctl_exit contact_show(struct ctl *c);
enum ctl_exit contact_remove(struct ctl *c);
enum ctl_exit contact_purge(struct ctl *c);
enum ctl_exit contact_export(struct ctl *c);
enum ctl_exit contact_import(struct ctl *c);
enum ctl_exit cert_request(struct ctl *c);
enum ctl_exit cert_renew(struct ctl *c);
enum ctl_exit cert_import(struct ctl *c);
enum ctl_exit cert_assign(struct ctl *c);
enum ctl_exit cert_list(struct ctl *c);
enum ctl_exit cert_show(struct ctl *c);
enum ctl_exit cert_export(struct ctl *c);
enum ctl_exit cert_check(struct ctl *c);
enum ctl_exit cert_remove(struct ctl *c);
enum ctl_exit test_im(struct ctl *c);
enum ctl_exit test_presence(struct ctl *c);
enum ctl_exit trace_show(struct ctl *c);
enum ctl_exit metrics_show(struct ctl *c);
enum ctl_exit dns_show_records(struct ctl *c);
enum ctl_exit dns_run_check(struct ctl *c);
enum ctl_exit check_all(struct ctl *c);
enum ctl_exit completion_show(struct ctl *c);
enum ctl_exit help_show(struct ctl *c);
enum ctl_exit version_show(struct ctl *c);

#endif
