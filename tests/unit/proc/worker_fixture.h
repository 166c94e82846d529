/*
 * worker_fixture.h - real workers as child processes that share listeners and a handoff, and clients of them.
 *
 * A handler answers with the index of its worker. For the path "/block" it waits until the test lets it go on.
 */
#ifndef TESTS_WORKER_FIXTURE_H
#define TESTS_WORKER_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "handoff.h"
#include "listener.h"
#include "scoreboard.h"

#define WORKERS 3
#define LISTENERS 2
#define CLIENTS_MAX 128
#define WAIT_MS 10000
#define NOBODY (-1)

struct worker_options {
	size_t max_connections;
	uint64_t max_requests;
	int64_t handoff_after_ms; /* 0: only at the end, so that what is given is known whatever a request takes */
	bool alone;               /* without siblings */
};

extern struct listener listeners[LISTENERS];
extern struct handoff handoff;
extern struct worker_options options; /* of the workers that are started from now on; setup sets ordinary ones */

/* A checked fixture. */
void workers_setup(void);
void workers_teardown(void);

struct slot *slot_of(unsigned index);
/* Forks it and waits until it is idle. */
void start_worker(unsigned index);
void signal_worker(unsigned index, int signal_number);
/* Waits until the worker has gone; its exit status, or -1 where it ended otherwise. */
int exit_status(unsigned index);
void wait_for_state(unsigned index, enum slot_state state);
/* Until it waits for something: an idle one for events. */
void wait_until_asleep(unsigned index);
void wait_until_given(unsigned index, uint64_t least);
/* Sends a request whose handler waits, and waits until it does; lets it go on. */
void block_worker(int fd);
void unblock_worker(void);

/* A client's descriptor; it is closed at the end, and in every worker that is started later. */
int keep_client(int fd);
int connect_to(const struct listener *listener);
/* So many, each of which the worker that is alone has answered once. */
void connect_and_ask(int *fds, size_t count);
void send_request(int fd, const char *path);
/* The request in two parts; the first is waited for until it has been read. */
void send_first_half(int fd);
void send_second_half(int fd);
/* The index of the worker that answered, all of the answer read; NOBODY: closed, or none in time. */
int answered_by(int fd);
/* One request: whose answer came. */
int ask(int fd);
/* True where the other side has closed, waited for. */
bool is_closed(int fd);

#endif
