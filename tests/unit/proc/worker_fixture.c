/* worker_fixture.c - see worker_fixture.h. */
#include "worker_fixture.h"

#include <check.h>
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "records.h"
#include "redact.h"
#include "strbuf.h"
#include "worker.h"

#define END_REQUEST 3

struct listener listeners[LISTENERS];
struct handoff handoff;
struct worker_options options;

static char directory[64];
static struct redact *redact;
static struct log *log_;
static struct scoreboard *board;
static pid_t workers[WORKERS];
/* A byte for each handler that blocks; a byte lets one go on. */
static int blocked[2], gate[2];
static int clients[CLIENTS_MAX];
static size_t client_count;

/* ---- In the worker ------------------------------------------------------------------------------ */

static bool
is_path(const struct exchange *exchange, const char *path)
{
	static const char name[] = "REQUEST_URI=";
	for (size_t i = 0; exchange->params[i] != NULL; i++)
		if (strncmp(exchange->params[i], name, sizeof name - 1) == 0)
			return strcmp(exchange->params[i] + sizeof name - 1, path) == 0;
	return false;
}

static void
block(void)
{
	char byte = 'x';
	if (write(blocked[1], &byte, 1) != 1 || read(gate[0], &byte, 1) != 1)
		_exit(EXIT_FAILURE);
}

static void
serve(void *context, struct exchange *exchange)
{
	static struct strbuf head;
	static char storage[64];
	const unsigned *index = context;
	if (is_path(exchange, "/block"))
		block();
	strbuf_init_fixed(&head, storage, sizeof storage);
	strbuf_printf(&head, "Status: 204 No Content\r\nWorker: %u\r\n\r\n", *index);
	exchange->head = &head;
}

static void
finish(void *context)
{
	(void)context;
}

static int
run(unsigned index)
{
	struct err err;
	struct worker_config config = {
		.listeners = listeners,
		.listener_count = LISTENERS,
		.handoff = options.alone ? NULL : &handoff,
		.max_connections = options.max_connections,
		.max_requests = options.max_requests,
		.handoff_after_ms = options.handoff_after_ms,
		.fcgi = {.limits = {.max_params = 50, .max_params_bytes = 16384, .max_head_bytes = 65536},
	                 .admission_timeout_ms = 60000,
	                 .request_timeout_ms = 10000,
	                 .body_buffer_bytes = 4096,
	                 .max_pending_bytes = 1 << 20,
	                 .handler = {.serve = serve, .finish = finish, .context = &index},
	                 .log = log_,
	                 .slot = slot_of(index)},
		.slot = slot_of(index),
	};
	slot_claim(slot_of(index), ROLE_WORKER, 0);
	return worker_run(&config, &err);
}

/* ---- Workers ------------------------------------------------------------------------------------ */

static void
open_listeners(void)
{
	struct err err;
	struct address address;
	char text[112];
	for (int i = 0; i < LISTENERS; i++) {
		snprintf(text, sizeof text, "unix:%s/%d.sock", directory, i);
		ck_assert_int_eq(address_parse(&address, text, &err), 0);
		struct listener_config config = {.backlog = 64, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
		ck_assert_int_eq(listener_open(&listeners[i], &address, &config, &err), 0);
	}
}

void
workers_setup(void)
{
	char path[96];
	struct err err;
	bool was_there;
	strcpy(directory, "/tmp/test_worker.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/board", directory);
	board = scoreboard_create(path, &(struct scoreboard_shape){.slots = WORKERS}, &was_there, &err);
	ck_assert_ptr_nonnull(board);
	open_listeners();
	redact = redact_create(NULL);
	log_ = log_create(&(struct log_config){.level = VT_CRITICAL, .redact = redact}, &err);
	ck_assert_int_eq(handoff_open(&handoff, &err), 0);
	ck_assert_int_eq(pipe(blocked), 0);
	ck_assert_int_eq(pipe(gate), 0);
	memset(workers, 0, sizeof workers);
	client_count = 0;
	options = (struct worker_options){.max_connections = 100};
}

void
workers_teardown(void)
{
	for (int i = 0; i < WORKERS; i++)
		if (workers[i] > 0) {
			kill(workers[i], SIGKILL);
			waitpid(workers[i], NULL, 0);
		}
	while (client_count > 0)
		close(clients[--client_count]);
	for (int i = 0; i < 2; i++) {
		close(blocked[i]);
		close(gate[i]);
	}
	handoff_close(&handoff);
	for (int i = 0; i < LISTENERS; i++)
		listener_close(&listeners[i], LISTENER_REMOVE_FILE);
	log_destroy(log_);
	redact_destroy(redact);
	scoreboard_unlink(board);
	scoreboard_close(board);
	rmdir(directory);
}

struct slot *
slot_of(unsigned index)
{
	return scoreboard_slot(board, index);
}

void
start_worker(unsigned index)
{
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		while (client_count > 0)
			close(clients[--client_count]);
		_exit(run(index) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	workers[index] = pid;
	wait_for_state(index, SLOT_IDLE);
}

void
signal_worker(unsigned index, int signal_number)
{
	ck_assert_int_eq(kill(workers[index], signal_number), 0);
}

int
exit_status(unsigned index)
{
	int status;
	pid_t pid = 0;
	for (int64_t end_ns = deadline_in_ms(WAIT_MS); pid == 0; poll(NULL, 0, 1)) {
		ck_assert_int_lt(clock_mono_ns(), end_ns);
		pid = waitpid(workers[index], &status, WNOHANG);
	}
	ck_assert_int_eq(pid, workers[index]);
	workers[index] = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void
wait_for_state(unsigned index, enum slot_state state)
{
	for (int64_t end_ns = deadline_in_ms(WAIT_MS); atomic_load(&slot_of(index)->state) != state; poll(NULL, 0, 1))
		ck_assert_int_lt(clock_mono_ns(), end_ns);
}

/* The third word of /proc/PID/stat, proc(5); the second is in parentheses. */
static bool
is_asleep(pid_t pid)
{
	char path[64], state = '\0';
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
	fclose(file);
	return state == 'S';
}

void
wait_until_asleep(unsigned index)
{
	for (int64_t end_ns = deadline_in_ms(WAIT_MS); !is_asleep(workers[index]); poll(NULL, 0, 1))
		ck_assert_int_lt(clock_mono_ns(), end_ns);
}

void
wait_until_given(unsigned index, uint64_t least)
{
	for (int64_t end_ns = deadline_in_ms(WAIT_MS); atomic_load(&slot_of(index)->given) < least; poll(NULL, 0, 1))
		ck_assert_int_lt(clock_mono_ns(), end_ns);
}

void
unblock_worker(void)
{
	ck_assert_int_eq(write(gate[1], "x", 1), 1);
}

/* ---- Clients ------------------------------------------------------------------------------------ */

int
keep_client(int fd)
{
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_lt(client_count, CLIENTS_MAX);
	clients[client_count++] = fd;
	return fd;
}

int
connect_to(const struct listener *listener)
{
	int fd = keep_client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&listener->address.storage, listener->address.length), 0);
	return fd;
}

void
connect_and_ask(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fds[i] = connect_to(&listeners[i % LISTENERS]);
		ck_assert_int_ne(ask(fds[i]), NOBODY);
	}
}

