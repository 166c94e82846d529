/*
 * service.c - joins the floors: what is proved before the start, and what is opened before the fork.
 *
 * Must never open a database, a cache or a thread: those are a worker's (worker_main.c).
 */
#include "service.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "address.h"
#include "cache.h"
#include "database.h"
#include "err.h"
#include "identity.h"
#include "listener.h"
#include "log.h"
#include "pid_file.h"
#include "place.h"
#include "redact.h"
#include "router.h"
#include "routes.h"
#include "scoreboard.h"
#include "settings.h"
#include "supervisor.h"
#include "worker_main.h"

#define ORPHAN_WAIT_MS 2500
#define STOP_MARGIN_MS 1000
#define PATH_BYTES 4096
#define SPARE_DESCRIPTORS 64

/* The listeners of one setting. */
struct listener_set {
	struct listener *listeners;
	size_t count;
};

struct service {
	struct settings_reader *reader;
	const struct settings *settings;
	struct vt_app app;
	struct router *admin_router;
	struct redact *redact;
	struct log *log;
	struct scoreboard *board;
	bool board_is_ours;
	struct listener_set public, admin;
	struct identity run_as, socket_owner;
};

/* ---- Before starting ---------------------------------------------------------------------------- */

static void
prove(struct service *service, const char *setting, int status, const struct err *err)
{
	if (status != 0)
		settings_refuse(service->reader, setting, err->text);
}

static void
prove_redis_url(struct service *service)
{
	struct err err;
	struct redis_address address;
	int status = redis_address_parse(&address, service->settings->redis_url, &err);
	prove(service, "REDIS_URL", status, &err);
	if (status == 0)
		redis_address_fini(&address);
}

/* The sentences about users and groups do not know which setting named them. */
static void
prove_identity(struct service *service, const char *setting, int status, const struct err *reason)
{
	struct err err;
	err_set(&err, "%s: %.400s", setting, status != 0 ? reason->text : "");
	prove(service, setting, status, &err);
}

static void
prove_settings(struct service *service)
{
	const struct settings *settings = service->settings;
	struct err err;
	if (settings->database_url != NULL)
		prove(service, "DATABASE_URL", database_check_url(settings->database_url, &err), &err);
	if (settings->redis_url != NULL)
		prove_redis_url(service);
	int status = identity_resolve(&service->run_as, settings->run_user, NULL, &err);
	prove_identity(service, "RUN_USER", status, &err);
	if (status == 0 && settings->run_group != NULL)
		prove_identity(service, "RUN_GROUP",
		               identity_resolve(&service->run_as, settings->run_user, settings->run_group, &err), &err);
	prove_identity(service, "LISTEN_OWNER",
	               identity_resolve_pair(&service->socket_owner, settings->listen_owner, &err), &err);
}

struct service *
service_prepare(struct settings_reader *reader, vt_setup_fn *setup)
{
	struct err err;
	struct service *service = calloc(1, sizeof *service);
	if (service == NULL)
		return NULL;
	service->reader = reader;
	service->settings = settings_values(reader);
	service->admin_router = router_create();
	if (service->admin_router == NULL || app_init(&service->app, reader, &err) != 0 ||
	    routes_add_built_in(service->admin_router, service->settings, &err) != 0) {
		service_destroy(service);
		return NULL;
	}
	app_load_modules(&service->app, service->settings);
	if (setup != NULL)
		app_run_setup(&service->app, "of this program", setup);
	settings_finish(reader);
	prove_settings(service);
	return service;
}

/* ---- Opening ------------------------------------------------------------------------------------ */

static int
open_log(struct service *service, struct err *err)
{
	const struct settings *settings = service->settings;
	service->redact = redact_create(&settings->redact_fields);
	if (service->redact == NULL)
		return err_set(err, "There is no memory for the log.");
	service->log = log_create(&(struct log_config){.level = (enum vt_level)settings->log_level,
	                                               .file = settings->log_file,
	                                               .redact = service->redact},
	                          err);
	if (service->log == NULL)
		return -1;
	if (service->run_as.uid == (uid_t)-1)
		return 0;
	return log_chown(service->log, service->run_as.uid, service->run_as.gid, err);
}

