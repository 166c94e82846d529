/*
 * service_open.c - what is opened before the fork: log, scoreboard, listeners, handoff sockets, the pid file.
 *
 * Each is taken from the program before where there was one, from the launcher where that opened it, and made
 * otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "err.h"
#include "listener.h"
#include "log.h"
#include "pid_file.h"
#include "place.h"
#include "redact.h"
#include "scoreboard.h"
#include "service_state.h"
#include "settings.h"
#include "trace_log.h"

#define ORPHAN_WAIT_MS 2500
#define PATH_BYTES 4096

/* ---- Log ---------------------------------------------------------------------------------------- */

static int
open_trace_log(struct service *service, struct err *err)
{
	if (service->settings->trace_file == NULL)
		return 0;
	correlation_id_make(service->instance_id);
	service->trace_log = trace_log_create(service->settings->trace_file, err);
	if (service->trace_log == NULL)
		return -1;
	if (service->run_as.uid == (uid_t)-1)
		return 0;
	return trace_log_chown(service->trace_log, service->run_as.uid, service->run_as.gid, err);
}

int
service_open_log(struct service *service, struct err *err)
{
	const struct settings *settings = service->settings;
	service->redact = redact_create(&settings->redact_fields);
	if (service->redact == NULL)
		return err_set(err, "There is no memory for the log.");
	service->log = log_create(&(struct log_config){.level = (enum vt_level)settings->log_level,
	                                               .file = settings->log_file,
	                                               .redact = service->redact,
	                                               .format = (enum log_format)settings->log_format,
	                                               .service_name = settings->service_name,
	                                               .service_version = settings->service_version},
	                          err);
	service->app.log = service->log;
	if (service->log == NULL || open_trace_log(service, err) != 0)
		return -1;
	if (service->run_as.uid == (uid_t)-1)
		return 0;
	return log_chown(service->log, service->run_as.uid, service->run_as.gid, err);
}

/* ---- Scoreboard --------------------------------------------------------------------------------- */

int
service_board_path(const struct service *service, char *path, size_t size_bytes, struct err *err)
{
	const char *place = service->settings->scoreboard;
	/* The user may be another one by now, for whom another place would be chosen. */
	if (place == NULL)
		place = service->inherited.scoreboard_path;
	if (place == NULL)
		return scoreboard_place(path, size_bytes, geteuid(), service->settings->listen.items[0], err);
	if (snprintf(path, size_bytes, "%s", place) >= (int)size_bytes)
		return err_set(err, "SCOREBOARD: the path is too long.");
	return 0;
}

/* Two generations have room beside each other. */
static unsigned
slots_needed(const struct settings *settings)
{
	unsigned workers = (unsigned)settings->workers_max + (settings->admin_listen.count > 0 ? 1 : 0);
	return 2 * workers;
}

static struct scoreboard_shape
shape_of(unsigned slots, const struct settings *settings)
{
	return (struct scoreboard_shape){
		.slots = slots,
		.ring_bytes = {[RING_LOG] = (size_t)settings->log_buffer_bytes,
	                       [RING_TRACE] = settings->trace_file != NULL ? (size_t)settings->trace_buffer_bytes : 0},
		.series = settings->enable_metrics ? (unsigned)settings->metrics_series_max : 0,
		.cache_bytes = (size_t)settings->cache_memory_bytes};
}

/* From here on the log writer brings this process's records to the file, as it does with the workers'. */
static void
log_into_ring(const struct service *service)
{
	const struct ring ring = scoreboard_ring(service->board, SCOREBOARD_SUPERVISOR, RING_LOG);
	log_use_ring(service->log, &ring, &ring.shared->wake);
}

/* The one that was handed over, if it is the one that is wanted and of this layout. */
static struct scoreboard *
adopt_board(struct service *service, const char *path)
{
	struct err err;
	struct handover *inherited = &service->inherited;
	if (inherited->scoreboard_fd < 0 || strcmp(inherited->scoreboard_path, path) != 0)
		return NULL;
	struct scoreboard *board =
		scoreboard_adopt(inherited->scoreboard_fd, path, slots_needed(service->settings), &err);
	inherited->scoreboard_fd = -1;
	if (board == NULL)
		log_event(service->log, VT_WARNING, "vitals.service", "Counters begin anew",
		          VT_STR("reason", err.text));
	return board;
}

void
service_share_log(struct service *service)
{
	log_share(service->log, &(struct log_shared){.levels = scoreboard_levels(service->board),
	                                             .errors = scoreboard_errors(service->board)});
}

static int
open_board(struct service *service, bool *was_there, struct err *err)
{
	char path[PATH_BYTES];
	if (service_board_path(service, path, sizeof path, err) != 0)
		return -1;
	service->board = adopt_board(service, path);
	service->board_adopted = service->board != NULL;
	if (!service->board_adopted) {
		const struct scoreboard_shape shape = shape_of(slots_needed(service->settings), service->settings);
		service->board = scoreboard_create(path, &shape, was_there, err);
		if (service->board == NULL ||
		    scoreboard_chown(service->board, service->run_as.uid, service->run_as.gid, err) != 0)
			return -1;
	}
	log_into_ring(service);
	return 0;
}