static void
make_request(struct bytes *bytes, const char *path)
{
	bytes->size = 0;
	head_add(bytes, 1, "GET", path, -1);
	body_add(bytes, 1, "");
}

void
send_request(int fd, const char *path)
{
	static struct bytes bytes;
	make_request(&bytes, path);
	ck_assert_int_eq(send(fd, bytes.data, bytes.size, MSG_NOSIGNAL), (ssize_t)bytes.size);
}

void
block_worker(int fd)
{
	char byte;
	struct pollfd wait = {.fd = blocked[0], .events = POLLIN};
	send_request(fd, "/block");
	ck_assert_int_eq(poll(&wait, 1, WAIT_MS), 1);
	ck_assert_int_eq(read(blocked[0], &byte, 1), 1);
}

void
send_first_half(int fd)
{
	static struct bytes bytes;
	int unread = 1;
	make_request(&bytes, "/");
	ck_assert_int_eq(send(fd, bytes.data, bytes.size / 2, MSG_NOSIGNAL), (ssize_t)(bytes.size / 2));
	for (int64_t end_ns = deadline_in_ms(WAIT_MS); unread > 0; poll(NULL, 0, 1)) {
		ck_assert_int_lt(clock_mono_ns(), end_ns);
		ck_assert_int_eq(ioctl(fd, SIOCOUTQ, &unread), 0);
	}
}

void
send_second_half(int fd)
{
	static struct bytes bytes;
	make_request(&bytes, "/");
	size_t half = bytes.size / 2;
	ck_assert_int_eq(send(fd, bytes.data + half, bytes.size - half, MSG_NOSIGNAL), (ssize_t)(bytes.size - half));
}

/* True where the records are all of an answer. */
static bool
is_whole(const unsigned char *data, size_t size)
{
	for (size_t at = 0; at + 8 <= size;) {
		size_t length = 8 + ((size_t)data[at + 4] << 8 | data[at + 5]) + data[at + 6];
		if (data[at + 1] == END_REQUEST)
			return at + length == size;
		at += length;
	}
	return false;
}

int
answered_by(int fd)
{
	static const char name[] = "Worker: ";
	unsigned char answer[512];
	size_t size = 0;
	int64_t end_ns = deadline_in_ms(WAIT_MS);
	while (!is_whole(answer, size)) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		if (poll(&wait, 1, deadline_poll_ms(end_ns)) != 1)
			return NOBODY;
		ssize_t n = recv(fd, answer + size, sizeof answer - size, 0);
		if (n <= 0)
			return NOBODY;
		size += (size_t)n;
	}
	const char *found = memmem(answer, size, name, sizeof name - 1);
	return found != NULL ? found[sizeof name - 1] - '0' : NOBODY;
}

int
ask(int fd)
{
	send_request(fd, "/");
	return answered_by(fd);
}

bool
is_closed(int fd)
{
	char byte;
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	if (poll(&wait, 1, WAIT_MS) != 1)
		return false;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}
