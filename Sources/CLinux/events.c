#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

int clinux_epoll_create(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int control(int epoll, int operation, int fd, uint64_t key) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = key};
    return epoll_ctl(epoll, operation, fd, &event) < 0 ? -errno : 0;
}

int clinux_epoll_watch(int epoll, int fd, uint64_t key) {
    return control(epoll, EPOLL_CTL_ADD, fd, key);
}

int clinux_epoll_rearm(int epoll, int fd, uint64_t key) {
    return control(epoll, EPOLL_CTL_MOD, fd, key);
}

int clinux_epoll_forget(int epoll, int fd) {
    return control(epoll, EPOLL_CTL_DEL, fd, 0);
}

int clinux_epoll_wait(int epoll, uint64_t *keys, int count, int timeout_ms) {
    enum { limit = 64 };
    struct epoll_event events[limit];
    int found = epoll_wait(epoll, events, count < limit ? count : limit, timeout_ms);
    if (found < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < found; i++) keys[i] = events[i].data.u64;
    return found;
}

int clinux_eventfd_create(void) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int clinux_eventfd_signal(int fd) {
    uint64_t one = 1;
    return write(fd, &one, sizeof one) < 0 ? -errno : 0;
}

int clinux_inotify_create(void) {
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return fd < 0 ? -errno : fd;
}
