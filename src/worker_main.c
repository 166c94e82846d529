/*
 * worker_main.c - a worker process from the fork to its end: what is opened only here, and its loop.
 *
 * Database, cache and checks belong to one worker and are opened after the fork, never before.
 */
#include "worker_main.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "cache.h"
#include "chance.h"
#include "checks.h"
#include "database.h"
#include "dispatch.h"
#include "err.h"
#include "log.h"
#include "log_thread.h"
#include "metrics.h"
#include "redis.h"
#include "request_metrics.h"
#include "services.h"
#include "settings.h"
#include "span_line.h"
#include "trace_log.h"
#include "worker.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

/* A connection that was idle for longer is asked whether it still answers before it is used. */
#define PING_IDLE_MS 1000
/* How long the request of a worker may go on when the supervisor is gone. */
#define ORPHAN_GRACE_MS 1000
/* What a worker opens later: its stores, statements being cancelled, a log file opened again, netlink, a module's own. */
#define DESCRIPTORS_FOR_STORES 18
/* Room for record headers and padding beside the parameters. */
#define RECORD_OVERHEAD_FACTOR 2
#define HEAD_EXTRA_BYTES 65536

static void
reopen_log(void *context)
{
	const struct worker_context *with = context;
	if (with->log_thread != NULL)
		log_thread_reopen(with->log_thread);
}

/* In a worker of a supervisor, whose log writer alone has to do with the file. */
static void
log_into_ring(const struct worker_context *with, const struct worker_seat *seat)
{
	const struct ring wake = scoreboard_ring(with->board, SCOREBOARD_SUPERVISOR, RING_LOG);
	const struct ring ring = scoreboard_ring(with->board, seat->index, RING_LOG);
	const struct ring spans = scoreboard_ring(with->board, seat->index, RING_TRACE);
	log_use_ring(with->log, &ring, &wake.shared->wake);
	log_leave_sink(with->log);
	trace_log_use_ring(with->trace_log, &spans, &wake.shared->wake);
	trace_log_leave_sink(with->trace_log);
}

/* The tiers that there are, as one. */
static int
open_cache(const struct worker_context *with, struct services *services, struct err *err)
{
	const struct settings *settings = with->settings;
	bool has_memory = with->board != NULL && scoreboard_open_cache(with->board, &services->memory);
	if (!has_memory && services->redis == NULL)
		return 0;
	services->cache = cache_create(&(struct cache_config){
		.memory = has_memory ? &services->memory : NULL,
		.redis = services->redis,
		.tracking = with->board != NULL && services->redis != NULL ? scoreboard_tracking(with->board) : NULL,
		.prefix = settings->cache_prefix,
		.service_name = settings->service_name,
		.ttl_default_ms = settings->cache_ttl_default_ms,
		.untracked_ttl_ms = settings->cache_untracked_ttl_ms});
	return services->cache != NULL ? 0 : err_set(err, "There is no memory for the cache.");
}

struct redis_config
worker_redis_config(const struct worker_context *with)
{
	const struct settings *settings = with->settings;
	return (struct redis_config){.url = settings->redis_url,
	                             .sentinel_user = settings->redis_sentinel_user,
	                             .sentinel_password = settings->redis_sentinel_password,
	                             .timeout_ms = settings->redis_timeout_ms,
	                             .ttl_default_ms = settings->cache_ttl_default_ms,
	                             .ping_idle_ms = PING_IDLE_MS,
	                             .breaker = scoreboard_redis_breaker(with->board),
	                             .log = with->log};
}

int
worker_open_stores(const struct worker_context *with, struct services *services, struct err *err)
{
	const struct settings *settings = with->settings;
	if (settings->database_url != NULL) {
		services->database = database_create(
			&(struct database_config){
				.url = settings->database_url,
				.application_name = settings->service_name,
				.connect_timeout_ms = settings->db_connect_timeout_ms,
				.query_timeout_ms = settings->db_query_timeout_ms,
				.ping_timeout_ms = settings->health_check_timeout_ms,
				.prepare = (enum database_prepare)settings->db_prepare,
				.recycle_ms = settings->db_pool_recycle_ms,
				.ping_idle_ms = PING_IDLE_MS,
				.debug_sql = settings->debug,
				.log = with->log,
			},
			err);
		if (services->database == NULL)
			return -1;
	}
	if (settings->redis_url != NULL) {
		const struct redis_config config = worker_redis_config(with);
		services->redis = redis_create(&config, err);
		if (services->redis == NULL)
			return -1;
	}
	return open_cache(with, services, err);
}

static int
open_spans(const struct worker_context *with, struct services *services, struct err *err)
{
	if (with->trace_log == NULL)
		return 0;
	services->trace_log = with->trace_log;
	services->span_line =
		span_line_create(&(struct span_resource){.service_name = with->settings->service_name,
	                                                 .service_version = with->settings->service_version,
	                                                 .instance_id = with->instance_id,
	                                                 .library_version = PACKAGE_VERSION});
	return services->span_line != NULL ? 0 : err_set(err, "There is no memory for spans.");
}

/* A process that found no slot has no cells either, and counts nothing. */
static void
open_metrics(const struct worker_context *with, const struct worker_seat *seat, struct services *services)
{
	if (!with->settings->enable_metrics || seat->index == SCOREBOARD_SUPERVISOR)
		return;
	services->metrics = metrics_create(with->board, with->registry, seat->index);
	services->pending = scoreboard_pending(with->board, seat->index);
	metrics_count_log(services->metrics, with->log);
}