static int
open_scoreboard(struct service *service, bool *was_there, struct err *err)
{
	const struct settings *settings = service->settings;
	char path[PATH_BYTES];
	const char *place = settings->scoreboard;
	if (place == NULL) {
		if (scoreboard_place(path, sizeof path, geteuid(), settings->listen.items[0], err) != 0)
			return -1;
		place = path;
	}
	unsigned slots = (unsigned)settings->workers + (settings->admin_listen.count > 0 ? 1 : 0);
	service->board = scoreboard_create(place, slots, was_there, err);
	if (service->board == NULL)
		return -1;
	service->board_is_ours = true;
	return scoreboard_chown(service->board, service->run_as.uid, service->run_as.gid, err);
}

static int
open_listeners(const struct service *service, struct listener_set *set, const struct text_list *addresses,
               int64_t orphan_wait_ms, struct err *err)
{
	const struct settings *settings = service->settings;
	struct listener_config config = {.backlog = (int)settings->listen_backlog,
	                                 .mode = (mode_t)settings->listen_mode,
	                                 .uid = service->socket_owner.uid,
	                                 .gid = service->socket_owner.gid,
	                                 .orphan_wait_ms = orphan_wait_ms};
	if (addresses->count == 0)
		return 0;
	set->listeners = calloc(addresses->count, sizeof *set->listeners);
	if (set->listeners == NULL)
		return err_set(err, "There is no memory for the listeners.");
	for (size_t i = 0; i < addresses->count; i++) {
		struct address address;
		if (address_parse(&address, addresses->items[i], err) != 0 ||
		    listener_open(&set->listeners[i], &address, &config, err) != 0)
			return -1;
		set->count++;
	}
	return 0;
}

static void
close_listeners(struct listener_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		listener_close(&set->listeners[i], LISTENER_REMOVE_FILE);
	free(set->listeners);
	*set = (struct listener_set){0};
}

/* A scoreboard that was left behind tells that workers of a killed supervisor may still be on their way out. */
static int
open_all(struct service *service, struct err *err)
{
	const struct settings *settings = service->settings;
	bool was_there = false;
	if (open_log(service, err) != 0 || open_scoreboard(service, &was_there, err) != 0)
		return -1;
	int64_t orphan_wait_ms = was_there ? ORPHAN_WAIT_MS : 0;
	if (open_listeners(service, &service->public, &settings->listen, orphan_wait_ms, err) != 0 ||
	    open_listeners(service, &service->admin, &settings->admin_listen, orphan_wait_ms, err) != 0)
		return -1;
	if (pid_file_write(settings->pid_file, err) != 0)
		return -1;
	return identity_assume(&service->run_as, err);
}

/* ---- The whole ---------------------------------------------------------------------------------- */

static int
supervise(struct service *service, struct err *err)
{
	const struct settings *settings = service->settings;
	const struct pool pools[] = {
		{.role = ROLE_WORKER,
	         .count = (unsigned)settings->workers,
	         .listeners = service->public.listeners,
	         .listener_count = service->public.count},
		{.role = ROLE_ADMIN,
	         .count = service->admin.count > 0 ? 1 : 0,
	         .listeners = service->admin.listeners,
	         .listener_count = service->admin.count},
	};
	struct worker_context context = {.settings = settings,
	                                 .settings_reader = service->reader,
	                                 .router = service->app.router,
	                                 .admin_router = service->admin_router,
	                                 .redact = service->redact,
	                                 .log = service->log,
	                                 .board = service->board};
	return supervisor_run(
		&(struct supervisor_config){.pools = pools,
	                                    .pool_count = sizeof pools / sizeof *pools,
	                                    .board = service->board,
	                                    .log = service->log,
	                                    .stop_timeout_ms = settings->request_timeout_ms + STOP_MARGIN_MS,
	                                    .worker_main = worker_main,
	                                    .reopen_log = reopen_log,
	                                    .context = &context},
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

int
service_run(struct service *service, struct err *err)
{
	supervisor_hold_signals();
	set_limits(service->settings);
	int status = open_all(service, err);
	if (status == 0) {
		status = supervise(service, err);
		pid_file_remove(service->settings->pid_file);
	}
	close_listeners(&service->public);
	close_listeners(&service->admin);
	if (service->board_is_ours)
		scoreboard_unlink(service->board);
	return status;
}

void
service_destroy(struct service *service)
{
	if (service == NULL)
		return;
	scoreboard_close(service->board);
	log_destroy(service->log);
	redact_destroy(service->redact);
	app_fini(&service->app);
	router_destroy(service->admin_router);
	free(service);
}
