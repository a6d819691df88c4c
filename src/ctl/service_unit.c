#include "ctl/service_unit.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Runs systemctl; out >= 0 gets what it prints. Its exit status; -1 with errno: it could not be run. */
static int run(const char *const *argv, int out)
{
    posix_spawn_file_actions_t actions;
    int status, fault;
    pid_t pid;

    if (posix_spawn_file_actions_init(&actions))
        return -1;
    if (out >= 0)
        posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    fault = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (fault) {
        errno = fault;
        return -1;
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void take(const char *line, const char *name, char *out, size_t max)
{
    size_t n = strlen(name);

    if (strncmp(line, name, n) == 0 && line[n] == '=')
        snprintf(out, max, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
}

static void read_properties(FILE *f, struct service_unit *out)
{
    char line[400], load[20] = "", result[40] = "";

    while (fgets(line, sizeof(line), f)) {
        take(line, "LoadState", load, sizeof(load));
        take(line, "ActiveState", out->state, sizeof(out->state));
        take(line, "StatusText", out->detail, sizeof(out->detail));
        take(line, "Result", result, sizeof(result));
    }
    out->loaded = strcmp(load, "loaded") == 0;
    if (strcmp(out->state, "failed") == 0)
        snprintf(out->detail, sizeof(out->detail), "%s; journalctl -u stoxd says more", result);
}

void service_unit_look(struct ctl *c, struct service_unit *out)
{
    static const char *const argv[] = { "systemctl", "show", "--property=LoadState,ActiveState,StatusText,Result",
                                        SERVICE_UNIT, NULL };
    const char *server = getenv("STOX_SERVER");
    FILE *f;

    *out = (struct service_unit){ 0 };
    if (args_value(&c->args, OPT_SERVER) || (server && server[0]) || access("/run/systemd/system", F_OK) != 0)
        return;
    f = tmpfile();
    if (f && run(argv, fileno(f)) == 0) {
        rewind(f);
        read_properties(f, out);
    }
    if (f)
        fclose(f);
    out->active = out->loaded && strcmp(out->state, "inactive") != 0 && strcmp(out->state, "failed") != 0;
}

enum ctl_exit service_unit_do(struct ctl *c, const char *verb)
{
    const char *const argv[] = { "systemctl", verb, SERVICE_UNIT, NULL };
    int status;

    fflush(c->out);
    status = run(argv, -1);
    if (status < 0)
        return ctl_fail(c, CTL_REFUSED, "cannot run systemctl: %s", strerror(errno));
    return status == 0 ? CTL_DONE
                       : ctl_fail(c, CTL_REFUSED, "systemctl %s %s has failed: journalctl -u stoxd says why", verb,
                                  SERVICE_UNIT);
}
