/* private_server.c - see private_server.h. */
#include "private_server.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define STOP_TIMEOUT_S 20
#define CHILDREN_MAX 128

void
private_server_nap(void)
{
	poll(NULL, 0, 10);
}

/* ---- Processes ---- */

/* State and parent of a process, from /proc/PID/stat; false where there is none. */
static bool
read_stat(pid_t pid, char *state, pid_t *parent)
{
	char path[64], text[512];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	const char *end = strrchr(text, ')'); /* the name before it can hold anything */
	if (end == NULL || strlen(end) < 4)
		return false;
	*state = end[2]; /* ") S 123 …" */
	*parent = (pid_t)strtol(end + 3, NULL, 10);
	return true;
}

/* A process counts as a zombie once its first thread has ended; what it has open it has until the last one does. */
static bool
has_threads_left(pid_t pid)
{
	char path[64];
	unsigned count = 0;
	snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
	DIR *tasks = opendir(path);
	for (struct dirent *entry; tasks != NULL && (entry = readdir(tasks)) != NULL;)
		count += entry->d_name[0] != '.';
	if (tasks != NULL)
		closedir(tasks);
	return count > 1;
}

static bool
is_running(pid_t pid)
{
	char state;
	pid_t parent;
	waitpid(pid, NULL, WNOHANG); /* where it is a child of ours */
	if (pid <= 0 || !read_stat(pid, &state, &parent) || state == 'X')
		return false;
	return state != 'Z' || has_threads_left(pid);
}

static size_t
children_of(pid_t pid, pid_t children[CHILDREN_MAX])
{
	size_t count = 0;
	DIR *proc = opendir("/proc");
	for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
		char state;
		pid_t parent, one = (pid_t)strtol(entry->d_name, NULL, 10);
		if (one > 0 && count < CHILDREN_MAX && read_stat(one, &state, &parent) && parent == pid && state != 'Z')
			children[count++] = one;
	}
	if (proc != NULL)
		closedir(proc);
	return count;
}

/* ---- The pid file ---- */

static void
pid_path(const struct private_server *server, char path[96])
{
	snprintf(path, 96, "%s/server.pid", server->dir);
}

pid_t
private_server_pid(const struct private_server *server)
{
	char path[96], text[32];
	pid_path(server, path);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return 0;
	const char *line = fgets(text, sizeof text, file);
	fclose(file);
	return line != NULL ? (pid_t)strtol(line, NULL, 10) : 0;
}

static void
write_pid(const struct private_server *server, pid_t pid)
{
	char path[96];
	pid_path(server, path);
	FILE *file = fopen(path, "we");
	ck_assert_msg(file != NULL, "%s cannot be written: %s", path, strerror(errno));
	fprintf(file, "%d\n", (int)pid);
	fclose(file);
}

/* ---- The keeper ---- */

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	remove(path);
	return 0;
}

static void
end_all(const struct private_server *server)
{
	private_server_stop(server, SIGQUIT);
	nftw(server->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Waits until every test process has closed its end of the pipe, which the end of a process does too. */
static void
start_keeper(struct private_server *server)
{
	int ends[2];
	char byte;
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	server->keeper = fork();
	ck_assert_int_ge(server->keeper, 0);
	if (server->keeper == 0) {
		setsid();
		close(ends[1]);
		while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
			;
		end_all(server);
		_exit(0);
	}
	close(ends[0]);
	server->keeper_fd = ends[1];
}

static void
choose_user(struct private_server *server)
{
	server->uid = getuid();
	server->gid = getgid();
	if (server->uid != 0)
		return;
	const struct passwd *user = getpwnam("postgres");
	if (user == NULL)
		user = getpwnam("nobody");
	ck_assert_msg(user != NULL, "PostgreSQL refuses to run as root, and there is no user postgres or nobody.");
	server->uid = user->pw_uid;
	server->gid = user->pw_gid;
}

void
private_server_init(struct private_server *server, const char *name)
{
	choose_user(server);
	snprintf(server->dir, sizeof server->dir, "/tmp/vitals-%s-XXXXXX", name);
	ck_assert_msg(mkdtemp(server->dir) != NULL, "%s cannot be made: %s", server->dir, strerror(errno));
	ck_assert_int_eq(chmod(server->dir, 0755), 0);
	ck_assert_int_eq(chown(server->dir, server->uid, server->gid), 0);
	start_keeper(server);
}

void
private_server_fini(struct private_server *server)
{
	close(server->keeper_fd);
	while (waitpid(server->keeper, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- Running things ---- */

static void
become_server(const struct private_server *server, char *const argv[])
{
	char path[96];
	setsid(); /* the end of the test that started it must not end it */
	snprintf(path, sizeof path, "%s/log", server->dir);
	int out = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	int in = open("/dev/null", O_RDONLY);
	if (out < 0 || in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(server->gid) != 0 || setuid(server->uid) != 0))
		_exit(126);
	if (chdir(server->dir) != 0)
		_exit(126);
	signal(SIGPIPE, SIG_DFL);
	execv(argv[0], argv);
	_exit(127);
}

static pid_t
spawn(const struct private_server *server, char *const argv[])
{
	ck_assert_msg(access(argv[0], X_OK) == 0, "%s is missing: install its package to run this test.", argv[0]);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		become_server(server, argv);
	return pid;
}

void
private_server_run(struct private_server *server, char *const argv[], int timeout_s)
{
	pid_t pid = spawn(server, argv), ended;
	int64_t deadline_ns = deadline_in_ms(timeout_s * 1000);
	int status = 0;
	while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && clock_mono_ns() < deadline_ns)
		private_server_nap();
	if (ended == 0)
		kill(pid, SIGKILL);
	ck_assert_msg(ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s failed; see %s/log", argv[0],
	              server->dir);
}

void
private_server_start(struct private_server *server, char *const argv[])
{
	write_pid(server, spawn(server, argv));
}

bool
private_server_alive(const struct private_server *server)
{
	return is_running(private_server_pid(server));
}

void
private_server_signal(const struct private_server *server, int signal_number)
{
	pid_t children[CHILDREN_MAX], pid = private_server_pid(server);
	if (!is_running(pid))
		return;
	/* Before, since a killed parent has no children any more; and after, since a stopped one starts no further. */
	size_t count = children_of(pid, children);
	kill(pid, signal_number);
	for (size_t i = 0; i < count; i++)
		kill(children[i], signal_number);
	count = children_of(pid, children);
	for (size_t i = 0; i < count; i++)
		kill(children[i], signal_number);
}

void
private_server_stop(const struct private_server *server, int signal_number)
{
	pid_t children[CHILDREN_MAX], pid = private_server_pid(server);
	if (!is_running(pid))
		return;
	int64_t deadline_ns = deadline_in_ms(STOP_TIMEOUT_S * 1000);
	size_t count = children_of(pid, children);
	private_server_signal(server, SIGCONT);
	kill(pid, signal_number);
	while (is_running(pid) && clock_mono_ns() < deadline_ns)
		private_server_nap();
	if (is_running(pid))
		private_server_signal(server, SIGKILL);
	for (size_t i = 0; i < count; i++)
		while (is_running(children[i]) && clock_mono_ns() < deadline_ns)
			private_server_nap();
}
