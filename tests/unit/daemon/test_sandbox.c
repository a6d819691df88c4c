/* What a proxy cannot do any more, and what it still can: each in a process of its own, as there is no way back. */
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Each returns -1 with errno if it was not done, as system calls do. */
static int open_passwords(void)
{
    return open("/etc/passwd", O_RDONLY);
}
static int open_a_directory(void)
{
    return open("/", O_RDONLY | O_DIRECTORY);
}
static int look_at_a_name(void)
{
    struct stat st;
    return stat("/etc/passwd", &st);
}
static int ask_for_access(void)
{
    return access("/etc/passwd", R_OK);
}
static int make_a_directory(void)
{
    return mkdir("/tmp/stox-sandbox-test", 0700);
}
static int remove_a_file(void)
{
    return unlink("/tmp/stox-sandbox-test");
}
static int read_a_link(void)
{
    char to[64];
    return (int)readlink("/proc/self/exe", to, sizeof(to));
}
static int start_a_program(void)
{
    return execl("/bin/true", "true", (char *)NULL);
}
static int make_a_process(void)
{
    return fork();
}
static int trace_its_parent(void)
{
    return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}
static int signal_its_parent(void)
{
    return kill(getppid(), 0);
}
static int speak_to_a_service(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}
static int ask_the_kernel(void)
{
    return socket(AF_NETLINK, SOCK_RAW, 0);
}
static int see_packets(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0);
}
static int make_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
                                                                                                                  : 0;
}
static int keep_a_hidden_file(void)
{
    return memfd_create("x", 0);
}

static int be_a_client(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}
static int be_a_client_by_six(void)
{
    return socket(AF_INET6, SOCK_DGRAM, 0);
}
static int tell_the_manager(void)
{
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}
static int look_at_what_is_open(void)
{
    struct stat st;
    return fstat(0, &st);
}
static int take_memory(void)
{
    return malloc(1 << 24) ? 0 : -1;
}

static void *nothing(void *arg)
{
    return arg;
}

static int make_a_thread(void)
{
    pthread_t t;
    int rc = pthread_create(&t, NULL, nothing, NULL);

    errno = rc;
    return rc ? -1 : pthread_join(t, NULL);
}

enum { DONE, REFUSED, OTHERWISE, NO_SANDBOX };

/* In a child: 0 when it was done, REFUSED when it was refused with EACCES. */
static int within(int (*act)(void))
{
    pid_t child = fork();
    struct err err = { "" };
    int status = 0;

    if (child == 0) {
        if (sandbox_enter(&err))
            _exit(NO_SANDBOX);
        if (act() >= 0)
            _exit(DONE);
        _exit(errno == EACCES ? REFUSED : OTHERWISE);
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const struct {
    const char *what;
    int (*act)(void);
    int comes_to;
} acts[] = {
    { "open a file", open_passwords, REFUSED },
    { "open a directory", open_a_directory, REFUSED },
    { "stat a name", look_at_a_name, REFUSED },
    { "access", ask_for_access, REFUSED },
    { "mkdir", make_a_directory, REFUSED },
    { "unlink", remove_a_file, REFUSED },
    { "readlink", read_a_link, REFUSED },
    { "exec", start_a_program, REFUSED },
    { "fork", make_a_process, REFUSED },
    { "ptrace", trace_its_parent, REFUSED },
    { "kill", signal_its_parent, REFUSED },
    { "a unix stream", speak_to_a_service, REFUSED },
    { "netlink", ask_the_kernel, REFUSED },
    { "a packet socket", see_packets, REFUSED },
    { "memory with code", make_code, REFUSED },
    { "memfd", keep_a_hidden_file, REFUSED },
    { "TCP", be_a_client, DONE },
    { "UDP by IPv6", be_a_client_by_six, DONE },
    { "a unix datagram", tell_the_manager, DONE },
    { "fstat", look_at_what_is_open, DONE },
    { "memory", take_memory, DONE },
    { "a thread", make_a_thread, DONE },
};

static void files_and_programs_are_given_up_and_the_network_is_not(void **state)
{
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        int got = within(acts[i].act);

        if (got != acts[i].comes_to)
            fail_msg("%s: %d instead of %d", acts[i].what, got, acts[i].comes_to);
    }
}

static void *open_later(void *arg)
{
    while (!__atomic_load_n((int *)arg, __ATOMIC_ACQUIRE))
        sched_yield();
    return (void *)(intptr_t)(open("/etc/passwd", O_RDONLY) >= 0 ? DONE : REFUSED);
}

static void threads_that_were_there_before_are_in_it_too(void **state)
{
    pid_t child = fork();
    struct err err = { "" };
    int status = 0;

    if (child == 0) {
        int entered = 0;
        pthread_t t;
        void *got;

        if (pthread_create(&t, NULL, open_later, &entered) || sandbox_enter(&err))
            _exit(NO_SANDBOX);
        __atomic_store_n(&entered, 1, __ATOMIC_RELEASE);
        pthread_join(t, &got);
        _exit((int)(intptr_t)got);
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_programs_are_given_up_and_the_network_is_not),
        cmocka_unit_test(threads_that_were_there_before_are_in_it_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
