/*
 * wrappers_cost.c - what the wrappers, with the two records of a request, cost a request.
 *
 *   wrappers_cost DIRECTORY SECONDS [given | made]
 *
 * The real thing but for the connection: CGI variables as nginx sends them go through dispatch_handler(), with a
 * scoreboard, its rings and a log in files of DIRECTORY. The same request runs with none of the wrappers, with the first, with
 * the first two and so on to all of them, and once more with all of them and a log that takes no INFO: in turns, a
 * batch each, so that a noisy machine is noisy for all. chain_run() is wrapped by the linker to cut the table short.
 *
 * Prints the medians, in ns a request, fields parted by tabs: of each way "total", its CPU and wall time; of each
 * wrapper "wrapper", the difference to the way before; "cost" is all against none. `scripts/trial wrappers` reads it.
 * "given": the client chose the correlation ID; "made": the service has to. Either as an argument: that one alone,
 * always with all wrappers, and nothing is printed: for a profiler.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "dispatch.h"
#include "err.h"
#include "log.h"
#include "log_writer.h"
#include "redact.h"
#include "router.h"
#include "scoreboard.h"
#include "services.h"
#include "settings.h"
#include "strbuf.h"
#include "wrappers.h"

#define BATCH 100
#define RING_BYTES (1 << 20) /* for a batch's records */
#define MAX_ROUNDS 50000
#define MAX_WAYS 16
#define WARM_UP_ROUNDS 3

enum measure { CPU, WALL, MEASURES };

struct way {
	const char *name;
	size_t wrappers;
	bool quiet; /* the log takes no INFO */
	double *ns[MEASURES];
};

struct bench {
	struct services services;
	struct settings_reader *reader;
	struct redact *redact;
	struct router *router;
	struct dispatch *dispatch;
	struct log *loud, *quiet;
	struct log_writer *writer;
	char directory[256], log_file[300];
	struct way ways[MAX_WAYS];
	size_t way_count, rounds;
};

/* What __wrap_chain_run() lets through; the linker's wrap leaves no other way to it. */
static size_t wrappers_wanted;

void __real_chain_run(const struct wrapper *const *table, size_t count, vt_handler_fn *handler, struct vt_request *req,
                      struct vt_response *res);
void __wrap_chain_run(const struct wrapper *const *table, size_t count, vt_handler_fn *handler, struct vt_request *req,
                      struct vt_response *res);

void
__wrap_chain_run(const struct wrapper *const *table, size_t count, vt_handler_fn *handler, struct vt_request *req,
                 struct vt_response *res)
{
	__real_chain_run(table, count < wrappers_wanted ? count : wrappers_wanted, handler, req, res);
}

static void
fail(const char *what)
{
	fprintf(stderr, "wrappers_cost: %s\n", what);
	exit(1);
}

static void *
checked(void *made, const char *what)
{
	if (made == NULL)
		fail(what);
	return made;
}

/* ---- The service ---------------------------------------------------------------------------------- */

static enum vt_result
hello(struct vt_request *req, struct vt_response *res)
{
	static const char text[] =
		"{\"status\":\"healthy\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"version\":\"1.0.0\"}";
	(void)req;
	return vt_json_text(res, text, sizeof text - 1);
}

static struct log *
open_log(struct bench *bench, enum vt_level level)
{
	struct err err = {0};
	const struct log_config config = {.level = level, .file = bench->log_file, .redact = bench->redact};
	return checked(log_create(&config, &err), err.text);
}

/* As in a worker; what is in the ring is written between two batches, as another process would do it meanwhile. */
static void
log_into_ring(struct bench *bench)
{
	struct err err = {0};
	const struct ring ring = scoreboard_ring(bench->services.board, 0, RING_LOG);
	const struct ring wake = scoreboard_ring(bench->services.board, SCOREBOARD_SUPERVISOR, RING_LOG);
	bench->writer = checked(log_writer_create(&(struct log_writer_config){.board = bench->services.board,
	                                                                      .scope = LOG_WRITER_ALL,
	                                                                      .log = bench->loud},
	                                          &err),
	                        err.text);
	log_use_ring(bench->loud, &ring, &wake.shared->wake);
}