int
service_share_board(struct service *service, const char *path, struct err *err)
{
	const struct scoreboard_shape shape = shape_of((unsigned)service->settings->workers_max, service->settings);
	service->board = scoreboard_share(path, &shape, err);
	return service->board != NULL ? 0 : -1;
}

/* ---- Listeners ---------------------------------------------------------------------------------- */

static const struct text_list *
addresses_of(const struct settings *settings, enum slot_role role)
{
	return role == ROLE_ADMIN ? &settings->admin_listen : &settings->listen;
}

static struct listener *
add_listener(struct listener_set *set)
{
	struct listener *grown = reallocarray(set->listeners, set->count + 1, sizeof *grown);
	if (grown == NULL)
		return NULL;
	set->listeners = grown;
	return &grown[set->count];
}

/* All of this role that a launcher gave to the program before: they stand for the setting. */
static int
inherit_given(struct service *service, enum slot_role role, struct err *err)
{
	struct listener_set *set = &service->sets[role];
	for (size_t i = 0; i < service->inherited.listener_count; i++) {
		struct handed_listener *handed = &service->inherited.listeners[i];
		if (handed->role != role || !handed->given)
			continue;
		struct listener *listener = add_listener(set);
		if (listener == NULL)
			return err_set(err, "There is no memory for the listeners.");
		*listener = handed->listener;
		handed->listener.fd = -1;
		set->count++;
		set->given = true;
	}
	return 0;
}

/* The one that the program before had for this address; NULL: it had none. */
static struct handed_listener *
find_inherited(struct service *service, enum slot_role role, const char *text)
{
	for (size_t i = 0; i < service->inherited.listener_count; i++) {
		struct handed_listener *handed = &service->inherited.listeners[i];
		if (handed->role == role && handed->listener.fd >= 0 &&
		    strcmp(handed->listener.address.text, text) == 0)
			return handed;
	}
	return NULL;
}

static struct listener_config
listener_config_of(const struct service *service, int64_t orphan_wait_ms)
{
	const struct settings *settings = service->settings;
	return (struct listener_config){.backlog = (int)settings->listen_backlog,
	                                .mode = (mode_t)settings->listen_mode,
	                                .uid = service->socket_owner.uid,
	                                .gid = service->socket_owner.gid,
	                                .orphan_wait_ms = orphan_wait_ms};
}

static int
open_address(const struct service *service, const char *text, struct listener *listener, int64_t orphan_wait_ms,
             struct err *err)
{
	const struct listener_config config = listener_config_of(service, orphan_wait_ms);
	struct address address;
	if (address_parse(&address, text, err) != 0)
		return -1;
	return listener_open(listener, &address, &config, err);
}

/* A mode or an owner that cannot be changed any more is no reason to end a service that runs. */
static void
take_inherited(const struct service *service, struct handed_listener *handed, struct listener *listener)
{
	const struct listener_config config = listener_config_of(service, 0);
	struct err err;
	*listener = handed->listener;
	handed->listener.fd = -1;
	if (listener_renew(listener, &config, &err) != 0)
		log_event(service->log, VT_WARNING, "vitals.service", "A listener stays as it was",
		          VT_STR("reason", err.text));
}

static int
open_set(struct service *service, enum slot_role role, int64_t orphan_wait_ms, struct err *err)
{
	struct listener_set *set = &service->sets[role];
	const struct text_list *addresses = addresses_of(service->settings, role);
	if (set->count == 0 && inherit_given(service, role, err) != 0)
		return -1;
	for (size_t i = 0; i < addresses->count && !set->given; i++) {
		struct handed_listener *handed = find_inherited(service, role, addresses->items[i]);
		struct listener *listener = add_listener(set);
		if (listener == NULL)
			return err_set(err, "There is no memory for the listeners.");
		if (handed != NULL)
			take_inherited(service, handed, listener);
		else if (open_address(service, addresses->items[i], listener, orphan_wait_ms, err) != 0)
			return -1;
		set->count++;
	}
	return 0;
}

static void
take_set(struct listener_set *set, struct launcher_set *from)
{
	*set = (struct listener_set){.listeners = from->listeners, .count = from->count, .given = from->count > 0};
	*from = (struct launcher_set){0};
}

static int
take_from_launcher(struct service *service, struct err *err)
{
	struct launcher launcher;
	if (launcher_take(&launcher, err) != 0)
		return -1;
	take_set(&service->sets[ROLE_WORKER], &launcher.public);
	take_set(&service->sets[ROLE_ADMIN], &launcher.admin);
	launcher_fini(&launcher);
	return 0;
}

