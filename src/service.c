/*
 * service.c - joins the floors: what is made before the start, and what runs.
 *
 * Must never open a database, a cache or a thread: those are a worker's (worker_main.c).
 */
#include "service.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "address.h"
#include "database.h"
#include "err.h"
#include "helper_main.h"
#include "log.h"
#include "log_sink.h"
#include "log_writer.h"
#include "metrics.h"
#include "pid_file.h"
#include "redact.h"
#include "redis.h"
#include "router.h"
#include "routes.h"
#include "scoreboard.h"
#include "service_state.h"
#include "settings.h"
#include "supervisor.h"
#include "trace_log.h"

#define SPARE_DESCRIPTORS 64
/* How long a stopped service waits for a log that takes nothing. */
#define LOG_PATIENCE_MS 200
/* Beyond its command, how long the helper of the program before this one may take to leave. */
#define HELPER_LEAVE_MS 2000

/* ---- Before starting ---------------------------------------------------------------------------- */

struct service *
service_prepare(struct settings_reader *reader, vt_setup_fn *setup)
{
	struct err err;
	struct service *service = calloc(1, sizeof *service);
	if (service == NULL)
		return NULL;
	service->reader = reader;
	service->settings = settings_values(reader);
	service->inherited.scoreboard_fd = -1;
	for (size_t role = 0; role < HANDOVER_ROLES; role++)
		service->handoffs[role] = (struct handoff){.send_fd = -1, .receive_fd = -1};
	service->admin_router = router_create();
	if (service->admin_router == NULL || app_init(&service->app, reader, &err) != 0 ||
	    routes_add_built_in(service->admin_router, service->settings, &err) != 0) {
		service_destroy(service);
		return NULL;
	}
	app_load_modules(&service->app, service->settings);
	if (setup != NULL)
		app_run_setup(&service->app, "of this program", setup);
	service->app.sealed = true;
	settings_finish(reader);
	service_prove(service);
	return service;
}

/* ---- Running ------------------------------------------------------------------------------------ */

int
service_brief_workers(struct service *service, struct err *err)
{
	const struct listener_set *set = &service->sets[ROLE_WORKER];
	int *fds = calloc(set->count, sizeof *fds);
	if (fds == NULL)
		return err_set(err, "There is no memory for the workers.");
	for (size_t i = 0; i < set->count; i++)
		fds[i] = set->listeners[i].fd;
	service->workers = (struct worker_context){.settings = service->settings,
	                                           .settings_reader = service->reader,
	                                           .router = service->app.router,
	                                           .admin_router = service->admin_router,
	                                           .redact = service->redact,
	                                           .registry = service->app.metrics,
	                                           .log = service->log,
	                                           .trace_log = service->trace_log,
	                                           .instance_id = service->instance_id,
	                                           .board = service->board,
	                                           .listen_fds = fds,
	                                           .listen_fd_count = set->count};
	return 0;
}

/* The generation is complete: what only the former settings listened on goes. */
static void
close_former_listeners(void *context)
{
	struct service *service = context;
	handover_close_listeners(&service->inherited);
}

static void
refuse_connections(void *context)
{
	const struct service *service = context;
	for (size_t role = 0; role < HANDOVER_ROLES; role++) {
		const struct listener_set *set = &service->sets[role];
		for (size_t i = 0; i < set->count && !set->given; i++)
			listener_refuse(&set->listeners[i]);
	}
}

static void
tell_not_reopened(const struct service *service, const struct err *err)
{
	log_event(service->log, VT_ERROR_LEVEL, "vitals.log", "A file cannot be opened again",
	          VT_STR("reason", err->text));
}

static void
reopen_service_log(void *context)
{
	const struct service *service = context;
	struct err err;
	if (log_reopen(service->log, &err) != 0)
		tell_not_reopened(service, &err);
	if (trace_log_reopen(service->trace_log, &err) != 0)
		tell_not_reopened(service, &err);
}

static int
run_worker(void *context, const struct worker_seat *seat)
{
	struct service *service = context;
	return worker_main(&service->workers, seat);
}

static struct pool
pool_of(const struct service *service, enum slot_role role, int64_t count, int64_t count_max)
{
	return (struct pool){.role = role,
	                     .count = (unsigned)count,
	                     .count_max = (unsigned)count_max,
	                     .listeners = service->sets[role].listeners,
	                     .listener_count = service->sets[role].count,
	                     .handoff = &service->handoffs[role]};
}

static struct log_writer_config
log_writer_of(const struct service *service)
{
	return (struct log_writer_config){.board = service->board,
	                                  .scope = LOG_WRITER_ALL,
	                                  .log = service->log,
	                                  .trace = trace_log_sink(service->trace_log),
	                                  .gather_ms = service->settings->log_flush_ms};
}

