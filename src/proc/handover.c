/* handover.c - writes and reads the lines. Called by the program that ends and by the one that begins. */
#include "handover.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

#define FIRST_LINE "vitals-handover 1"
#define LINE_BYTES (PATH_MAX + 128)

static const char *const renewals[] = {
	[RENEWAL_NONE] = "none", [RENEWAL_RELOAD] = "reload", [RENEWAL_UPGRADE] = "upgrade"};

static const char *const helper_kinds[HELPERS] = {[HELPER_CHECKS] = "helper ", [HELPER_REDIS] = "redis-helper "};

/* ---- Arrays ------------------------------------------------------------------------------------- */

int
handover_add_listener(struct handover *handover, const struct handed_listener *listener)
{
	struct handed_listener *grown =
		reallocarray(handover->listeners, handover->listener_count + 1, sizeof *handover->listeners);
	if (grown == NULL)
		return -1;
	handover->listeners = grown;
	grown[handover->listener_count++] = *listener;
	return 0;
}

int
handover_add_predecessor(struct handover *handover, const struct predecessor *predecessor)
{
	struct predecessor *grown =
		reallocarray(handover->predecessors, handover->predecessor_count + 1, sizeof *handover->predecessors);
	if (grown == NULL)
		return -1;
	handover->predecessors = grown;
	grown[handover->predecessor_count++] = *predecessor;
	return 0;
}

void
handover_fini(struct handover *handover)
{
	free(handover->scoreboard_path);
	free(handover->listeners);
	free(handover->predecessors);
	*handover = (struct handover){.scoreboard_fd = -1};
}

void
handover_close_listeners(struct handover *handover)
{
	for (size_t i = 0; i < handover->listener_count; i++)
		if (handover->listeners[i].listener.fd >= 0)
			listener_close(&handover->listeners[i].listener, LISTENER_REMOVE_FILE);
}

/* ---- Writing ------------------------------------------------------------------------------------ */

static void
write_lines(const struct handover *handover, FILE *out)
{
	fprintf(out, FIRST_LINE "\nrenewal %s\n", renewals[handover->renewal]);
	fprintf(out, "scoreboard %d %s\n", handover->scoreboard_fd, handover->scoreboard_path);
	for (size_t role = 0; role < HANDOVER_ROLES; role++)
		if (handover->handoffs[role].send_fd >= 0)
			fprintf(out, "handoff %zu %d %d\n", role, handover->handoffs[role].send_fd,
			        handover->handoffs[role].receive_fd);
	for (size_t i = 0; i < handover->listener_count; i++) {
		const struct listener *listener = &handover->listeners[i].listener;
		fprintf(out, "listener %d %d %d %ju %ju %s\n", (int)handover->listeners[i].role,
		        handover->listeners[i].given, listener->fd, (uintmax_t)listener->device,
		        (uintmax_t)listener->inode, listener->address.text);
	}
	for (size_t i = 0; i < handover->predecessor_count; i++) {
		const struct predecessor *from = &handover->predecessors[i];
		fprintf(out, "worker %u %ld %d %" PRIu32 " %" PRId64 "\n", from->index, (long)from->pid,
		        (int)from->role, from->generation, from->started_ns);
	}
	if (handover->log_writer > 0)
		fprintf(out, "log-writer %ld\n", (long)handover->log_writer);
	for (size_t i = 0; i < HELPERS; i++)
		if (handover->helpers[i] > 0)
			fprintf(out, "%s%ld\n", helper_kinds[i], (long)handover->helpers[i]);
}

