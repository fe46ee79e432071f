#ifndef CLINUX_H
#define CLINUX_H

// What Linux offers and Swift's Glibc module does not show: pidfd, epoll, eventfd, spawning into a
// session of its own, peer credentials, and a hash. Every function returns 0 or a value >= 0, or -errno.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A descriptor, close-on-exec, that stands for exactly this process and becomes readable when it
/// has ended.
int clinux_pidfd_open(int32_t pid);

/// Signals the process and nobody who got its number later. -ESRCH when it has ended.
int clinux_pidfd_signal(int pidfd, int signal);

/// How a process ended, once it has.
struct clinux_exit {
    bool by_signal;
    int32_t value;
};

/// Takes the exit of a child, without waiting. 1: taken; 0: it has not ended; -ECHILD: no child.
int clinux_pidfd_reap(int pidfd, struct clinux_exit *result);

/// Starts a program as the leader of a session of its own, with empty signal mask, default signal
/// actions, /dev/null as standard input, `output` (a descriptor) as standard output and error, and
/// no other descriptor. Returns the process id.
int clinux_spawn(const char *path, char *const arguments[], char *const environment[], int output);

/// An epoll instance, close-on-exec.
int clinux_epoll_create(void);
/// Reports descriptor `fd` once when it becomes readable; `key` comes back from the wait.
int clinux_epoll_watch(int epoll, int fd, uint64_t key);
int clinux_epoll_rearm(int epoll, int fd, uint64_t key);
int clinux_epoll_forget(int epoll, int fd);
/// Waits for at most `count` reports and writes their keys. Interrupted waits give 0.
int clinux_epoll_wait(int epoll, uint64_t *keys, int count, int timeout_ms);

/// A counter that becomes readable when `clinux_eventfd_signal` was called.
int clinux_eventfd_create(void);
int clinux_eventfd_signal(int fd);

/// inotify, non-blocking and close-on-exec.
int clinux_inotify_create(void);

/// What the socket option below gives: who is at the other end of a Unix socket.
struct clinux_credentials {
    int32_t pid;
    uint32_t uid;
    uint32_t gid;
};
enum { CLINUX_PEER_CREDENTIALS = 17 };  // SO_PEERCRED

#endif