static void
open_services(struct bench *bench)
{
	static char *const environment[] = {NULL};
	struct err err = {0};
	bool was_there;
	char path[300];
	const struct scoreboard_shape shape = {.slots = 1, .ring_bytes = {[RING_LOG] = RING_BYTES}};
	snprintf(path, sizeof path, "%s/settings", bench->directory);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	bench->reader = checked(settings_read(path, environment), "no settings");
	bench->services.settings = settings_values(bench->reader);
	snprintf(path, sizeof path, "%s/scoreboard", bench->directory);
	bench->services.board = checked(scoreboard_create(path, &shape, &was_there, &err), err.text);
	bench->services.slot = scoreboard_slot(bench->services.board, 0);
	bench->redact = checked(redact_create(NULL), "no memory");
	snprintf(bench->log_file, sizeof bench->log_file, "%s/vitals.log", bench->directory);
	bench->loud = open_log(bench, VT_INFO);
	bench->quiet = open_log(bench, VT_ERROR_LEVEL);
	log_into_ring(bench);
	bench->services.router = bench->router = checked(router_create(), "no memory");
	struct route route = {.method = "GET", .path = "/users/{id}/hello", .handler = hello};
	if (router_add(bench->router, &route, &err) != 0)
		fail(err.text);
	bench->dispatch = checked(dispatch_create(&bench->services, bench->redact), "no memory");
}

static void
close_services(struct bench *bench)
{
	log_writer_destroy(bench->writer);
	dispatch_destroy(bench->dispatch);
	router_destroy(bench->router);
	log_destroy(bench->quiet);
	log_destroy(bench->loud);
	redact_destroy(bench->redact);
	scoreboard_unlink(bench->services.board);
	scoreboard_close(bench->services.board);
	settings_destroy(bench->reader);
}

/* ---- The request ---------------------------------------------------------------------------------- */

static enum vt_result
no_body(void *context, void *buffer, size_t size_bytes, size_t *got)
{
	(void)context;
	(void)buffer;
	(void)size_bytes;
	*got = 0;
	return VT_OK;
}

/* What nginx-conf/vitals.conf passes on, and the headers that a client library sends. */
static void
run_batch(struct bench *bench, const char *correlation)
{
	char stamp[64], id[160];
	int64_t now_ms = clock_real_ns() / NS_PER_MS;
	snprintf(stamp, sizeof stamp, "REQUEST_START=%lld.%03d", (long long)(now_ms / 1000), (int)(now_ms % 1000));
	snprintf(id, sizeof id, "HTTP_X_CORRELATION_ID=%s", correlation != NULL ? correlation : "");
	const char *const params[] = {
		"GATEWAY_INTERFACE=CGI/1.1",
		"SERVER_SOFTWARE=nginx/1.22.1",
		"REQUEST_METHOD=GET",
		"REQUEST_URI=/users/4711/hello?page=3&sort=name",
		"SCRIPT_NAME=",
		"QUERY_STRING=page=3&sort=name",
		"SERVER_PROTOCOL=HTTP/1.1",
		"REQUEST_SCHEME=http",
		"CONTENT_TYPE=",
		"CONTENT_LENGTH=",
		"REMOTE_ADDR=192.0.2.17",
		"REMOTE_PORT=49152",
		"SERVER_ADDR=192.0.2.1",
		"SERVER_PORT=80",
		"SERVER_NAME=api.example.org",
		"HTTP_HOST=api.example.org",
		"REQUEST_ID=4f9d3a1be9c64a7d8f2b6c5d4e3f2a1b",
		stamp,
		"HTTP_PROXY=",
		"HTTP_USER_AGENT=example-client/2.1 (linux; x86_64)",
		"HTTP_ACCEPT=application/json",
		correlation != NULL ? id : NULL,
		NULL,
	};
	struct exchange_handler handler = dispatch_handler(bench->dispatch);
	for (int i = 0; i < BATCH; i++) {
		struct exchange exchange = {.params = (char *const *)params, .body = {.read = no_body}};
		handler.serve(handler.context, &exchange);
		if (strncmp(exchange.head->data, "Status: 200 ", 12) != 0)
			fail("the answer is not a 200");
		handler.finish(handler.context);
	}
}

/* ---- Measuring ------------------------------------------------------------------------------------ */

