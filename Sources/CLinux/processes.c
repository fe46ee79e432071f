#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int clinux_pidfd_open(int32_t pid) {
    int fd = pidfd_open(pid, 0);  // close-on-exec by definition
    return fd < 0 ? -errno : fd;
}

int clinux_pidfd_signal(int pidfd, int number) {
    return pidfd_send_signal(pidfd, number, NULL, 0) < 0 ? -errno : 0;
}

int clinux_pidfd_reap(int pidfd, struct clinux_exit *result) {
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0) return -errno;
    if (info.si_pid == 0) return 0;
    result->by_signal = info.si_code != CLD_EXITED;
    result->value = info.si_status;
    return 1;
}

static int prepare(posix_spawn_file_actions_t *files, posix_spawnattr_t *attributes, int output) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error) error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error) {
        short flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
        error = posix_spawnattr_setflags(attributes, flags);
    }
    if (!error) error = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    if (!error) error = posix_spawn_file_actions_adddup2(files, output, 1);
    if (!error) error = posix_spawn_file_actions_adddup2(files, output, 2);
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(files, 3);
    return error;
}

int clinux_spawn(const char *path, char *const arguments[], char *const environment[], int output) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&files);
    if (error) return -error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&files);
        return -error;
    }
    pid_t pid = -1;
    error = prepare(&files, &attributes, output);
    if (!error) error = posix_spawn(&pid, path, &files, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error ? -error : pid;
}

_Static_assert(sizeof(struct clinux_credentials) == sizeof(struct ucred), "struct ucred");
_Static_assert(CLINUX_PEER_CREDENTIALS == SO_PEERCRED, "SO_PEERCRED");