static struct helper_config
helper_of(struct service *service)
{
	return (struct helper_config){.main = helper_needed(service->settings) ? helper_main : NULL,
	                              .context = &service->workers,
	                              .log = service->log,
	                              .kept_fd = log_sink_of(service->log)->fd,
	                              .leave_ms = service->settings->alert_timeout_ms + HELPER_LEAVE_MS};
}

/* The supervisor has obituaries to count. */
static void
count_own(struct service *service)
{
	if (service->settings->enable_metrics)
		service->metrics = metrics_create(service->board, service->app.metrics, SCOREBOARD_SUPERVISOR);
	metrics_count_log(service->metrics, service->log);
}

static int
supervise(struct service *service, struct err *err)
{
	const struct settings *settings = service->settings;
	int64_t admins = service->sets[ROLE_ADMIN].count > 0 ? 1 : 0;
	const struct pool pools[] = {pool_of(service, ROLE_WORKER, settings->workers, settings->workers_max),
	                             pool_of(service, ROLE_ADMIN, admins, admins)};
	const struct log_writer_config log_writer = log_writer_of(service);
	if (service_brief_workers(service, err) != 0)
		return -1;
	count_own(service);
	return supervisor_run(
		&(struct supervisor_config){
			.pools = pools,
			.pool_count = sizeof pools / sizeof *pools,
			.board = service->board,
			.log = service->log,
			.manager = &service->manager,
			.predecessors = service->inherited.predecessors,
			.predecessor_count = service->inherited.predecessor_count,
			.renewal = service->inherited.renewal,
			.log_writer = &log_writer,
			.helper = helper_of(service),
			.former_helper = service->inherited.helper,
			.former_log_writer = service->inherited.log_writer,
			.former_rings = service->board_adopted ? FORMER_SAME_RINGS : FORMER_OTHER_RINGS,
			.drain_ms = settings->drain_ms,
			.stop_timeout_ms = settings->request_timeout_ms + settings->request_grace_ms,
			.fast_stop_ms = settings->fast_stop_ms,
			.overdue_ms = settings->request_timeout_ms + settings->request_grace_ms,
			.idle_worker_ms = settings->workers_idle_ms,
			.rehearsal_ms = settings->reload_timeout_ms,
			.worker_main = run_worker,
			.reopen_log = reopen_service_log,
			.started = close_former_listeners,
			.stopping = refuse_connections,
			.renew = service_renew,
			.context = service,
		},
		err);
}

/* Core dumps hold secrets; a worker's connections need descriptors, which the soft limit often is too low for. */
static void
set_limits(const struct settings *settings)
{
	struct rlimit files;
	if (!settings->core_dumps)
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	rlim_t wanted = (rlim_t)settings->max_connections + SPARE_DESCRIPTORS;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted)
		return;
	files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
	setrlimit(RLIMIT_NOFILE, &files);
}

/* What the log writer, stopped or never started, has left in the rings. */
static void
finish_log(struct service *service)
{
	struct err err;
	const struct log_writer_config config = log_writer_of(service);
	log_use_ring(service->log, NULL, NULL);
	struct log_writer *writer = log_writer_create(&config, &err);
	if (writer != NULL)
		log_writer_finish(writer, LOG_PATIENCE_MS);
	log_writer_destroy(writer);
}

static int
run_supervised(struct service *service, struct err *err)
{
	int status = service_open_all(service, err);
	if (status == 0) {
		status = supervise(service, err);
		pid_file_remove(service->settings->pid_file);
	}
	if (service->board != NULL) {
		finish_log(service);
		scoreboard_unlink(service->board);
	}
	return status;
}

int
service_rehearse(struct service *service, struct err *err)
{
	if (handover_read(&service->inherited, err) != 0)
		return -1;
	return service->inherited.renewal != RENEWAL_NONE ? service_try_opening(service, err) : 0;
}

int
service_run(struct service *service, const struct program *program, struct err *err)
{
	service->program = program;
	supervisor_hold_signals();
	set_limits(service->settings);
	if (handover_read(&service->inherited, err) != 0 || service_manager_init(&service->manager, err) != 0)
		return -1;
	bool alone = service->settings->workers == 0;
	int status = alone ? service_run_alone(service, err) : run_supervised(service, err);
	service_close_listeners(service);
	return status;
}

void
service_destroy(struct service *service)
{
	if (service == NULL)
		return;
	free(service->workers.listen_fds);
	handover_fini(&service->inherited);
	for (size_t role = 0; role < HANDOVER_ROLES; role++)
		handoff_close(&service->handoffs[role]);
	metrics_destroy(service->metrics);
	scoreboard_close(service->board);
	log_destroy(service->log);
	trace_log_destroy(service->trace_log);
	redact_destroy(service->redact);
	app_fini(&service->app);
	router_destroy(service->admin_router);
	free(service);
}
