/*
 * premises.c - see premises.h. Called by worker.c between requests; the module that is to blame is among those of the last
 * second, which the log has.
 */
#include "premises.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define LOGGER "vitals.worker"
#define LOOK_EVERY_NS NS_PER_S

void
premises_init(struct premises *premises)
{
	*premises = (struct premises){.directory_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)};
	stat(".", &premises->directory);
	sigprocmask(SIG_BLOCK, NULL, &premises->blocked);
	sigaction(SIGPIPE, NULL, &premises->pipe);
}

void
premises_fini(struct premises *premises)
{
	if (premises->directory_fd >= 0)
		close(premises->directory_fd);
}

void
premises_add(struct premises *premises, int fd)
{
	struct stat st;
	if (premises->descriptor_count == PREMISES_DESCRIPTORS || fd < 0 || fstat(fd, &st) != 0)
		return;
	premises->descriptors[premises->descriptor_count++] =
		(struct premise){.fd = fd, .device = st.st_dev, .inode = st.st_ino};
}

static bool
is_same(const struct premise *premise)
{
	struct stat st;
	return fstat(premise->fd, &st) == 0 && st.st_dev == premise->device && st.st_ino == premise->inode;
}

static void
tell(struct log *log, const char *what, bool restored)
{
	log_event(log, VT_ERROR_LEVEL, LOGGER, "A module changed the process", VT_STR("what", what),
	          VT_BOOL("restored", restored));
}

static void
look_at_directory(const struct premises *premises, struct log *log)
{
	struct stat now = {0};
	stat(".", &now);
	if (now.st_dev != premises->directory.st_dev || now.st_ino != premises->directory.st_ino)
		tell(log, "working directory", premises->directory_fd >= 0 && fchdir(premises->directory_fd) == 0);
}

static void
look_at_signals(const struct premises *premises, struct log *log)
{
	sigset_t now;
	struct sigaction pipe;
	bool same = true;
	sigprocmask(SIG_BLOCK, NULL, &now);
	for (int number = 1; number < SIGRTMAX; number++)
		same = same && sigismember(&now, number) == sigismember(&premises->blocked, number);
	if (!same)
		tell(log, "blocked signals", sigprocmask(SIG_SETMASK, &premises->blocked, NULL) == 0);
	if (sigaction(SIGPIPE, NULL, &pipe) == 0 && pipe.sa_handler != premises->pipe.sa_handler)
		tell(log, "SIGPIPE", sigaction(SIGPIPE, &premises->pipe, NULL) == 0);
}

int64_t
premises_deadline_ns(const struct premises *premises, uint64_t requests)
{
	return requests != premises->requests_seen ? premises->next_look_ns : DEADLINE_NEVER;
}

bool
premises_intact(struct premises *premises, uint64_t requests, struct log *log)
{
	if (requests == premises->requests_seen)
		return true;
	int64_t now_ns = clock_mono_ns();
	if (now_ns < premises->next_look_ns)
		return true;
	premises->requests_seen = requests;
	premises->next_look_ns = now_ns + LOOK_EVERY_NS;
	look_at_directory(premises, log);
	look_at_signals(premises, log);
	for (size_t i = 0; i < premises->descriptor_count; i++)
		if (!is_same(&premises->descriptors[i])) {
			tell(log, "descriptors", false);
			return false;
		}
	return true;
}
