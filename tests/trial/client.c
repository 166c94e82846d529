/*
 * client.c - load whose every answer is on record: HTTP/1.1 over kept connections, one request at a time on each.
 *
 *   client PORT SECONDS CONNECTIONS RATE PREFIX OUTPUT KIND …
 *
 * Request N, from 1 on, carries "X-Correlation-ID: PREFIX-N" and is of kind N % the number of kinds. RATE requests a
 * second, or as many as go with 0. When the time is over, requests under way are waited for. OUTPUT gets a line for
 * each request, "N STATUS DUE LATENCY": the time when it was due (monotonic) and from then to the whole answer, both
 * in µs, so that a client that had to wait before it could ask is seen too. STATUS 0: no answer; 1: a 2xx that does
 * not carry the ID that was sent. Built and run by client.py.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES 65536
#define MAX_CONNECTIONS 1024
#define TIMEOUT_US 10000000

enum outcome { NO_ANSWER = 0, OTHER_ID = 1 };

static const struct kind {
	const char *name, *method, *path, *body;
} kinds[] = {
	{"facts", "GET", "/facts?page=7", ""},
	{"users", "GET", "/users/7", ""},
	{"cached", "GET", "/through/k", ""},
	{"written", "GET", "/through/k?write=1", ""},
	{"nap", "GET", "/slow?ms=5&how=sleep", ""},
	{"echo", "POST", "/echo", "{\"hello\":\"world\",\"numbers\":[1,2,3]}"},
};

struct connection {
	int fd; /* -1: none */
	bool waiting;
	uint64_t number;
	int64_t due_us;
	size_t got;
	char in[BUFFER_BYTES];
};

struct load {
	in_port_t port;
	const char *prefix;
	int64_t begun_us, end_us;
	double rate;
	const struct kind *chosen[16];
	size_t chosen_count, connection_count, waiting;
	struct connection *connections;
	uint64_t sent;
	int epoll;
	FILE *out;
};

static void
fail(const char *what)
{
	fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t
now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- One connection ------------------------------------------------------------------------------- */

static void
open_connection(struct load *load, struct connection *c)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(load->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&address, sizeof address) != 0)
		fail("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
		fail("epoll_ctl");
}

static void
settle(struct load *load, struct connection *c, int status)
{
	fprintf(load->out, "%llu %d %lld %lld\n", (unsigned long long)c->number, status, (long long)c->due_us,
	        (long long)(now_us() - c->due_us));
	c->waiting = false;
	load->waiting--;
}

static void
lose(struct load *load, struct connection *c)
{
	close(c->fd);
	c->fd = -1;
	if (c->waiting)
		settle(load, c, NO_ANSWER);
}

static void
ask(struct load *load, struct connection *c, int64_t due_us)
{
	char request[1024];
	uint64_t number = ++load->sent;
	const struct kind *kind = load->chosen[number % load->chosen_count];
	int size = snprintf(request, sizeof request,
	                    "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: trial\r\nX-Correlation-ID: %s-%llu\r\n",
	                    kind->method, kind->path, load->prefix, (unsigned long long)number);
	if (*kind->body != '\0')
		size += snprintf(request + size, sizeof request - (size_t)size,
		                 "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(kind->body));
	size += snprintf(request + size, sizeof request - (size_t)size, "\r\n%s", kind->body);
	if (c->fd < 0)
		open_connection(load, c);
	c->number = number;
	c->due_us = due_us;
	c->waiting = true;
	c->got = 0;
	load->waiting++;
	if (send(c->fd, request, (size_t)size, MSG_NOSIGNAL) != size)
		lose(load, c);
}

/* ---- Answers -------------------------------------------------------------------------------------- */

/* A header's value in a head that is closed by a NUL, up to its CR; NULL: there is none. */
static const char *
header(const char *head, const char *name)
{
	size_t size = strlen(name);
	for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, size) == 0 && line[size] == ':')
			return line + size + 1 + strspn(line + size + 1, " ");
	}
	return NULL;
}

