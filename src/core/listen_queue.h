/*
 * listen_queue.h - how many connections wait to be accepted on a listening socket.
 *
 * By any process that has the descriptor: no worker's state is needed, so that the admin worker can tell it
 * while every other worker is stuck.
 */
#ifndef CORE_LISTEN_QUEUE_H
#define CORE_LISTEN_QUEUE_H

#include <stdint.h>

struct listen_queue {
	uint32_t pending;  /* connections that nobody has accepted yet */
	uint32_t capacity; /* the backlog in force, which net.core.somaxconn caps; a queue takes one more than that */
};

/*
 * Of a Unix socket by sock_diag(7), of a TCP socket by TCP_INFO (tcp(7)). Waits for nothing and keeps nothing open.
 * -1 with errno where it cannot be told: EBADF, ENOTSOCK; EINVAL: the socket does not listen; EAFNOSUPPORT:
 * another family; ENOENT: the socket is of another network namespace, or the kernel has no unix_diag; EPERM,
 * EACCES, EPROTONOSUPPORT: there is no sock_diag here, or not for this process; EPROTO: an answer that is none.
 */
int listen_queue_read(int fd, struct listen_queue *queue);

#endif
