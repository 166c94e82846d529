/*
 * listen_queue.c - asks the kernel for the length of accept queues.
 *
 * The kernel answers a netlink request for one socket inside sendto(), so that the answer is there when that
 * returns and no call waits. The netlink socket is opened for each question and closed again: measured, that is
 * 9 µs a question, and 6 µs on a socket that is kept (TCP_INFO takes 0.8 µs). Three microseconds a probe are not
 * worth an object with a descriptor that a fork would share, and whose stale answers would have to be told apart.
 */
#include "listen_queue.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_BYTES 512

static int
fail(int error)
{
	errno = error;
	return -1;
}

/* ---- TCP ---- */

static int
read_tcp(int fd, struct listen_queue *queue)
{
	struct tcp_info info;
	socklen_t size = sizeof info;
	memset(&info, 0, sizeof info);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
		return -1;
	/* While a socket listens, these two fields are its queue and its backlog. */
	*queue = (struct listen_queue){.pending = info.tcpi_unacked, .capacity = info.tcpi_sacked};
	return 0;
}

/* ---- Unix ---- */

struct question {
	struct nlmsghdr header;
	struct unix_diag_req body;
};

static int
ask(int netlink, uint32_t inode)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	const struct question question = {
		.header = {.nlmsg_len = sizeof question,
	                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
	                   .nlmsg_flags = NLM_F_REQUEST},
		.body = {.sdiag_family = AF_UNIX,
	                 .udiag_ino = inode,
	                 .udiag_show = UDIAG_SHOW_RQLEN,
	                 .udiag_cookie = {UINT32_MAX, UINT32_MAX}}, /* INET_DIAG_NOCOOKIE: the inode is enough */
	};
	ssize_t sent = sendto(netlink, &question, sizeof question, MSG_DONTWAIT, (const struct sockaddr *)&kernel,
	                      sizeof kernel);
	return sent == (ssize_t)sizeof question ? 0 : sent < 0 ? -1 : fail(EPROTO);
}

/* Finds the queue among the answer's attributes. */
static int
find_queue(const struct nlmsghdr *header, struct listen_queue *queue)
{
	const struct unix_diag_msg *message = NLMSG_DATA(header);
	const struct rtattr *attribute = (const struct rtattr *)(message + 1);
	uint32_t left = header->nlmsg_len - (uint32_t)NLMSG_LENGTH(sizeof *message);
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		if (attribute->rta_type != UNIX_DIAG_RQLEN || RTA_PAYLOAD(attribute) < sizeof(struct unix_diag_rqlen))
			continue;
		const struct unix_diag_rqlen *lengths = RTA_DATA(attribute);
		*queue = (struct listen_queue){.pending = lengths->udiag_rqueue, .capacity = lengths->udiag_wqueue};
		return 0;
	}
	return fail(EPROTO);
}

static int
receive(int netlink, struct listen_queue *queue)
{
	union {
		struct nlmsghdr header;
		char bytes[ANSWER_BYTES];
	} answer;
	ssize_t size = recv(netlink, &answer, sizeof answer, MSG_DONTWAIT);
	if (size < 0)
		return -1;
	const struct nlmsghdr *header = &answer.header;
	if ((size_t)size < sizeof *header || header->nlmsg_len > (size_t)size)
		return fail(EPROTO);
	if (header->nlmsg_type == NLMSG_ERROR && header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr))) {
		const struct nlmsgerr *error = NLMSG_DATA(header);
		return fail(error->error < 0 ? -error->error : EPROTO);
	}
	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || header->nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
		return fail(EPROTO);
	return find_queue(header, queue);
}

static int
read_unix(int fd, struct listen_queue *queue)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return -1;
	if (st.st_ino > UINT32_MAX)
		return fail(EOVERFLOW);
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (netlink < 0)
		return -1;
	int status = ask(netlink, (uint32_t)st.st_ino);
	if (status == 0)
		status = receive(netlink, queue);
	int error = errno;
	close(netlink);
	errno = error;
	return status;
}

/* ---- Either ---- */

static int
read_option(int fd, int option, int *value)
{
	socklen_t size = sizeof *value;
	return getsockopt(fd, SOL_SOCKET, option, value, &size);
}

int
listen_queue_read(int fd, struct listen_queue *queue)
{
	int listening, family, protocol;
	if (read_option(fd, SO_ACCEPTCONN, &listening) != 0 || read_option(fd, SO_DOMAIN, &family) != 0 ||
	    read_option(fd, SO_PROTOCOL, &protocol) != 0)
		return -1;
	if (!listening)
		return fail(EINVAL);
	if (family == AF_UNIX)
		return read_unix(fd, queue);
	return protocol == IPPROTO_TCP ? read_tcp(fd, queue) : fail(EAFNOSUPPORT);
}