int
service_open_public(struct service *service, struct err *err)
{
	return take_from_launcher(service, err) == 0 ? open_set(service, ROLE_WORKER, 0, err) : -1;
}

void
service_close_listeners(struct service *service)
{
	for (size_t role = 0; role < HANDOVER_ROLES; role++) {
		struct listener_set *set = &service->sets[role];
		for (size_t i = 0; i < set->count; i++)
			listener_close(&set->listeners[i], LISTENER_REMOVE_FILE);
		free(set->listeners);
		*set = (struct listener_set){0};
	}
}

/* ---- All ---------------------------------------------------------------------------------------- */

static int
open_handoffs(struct service *service, struct err *err)
{
	for (size_t role = 0; role < HANDOVER_ROLES; role++) {
		service->handoffs[role] = service->inherited.handoffs[role];
		if (service->handoffs[role].send_fd < 0 && handoff_open(&service->handoffs[role], err) != 0)
			return -1;
	}
	return 0;
}

/* A scoreboard that was left behind tells that workers of a killed supervisor may still be on their way out. */
int
service_open_all(struct service *service, struct err *err)
{
	bool was_there = false, first = service->inherited.renewal == RENEWAL_NONE;
	if (service_open_log(service, err) != 0 || open_board(service, &was_there, err) != 0)
		return -1;
	service_share_log(service);
	if (first && take_from_launcher(service, err) != 0)
		return -1;
	int64_t orphan_wait_ms = was_there && first ? ORPHAN_WAIT_MS : 0;
	for (size_t role = 0; role < HANDOVER_ROLES; role++)
		if (open_set(service, (enum slot_role)role, orphan_wait_ms, err) != 0)
			return -1;
	if (open_handoffs(service, err) != 0 || pid_file_write(service->settings->pid_file, err) != 0)
		return -1;
	return identity_assume(&service->run_as, err);
}

static int
try_set(struct service *service, enum slot_role role, struct err *err)
{
	const struct text_list *addresses = addresses_of(service->settings, role);
	for (size_t i = 0; i < service->inherited.listener_count; i++)
		if (service->inherited.listeners[i].role == role && service->inherited.listeners[i].given)
			return 0;
	for (size_t i = 0; i < addresses->count; i++) {
		struct listener listener;
		if (find_inherited(service, role, addresses->items[i]) != NULL)
			continue;
		if (open_address(service, addresses->items[i], &listener, 0, err) != 0)
			return -1;
		listener_close(&listener, LISTENER_REMOVE_FILE);
	}
	return 0;
}

/* What the scoreboard of the service that runs was made without, it stays without. */
static int
try_parts(const struct service *service, struct err *err)
{
	int fd = service->inherited.scoreboard_fd;
	if (service->settings->trace_file != NULL && scoreboard_ring_bytes(fd, RING_TRACE) == 0)
		return err_set(err,
		               "TRACE_FILE: the service that runs was started without one; a restart can change it.");
	if (service->settings->enable_metrics && scoreboard_series_max(fd) == 0)
		return err_set(err, "ENABLE_METRICS is on, but the service that runs was started with it off; a "
		                    "restart can change it.");
	if (service->settings->cache_memory_bytes > 0 && scoreboard_cache_bytes(fd) == 0)
		return err_set(err,
		               "CACHE_MEMORY_BYTES is not 0, but the service that runs was started with 0; a restart "
		               "can change it.");
	return 0;
}

/* A program that lays the scoreboard out otherwise makes a new file in its place, as whoever the service runs as. */
static int
try_board(const struct service *service, const char *path, struct err *err)
{
	char folder[PATH_BYTES];
	if (strcmp(path, service->inherited.scoreboard_path) != 0)
		return err_set(err, "SCOREBOARD is %s, but the service that runs uses %s; a restart can change it.",
		               path, service->inherited.scoreboard_path);
	if (scoreboard_fits(service->inherited.scoreboard_fd))
		return try_parts(service, err);
	snprintf(folder, sizeof folder, "%s", path);
	if (faccessat(AT_FDCWD, dirname(folder), W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	return err_set(err,
	               "This program lays out the scoreboard %s otherwise and has to replace it, but may not write in "
	               "that directory (%s); a restart can.",
	               path, strerror(errno));
}

int
service_try_opening(struct service *service, struct err *err)
{
	char path[PATH_BYTES];
	if (service->settings->workers == 0)
		return err_set(err, "WORKERS is 0; a service that has workers cannot go on without them. Restart it.");
	if (service_board_path(service, path, sizeof path, err) != 0 || try_board(service, path, err) != 0)
		return -1;
	if (service_open_log(service, err) != 0 || try_set(service, ROLE_WORKER, err) != 0 ||
	    try_set(service, ROLE_ADMIN, err) != 0)
		return -1;
	return identity_assume(&service->run_as, err);
}