static bool
carries_own_id(const struct load *load, const struct connection *c)
{
	char own[160];
	const char *value = header(c->in, "X-Correlation-ID");
	int size = snprintf(own, sizeof own, "%s-%llu\r", load->prefix, (unsigned long long)c->number);
	return value != NULL && strncmp(value, own, (size_t)size) == 0;
}

/* False where more is to come. What cannot be understood loses the connection. */
static bool
look_at(struct load *load, struct connection *c)
{
	char *end = memmem(c->in, c->got, "\r\n\r\n", 4);
	if (end == NULL)
		return false;
	end[2] = '\0';
	const char *length = header(c->in, "Content-Length"), *kept = header(c->in, "Connection");
	int status = c->got > 12 ? atoi(c->in + 9) : 0;
	size_t whole = (size_t)(end + 4 - c->in) + (length != NULL ? strtoul(length, NULL, 10) : 0);
	bool more = c->got < whole;
	if (length == NULL || status < 200 || c->got > whole || whole > sizeof c->in)
		lose(load, c);
	else if (!more)
		settle(load, c, status < 300 && !carries_own_id(load, c) ? OTHER_ID : status);
	end[2] = '\r';
	if (!c->waiting && c->fd >= 0 && kept != NULL && strncasecmp(kept, "close", 5) == 0)
		lose(load, c);
	return !more;
}

static void
receive(struct load *load, struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->got, sizeof c->in - c->got, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !c->waiting) {
		lose(load, c);
		return;
	}
	c->got += (size_t)n;
	if (!look_at(load, c) && c->got == sizeof c->in)
		lose(load, c);
}

/* ---- The load ------------------------------------------------------------------------------------- */

/* When the next request is due; with no rate, at once. */
static int64_t
due_us(const struct load *load)
{
	return load->rate > 0 ? load->begun_us + (int64_t)((double)load->sent * 1e6 / load->rate) : now_us();
}

static void
ask_what_is_due(struct load *load)
{
	for (size_t i = 0; i < load->connection_count && load->waiting < load->connection_count; i++) {
		int64_t due = due_us(load), now = now_us();
		if (due > now || now >= load->end_us)
			return;
		if (!load->connections[i].waiting)
			ask(load, &load->connections[i], due);
	}
}

static void
give_up_on_late_ones(struct load *load)
{
	for (size_t i = 0; i < load->connection_count; i++)
		if (load->connections[i].waiting && now_us() - load->connections[i].due_us > TIMEOUT_US)
			lose(load, &load->connections[i]);
}

static void
run(struct load *load)
{
	struct epoll_event events[MAX_CONNECTIONS];
	while (now_us() < load->end_us || load->waiting > 0) {
		ask_what_is_due(load);
		int n = epoll_wait(load->epoll, events, MAX_CONNECTIONS, 1);
		for (int i = 0; i < n; i++)
			receive(load, events[i].data.ptr);
		if (n == 0)
			give_up_on_late_ones(load);
	}
}

static const struct kind *
find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	errno = EINVAL;
	fail(name);
	return NULL;
}

int
main(int argc, char **argv)
{
	static struct load load;
	if (argc < 8 || argc > 7 + 16) {
		fprintf(stderr, "usage: client PORT SECONDS CONNECTIONS RATE PREFIX OUTPUT KIND …\n");
		return 2;
	}
	load.port = (in_port_t)atoi(argv[1]);
	load.connection_count = strtoul(argv[3], NULL, 10);
	load.rate = strtod(argv[4], NULL);
	load.prefix = argv[5];
	load.out = fopen(argv[6], "w");
	for (int i = 7; i < argc; i++)
		load.chosen[load.chosen_count++] = find_kind(argv[i]);
	load.connections = calloc(load.connection_count, sizeof *load.connections);
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load.out == NULL || load.connections == NULL || load.epoll < 0 || load.connection_count > MAX_CONNECTIONS)
		fail("the start");
	for (size_t i = 0; i < load.connection_count; i++)
		open_connection(&load, &load.connections[i]);
	load.begun_us = now_us();
	load.end_us = load.begun_us + (int64_t)(strtod(argv[2], NULL) * 1e6);
	run(&load);
	if (fclose(load.out) != 0)
		fail(argv[6]);
	return 0;
}
