#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define TYPE_OF_SOCKET 0xf /* without SOCK_CLOEXEC and SOCK_NONBLOCK */

static const int files[] = {
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(openat2),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(creat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(statfs),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents),
    SCMP_SYS(getdents64),
    SCMP_SYS(getcwd),
    SCMP_SYS(chdir),
    SCMP_SYS(fchdir),
    SCMP_SYS(chroot),
    SCMP_SYS(pivot_root),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(rmdir),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(link),
    SCMP_SYS(linkat),
    SCMP_SYS(symlink),
    SCMP_SYS(symlinkat),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(chmod),
    SCMP_SYS(fchmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(chown),
    SCMP_SYS(fchown),
    SCMP_SYS(fchownat),
    SCMP_SYS(lchown),
    SCMP_SYS(truncate),
    SCMP_SYS(utime),
    SCMP_SYS(utimes),
    SCMP_SYS(utimensat),
    SCMP_SYS(futimesat),
    SCMP_SYS(setxattr),
    SCMP_SYS(lsetxattr),
    SCMP_SYS(getxattr),
    SCMP_SYS(lgetxattr),
    SCMP_SYS(listxattr),
    SCMP_SYS(llistxattr),
    SCMP_SYS(removexattr),
    SCMP_SYS(inotify_init1),
    SCMP_SYS(inotify_init),
    SCMP_SYS(fanotify_init),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(open_tree),
    SCMP_SYS(move_mount),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(memfd_create),
    SCMP_SYS(quotactl),
    SCMP_SYS(swapon),
    SCMP_SYS(acct),
    SCMP_SYS(uselib),
};

static const int programs[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(kill),
    SCMP_SYS(kcmp),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(personality),
    SCMP_SYS(ioperm),
    SCMP_SYS(iopl),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(capset),
    SCMP_SYS(shmget),
    SCMP_SYS(shmat),
    SCMP_SYS(msgget),
    SCMP_SYS(semget),
    SCMP_SYS(mq_open),
    SCMP_SYS(mq_unlink),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
};

/* All but AF_INET, AF_INET6, and AF_UNIX for datagrams, by which the service manager is told. */
static const unsigned char families[] = { AF_UNSPEC, 3, 4, 5, 6, 7, 8, 9 };
static const unsigned char unix_types[] = { SOCK_STREAM, SOCK_RAW, SOCK_SEQPACKET };

static int refuse(scmp_filter_ctx f, const int *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), calls[i], 0))
            return -1;
    return 0;
}

static int refuse_if(scmp_filter_ctx f, int call, struct scmp_arg_cmp when)
{
    return seccomp_rule_add_array(f, SCMP_ACT_ERRNO(EACCES), call, 1, &when);
}

static int refuse_sockets(scmp_filter_ctx f)
{
    for (size_t i = 0; i < COUNT(families); i++)
        if (refuse_if(f, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, families[i])))
            return -1;
    for (size_t i = 0; i < COUNT(unix_types); i++) {
        const struct scmp_arg_cmp both[] = { SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
                                             SCMP_A1(SCMP_CMP_MASKED_EQ, TYPE_OF_SOCKET, unix_types[i]) };

        if (seccomp_rule_add_array(f, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), COUNT(both), both))
            return -1;
    }
    return refuse_if(f, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_GT, AF_INET6));
}

/* Threads are made by clone with CLONE_THREAD, and a file that is open is looked at by newfstatat with AT_EMPTY_PATH. */
static int refuse_some(scmp_filter_ctx f)
{
    return seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) ||
                   refuse_if(f, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)) ||
                   refuse_if(f, SCMP_SYS(newfstatat), SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0)) ||
                   refuse_if(f, SCMP_SYS(statx), SCMP_A2(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0)) ||
                   refuse_if(f, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)) ||
                   refuse_if(f, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC))
               ? -1
               : 0;
}

int sandbox_enter(struct err *err)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    int rc;

    if (!f)
        return err_memory(err, "starting");
    rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1); /* fails where the call itself is not allowed */
    if (rc == 0 &&
        (refuse(f, files, COUNT(files)) || refuse(f, programs, COUNT(programs)) || refuse_sockets(f) || refuse_some(f)))
        rc = -ENOMEM;
    if (rc == 0)
        rc = seccomp_load(f);
    seccomp_release(f);
    if (rc)
        return err_set(err,
                       "cannot give up the file system and other programs (seccomp: %s): a proxy needs a kernel with "
                       "CONFIG_SECCOMP_FILTER, and a service manager or container that allows the call seccomp",
                       strerror(-rc));
    return 0;
}