static double
now_ns(clockid_t which)
{
	struct timespec now;
	clock_gettime(which, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void
measure(struct bench *bench, struct way *way, const char *correlation, size_t round)
{
	wrappers_wanted = way->wrappers;
	bench->services.log = way->quiet ? bench->quiet : bench->loud;
	double wall = now_ns(CLOCK_MONOTONIC), cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	run_batch(bench, correlation);
	way->ns[CPU][round] = (now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / BATCH;
	way->ns[WALL][round] = (now_ns(CLOCK_MONOTONIC) - wall) / BATCH;
	while (log_writer_pass(bench->writer) == LOG_WROTE)
		;
}

/* Each round begins with another way, so that none always follows the same one. */
static void
run_rounds(struct bench *bench, const char *correlation, double seconds)
{
	double end = now_ns(CLOCK_MONOTONIC) + seconds * 1e9;
	size_t round = 0;
	for (size_t warm = 0; round < MAX_ROUNDS && (round == 0 || now_ns(CLOCK_MONOTONIC) < end); warm++) {
		for (size_t i = 0; i < bench->way_count; i++)
			measure(bench, &bench->ways[(i + warm) % bench->way_count], correlation, round);
		if (truncate(bench->log_file, 0) != 0)
			fail("the log cannot be truncated");
		round += warm >= WARM_UP_ROUNDS;
	}
	bench->rounds = round;
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Of a's values, less b's of the same round where there is a b. */
static double
median(const struct bench *bench, const double *a, const double *b)
{
	double *values = checked(calloc(bench->rounds, sizeof *values), "no memory");
	for (size_t i = 0; i < bench->rounds; i++)
		values[i] = a[i] - (b != NULL ? b[i] : 0);
	qsort(values, bench->rounds, sizeof *values, compare_doubles);
	double middle = values[bench->rounds / 2];
	free(values);
	return middle;
}

static void
print_line(const struct bench *bench, const char *client, const char *what, const struct way *way,
           const struct way *less)
{
	printf("%s\t%s\t%s\t%.0f\t%.0f\n", client, what, way->name,
	       median(bench, way->ns[CPU], less != NULL ? less->ns[CPU] : NULL),
	       median(bench, way->ns[WALL], less != NULL ? less->ns[WALL] : NULL));
}

static void
print_all(const struct bench *bench, const char *client)
{
	const struct way *none = &bench->ways[0], *all = &bench->ways[wrappers_count], *quiet = all + 1;
	for (const struct way *way = none; way <= quiet; way++)
		print_line(bench, client, "total", way, NULL);
	for (const struct way *way = none + 1; way <= all; way++)
		print_line(bench, client, "wrapper", way, way - 1);
	print_line(bench, client, "without records", quiet, none);
	print_line(bench, client, "cost", all, none);
	printf("%s\trounds\t%s\t%zu\t%d\n", client, all->name, bench->rounds, BATCH);
}

static void
add_way(struct bench *bench, const char *name, size_t wrappers_in_it, bool quiet)
{
	if (bench->way_count == MAX_WAYS)
		fail("there are more wrappers than MAX_WAYS");
	struct way *way = &bench->ways[bench->way_count++];
	*way = (struct way){.name = name, .wrappers = wrappers_in_it, .quiet = quiet};
	for (int m = 0; m < MEASURES; m++)
		way->ns[m] = checked(calloc(MAX_ROUNDS, sizeof *way->ns[m]), "no memory");
}

static void
add_ways(struct bench *bench)
{
	add_way(bench, "none", 0, false);
	for (size_t i = 0; i < wrappers_count; i++)
		add_way(bench, wrappers[i]->name, i + 1, false);
	add_way(bench, "quiet", wrappers_count, true);
}

static const struct client {
	const char *name, *correlation_id;
} clients[] = {{"given", "c-0123456789abcdef0123456789abcdef"}, {"made", NULL}};

static void
measure_all(struct bench *bench, double seconds)
{
	add_ways(bench);
	for (size_t i = 0; i < 2; i++) {
		run_rounds(bench, clients[i].correlation_id, seconds / 2);
		print_all(bench, clients[i].name);
	}
	printf("-\tdropped\t-\t%llu\t0\n", (unsigned long long)log_dropped(bench->loud));
}

static void
run_one(struct bench *bench, double seconds, const char *name)
{
	add_way(bench, "all", wrappers_count, false);
	for (size_t i = 0; i < 2; i++)
		if (strcmp(name, clients[i].name) == 0)
			run_rounds(bench, clients[i].correlation_id, seconds);
}

int
main(int argc, char **argv)
{
	static struct bench bench;
	double seconds = argc == 3 || argc == 4 ? strtod(argv[2], NULL) : 0;
	if (seconds <= 0)
		fail("usage: wrappers_cost DIRECTORY SECONDS [given | made]");
	snprintf(bench.directory, sizeof bench.directory, "%s", argv[1]);
	open_services(&bench);
	if (argc == 4)
		run_one(&bench, seconds, argv[3]);
	else
		measure_all(&bench, seconds);
	for (size_t i = 0; i < bench.way_count; i++)
		for (int m = 0; m < MEASURES; m++)
			free(bench.ways[i].ns[m]);
	close_services(&bench);
	return 0;
}