static int
open_services(const struct worker_context *with, struct services *services, struct err *err)
{
	if (worker_open_stores(with, services, err) != 0 || open_spans(with, services, err) != 0)
		return -1;
	services->checks = checks_create(&(struct checks_config){.settings = with->settings,
	                                                         .board = with->board,
	                                                         .database = services->database,
	                                                         .redis = services->redis,
	                                                         .log = with->log});
	return services->checks != NULL ? 0 : err_set(err, "There is no memory for the checks.");
}

static void
close_services(struct services *services)
{
	checks_destroy(services->checks);
	metrics_destroy(services->metrics);
	cache_destroy(services->cache);
	redis_destroy(services->redis);
	database_destroy(services->database);
	span_line_destroy(services->span_line);
}

static size_t
count_descriptors(void)
{
	size_t count = 0;
	DIR *directory = opendir("/proc/self/fd");
	if (directory == NULL)
		return 0;
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

/*
 * MAX_CONNECTIONS, as far as the limit on descriptors allows: a connection that a sibling hands over is lost where no
 * descriptor is left for it.
 */
static size_t
connections_allowed(const struct settings *settings)
{
	struct rlimit files;
	size_t wanted = (size_t)settings->max_connections;
	size_t taken = count_descriptors() + DESCRIPTORS_FOR_STORES;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
		return wanted;
	size_t left = files.rlim_cur > taken ? (size_t)files.rlim_cur - taken : 1;
	return wanted < left ? wanted : left;
}

/* Give or take a tenth, so that workers that began together do not end together. */
static uint64_t
requests_allowed(const struct settings *settings)
{
	uint64_t limit = (uint64_t)settings->max_requests;
	uint64_t tenth = limit / 10;
	return limit - tenth + chance() % (2 * tenth + 1);
}

/* Nothing is waited for that would be refused for its size. */
static size_t
body_bytes_waited_for(const struct settings *settings)
{
	int64_t bytes = settings->body_buffer_bytes;
	return (size_t)(bytes < settings->max_request_bytes ? bytes : settings->max_request_bytes);
}

static struct worker_config
configure_worker(const struct worker_context *with, const struct worker_seat *seat, struct dispatch *dispatch)
{
	const struct settings *settings = with->settings;
	size_t params_bytes = (size_t)settings->max_params_bytes;
	return (struct worker_config){
		.listeners = seat->listeners,
		.listener_count = seat->listener_count,
		.handoff = seat->handoff,
		.max_connections = connections_allowed(settings),
		.max_requests = requests_allowed(settings),
		.handoff_after_ms = settings->handoff_after_ms,
		.fcgi = {.limits = {.max_params = (size_t)settings->max_params,
	                            .max_params_bytes = params_bytes,
	                            .max_head_bytes = RECORD_OVERHEAD_FACTOR * params_bytes + HEAD_EXTRA_BYTES},
	                 .admission_timeout_ms = settings->admission_timeout_ms,
	                 .idle_timeout_ms = settings->idle_timeout_ms,
	                 .request_timeout_ms = settings->request_timeout_ms,
	                 .body_buffer_bytes = body_bytes_waited_for(settings),
	                 .max_pending_bytes = (size_t)settings->max_pending_bytes,
	                 .linger_bytes = (size_t)settings->linger_bytes,
	                 .linger_ms = settings->linger_ms,
	                 .handler = dispatch_handler(dispatch),
	                 .log = with->log,
	                 .slot = seat->slot},
		.slot = seat->slot,
		.supervisor = seat->supervisor,
		.orphan_grace_ms = ORPHAN_GRACE_MS,
		.reopen_log = reopen_log,
		.context = (void *)(uintptr_t)with,
	};
}

static int
run_worker(const struct worker_context *with, const struct worker_seat *seat, struct services *services,
           struct err *err)
{
	struct dispatch *dispatch = dispatch_create(services, with->redact);
	if (dispatch == NULL)
		return err_set(err, "There is no memory for requests.");
	struct worker_config config = configure_worker(with, seat, dispatch);
	int status = worker_run(&config, err);
	dispatch_destroy(dispatch);
	return status;
}

int
worker_main(void *context, const struct worker_seat *seat)
{
	const struct worker_context *with = context;
	struct err err;
	struct services services = {.settings = with->settings,
	                            .settings_reader = with->settings_reader,
	                            .router = seat->role == ROLE_ADMIN ? with->admin_router : with->router,
	                            .log = with->log,
	                            .board = with->board,
	                            .registry = with->registry,
	                            .slot = seat->slot,
	                            .listen_fds = with->listen_fds,
	                            .listen_fd_count = with->listen_fd_count};
	if (seat->supervisor != 0)
		log_into_ring(with, seat);
	open_metrics(with, seat, &services);
	int status = open_services(with, &services, &err);
	request_metrics_connection(&services);
	if (status == 0)
		status = run_worker(with, seat, &services, &err);
	if (status < 0)
		log_event(with->log, VT_CRITICAL, "vitals.worker", "The worker cannot start",
		          VT_STR("reason", err.text));
	close_services(&services);
	return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