int
handover_write(const struct handover *handover, struct err *err)
{
	int fd = memfd_create("vitals-handover", 0);
	int copy = fd >= 0 ? dup(fd) : -1;
	FILE *out = copy >= 0 ? fdopen(copy, "w") : NULL;
	if (out != NULL) {
		write_lines(handover, out);
		if (fclose(out) == 0)
			return fd;
	} else if (copy >= 0) {
		close(copy);
	}
	err_set(err, "What the next program has to know cannot be written: %s.", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* ---- Reading ------------------------------------------------------------------------------------ */

/*
 * The next count numbers of a line, each followed by a blank or the end; moves on behind them. False where one is no
 * number or out of range.
 */
static bool
take_numbers(const char **at, uint64_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *end;
		errno = 0;
		numbers[i] = strtoull(*at, &end, 10);
		if (!isdigit((unsigned char)**at) || errno != 0 || (*end != ' ' && *end != '\0'))
			return false;
		*at = *end == ' ' ? end + 1 : end;
	}
	return true;
}

static bool
is_role(uint64_t role)
{
	return role < HANDOVER_ROLES;
}

static int
read_listener(struct handover *handover, const char *rest)
{
	enum { ROLE, GIVEN, FD, DEVICE, INODE, COUNT };
	uint64_t n[COUNT];
	struct handed_listener handed;
	struct listener *listener = &handed.listener;
	if (!take_numbers(&rest, n, COUNT) || *rest == '\0' || !is_role(n[ROLE]) || n[FD] > INT_MAX ||
	    address_of_socket(&listener->address, (int)n[FD]) != 0)
		return -1;
	handed.role = (enum slot_role)n[ROLE];
	handed.given = n[GIVEN] != 0;
	listener->fd = (int)n[FD];
	listener->device = (dev_t)n[DEVICE];
	listener->inode = (ino_t)n[INODE];
	/* As it was written in the setting, which is what it will be looked for by. */
	snprintf(listener->address.text, sizeof listener->address.text, "%s", rest);
	return handover_add_listener(handover, &handed);
}

static int
read_worker(struct handover *handover, const char *rest)
{
	enum { INDEX, PID, ROLE, GENERATION, STARTED, COUNT };
	uint64_t n[COUNT];
	if (!take_numbers(&rest, n, COUNT) || !is_role(n[ROLE]) || n[INDEX] > UINT_MAX || n[PID] == 0 ||
	    n[PID] > INT_MAX || n[GENERATION] > UINT32_MAX || n[STARTED] > INT64_MAX)
		return -1;
	return handover_add_predecessor(handover, &(struct predecessor){.index = (unsigned)n[INDEX],
	                                                                .pid = (pid_t)n[PID],
	                                                                .role = (enum slot_role)n[ROLE],
	                                                                .generation = (uint32_t)n[GENERATION],
	                                                                .started_ns = (int64_t)n[STARTED]});
}

static int
read_pid(const char *rest, pid_t *pid)
{
	uint64_t number;
	if (!take_numbers(&rest, &number, 1) || number == 0 || number > INT_MAX)
		return -1;
	*pid = (pid_t)number;
	return 0;
}

static int
read_log_writer(struct handover *handover, const char *rest)
{
	return read_pid(rest, &handover->log_writer);
}

static int
read_helper(struct handover *handover, const char *rest)
{
	return read_pid(rest, &handover->helpers[HELPER_CHECKS]);
}

static int
read_redis_helper(struct handover *handover, const char *rest)
{
	return read_pid(rest, &handover->helpers[HELPER_REDIS]);
}

static int
read_handoff(struct handover *handover, const char *rest)
{
	enum { ROLE, SEND, RECEIVE, COUNT };
	uint64_t n[COUNT];
	if (!take_numbers(&rest, n, COUNT) || !is_role(n[ROLE]) || n[SEND] > INT_MAX || n[RECEIVE] > INT_MAX)
		return -1;
	handover->handoffs[n[ROLE]] = (struct handoff){.send_fd = (int)n[SEND], .receive_fd = (int)n[RECEIVE]};
	return 0;
}

static int
read_scoreboard(struct handover *handover, const char *rest)
{
	uint64_t fd;
	if (!take_numbers(&rest, &fd, 1) || fd > INT_MAX || *rest == '\0')
		return -1;
	handover->scoreboard_fd = (int)fd;
	free(handover->scoreboard_path);
	handover->scoreboard_path = strdup(rest);
	return handover->scoreboard_path != NULL ? 0 : -1;
}

static int
read_renewal(struct handover *handover, const char *rest)
{
	for (size_t i = RENEWAL_RELOAD; i < sizeof renewals / sizeof renewals[0]; i++)
		if (strcmp(rest, renewals[i]) == 0)
			handover->renewal = (enum renewal)i;
	return handover->renewal != RENEWAL_NONE ? 0 : -1;
}

static int
read_line(struct handover *handover, char *line)
{
	static const struct {
		const char *kind;
		int (*read)(struct handover *handover, const char *rest);
	} kinds[] = {
		{"renewal ", read_renewal}, {"scoreboard ", read_scoreboard},
		{"handoff ", read_handoff}, {"listener ", read_listener},
		{"worker ", read_worker},   {"log-writer ", read_log_writer},
		{"helper ", read_helper},   {"redis-helper ", read_redis_helper},
	};
	line[strcspn(line, "\n")] = '\0';
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strncmp(line, kinds[i].kind, strlen(kinds[i].kind)) == 0)
			return kinds[i].read(handover, line + strlen(kinds[i].kind));
	return 0;
}

/* The memory file, open for reading from its start; NULL where the variable names none. */
static FILE *
open_named(const char *name)
{
	char *end;
	struct stat st;
	long fd = strtol(name, &end, 10);
	if (end == name || *end != '\0' || fd <= STDERR_FILENO || fd > INT_MAX || fstat((int)fd, &st) != 0 ||
	    !S_ISREG(st.st_mode) || lseek((int)fd, 0, SEEK_SET) != 0)
		return NULL;
	return fdopen((int)fd, "r");
}

static int
read_lines(struct handover *handover, FILE *in)
{
	char line[LINE_BYTES];
	if (fgets(line, sizeof line, in) == NULL || strcmp(line, FIRST_LINE "\n") != 0)
		return -1;
	while (fgets(line, sizeof line, in) != NULL)
		if (read_line(handover, line) != 0)
			return -1;
	return handover->renewal != RENEWAL_NONE && handover->scoreboard_fd >= 0 ? 0 : -1;
}

int
handover_read(struct handover *handover, struct err *err)
{
	*handover = (struct handover){.scoreboard_fd = -1};
	for (size_t role = 0; role < HANDOVER_ROLES; role++)
		handover->handoffs[role] = (struct handoff){.send_fd = -1, .receive_fd = -1};
	const char *name = getenv(HANDOVER_VARIABLE);
	if (name == NULL)
		return 0;
	FILE *in = open_named(name);
	unsetenv(HANDOVER_VARIABLE);
	int status = in != NULL ? read_lines(handover, in) : -1;
	if (in != NULL)
		fclose(in);
	if (status != 0)
		return err_set(err, "What " HANDOVER_VARIABLE " names is not what a former supervisor left; unset it.");
	handover_mark(handover, HANDOVER_CLOSE);
	return 0;
}

/* ---- Over the exec ------------------------------------------------------------------------------ */

static void
mark(int fd, enum handover_keep keep)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, keep == HANDOVER_KEEP ? 0 : FD_CLOEXEC);
}

void
handover_mark(const struct handover *handover, enum handover_keep keep)
{
	mark(handover->scoreboard_fd, keep);
	for (size_t role = 0; role < HANDOVER_ROLES; role++) {
		mark(handover->handoffs[role].send_fd, keep);
		mark(handover->handoffs[role].receive_fd, keep);
	}
	for (size_t i = 0; i < handover->listener_count; i++)
		mark(handover->listeners[i].listener.fd, keep);
}
