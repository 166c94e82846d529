/*
 * service_alone.c - WORKERS=0: one process that serves by itself, one of many that something else starts and ends.
 *
 * Written for mod_fcgid, which gives each process a listening socket of its own as descriptor 0, decides how many
 * there are, and ends them with SIGTERM. They have no supervisor, but one scoreboard, so that metrics and health are
 * of all of them.
 */
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "clock.h"
#include "crash.h"
#include "err.h"
#include "log.h"
#include "log_thread.h"
#include "log_writer.h"
#include "obituary.h"
#include "redis_main.h"
#include "scoreboard.h"
#include "service_state.h"
#include "settings.h"
#include "trace_log.h"

#define LOGGER "vitals.service"
#define PATH_BYTES 4096
#define LOG_TRIES 200
#define LOG_RETRY_MS 5

static int
open_shared(struct service *service, struct err *err)
{
	char path[PATH_BYTES];
	if (service_open_log(service, err) != 0 || service_board_path(service, path, sizeof path, err) != 0)
		return -1;
	if (service_share_board(service, path, err) != 0)
		return -1;
	service_share_log(service);
	return service_open_public(service, err);
}

/* With every slot taken it still serves; only nobody sees it in the scoreboard. */
static struct slot *
take_slot(struct service *service, struct slot *spare)
{
	struct slot *slot = scoreboard_take_slot(service->board, ROLE_WORKER);
	if (slot != NULL)
		return slot;
	log_event(service->log, VT_WARNING, LOGGER, "This process is not in the scoreboard",
	          VT_STR("reason", "every slot is taken; raise WORKERS_MAX"),
	          VT_INT("slots", scoreboard_slots(service->board)));
	slot_claim(spare, ROLE_WORKER, 0);
	return spare;
}

/* Another process may be writing out what a dead owner of this slot has left: that takes it a moment. */
static struct log_thread *
start_log_thread(const struct log_writer_config *config, struct err *err)
{
	struct log_thread *thread = NULL;
	for (int i = 0; i < LOG_TRIES && (thread = log_thread_start(config, err)) == NULL; i++)
		poll(NULL, 0, LOG_RETRY_MS);
	return thread;
}

/* Where it cannot be had the process logs straight to the file. */
static void
log_into_ring(struct service *service, struct log_writer_config *config, unsigned index)
{
	struct err err;
	*config = (struct log_writer_config){.board = service->board,
	                                     .scope = LOG_WRITER_SLOT,
	                                     .slot = index,
	                                     .log = service->log,
	                                     .trace = trace_log_sink(service->trace_log),
	                                     .gather_ms = service->settings->log_flush_ms};
	scoreboard_abandon_rings(service->board, index);
	service->workers.log_thread = start_log_thread(config, &err);
	if (service->workers.log_thread == NULL) {
		log_event(service->log, VT_WARNING, LOGGER, "This process writes its log by itself",
		          VT_STR("reason", err.text));
		return;
	}
	const struct ring ring = scoreboard_ring(service->board, index, RING_LOG);
	const struct ring spans = scoreboard_ring(service->board, index, RING_TRACE);
	log_use_ring(service->log, &ring, &ring.shared->wake);
	trace_log_use_ring(service->trace_log, &spans, &ring.shared->wake);
}

/* Where it cannot be had, requests look by themselves whether Redis is back. */
static struct redis_thread *
watch_redis(const struct service *service)
{
	struct err err;
	if (!redis_needed(service->settings))
		return NULL;
	struct redis_thread *thread = redis_thread_start(&service->workers, &err);
	if (thread == NULL)
		log_event(service->log, VT_WARNING, LOGGER, "This process does not watch Redis",
		          VT_STR("reason", err.text));
	return thread;
}

static void
publish(const struct service *service)
{
	struct scoreboard_service *words = scoreboard_service(service->board);
	int64_t never = 0;
	atomic_store(&words->supervisor, 0);
	atomic_store(&words->workers_max, scoreboard_slots(service->board));
	atomic_store(&words->draining, 0);
	atomic_store(&words->started, 1);
	atomic_compare_exchange_strong(&words->started_real_ns, &never, clock_real_ns());
}

int
service_run_alone(struct service *service, struct err *err)
{
	static struct slot spare;
	if (open_shared(service, err) != 0 || identity_assume(&service->run_as, err) != 0 ||
	    service_brief_workers(service, err) != 0)
		return -1;
	publish(service);
	struct log_writer_config log_writer;
	for (unsigned i = 0; i < scoreboard_slots(service->board); i++)
		obituary_of_stranger(service->log, service->board, i);
	struct slot *slot = take_slot(service, &spare);
	crash_watch(slot);
	unsigned index = scoreboard_index_of(service->board, slot);
	if (index != SCOREBOARD_SUPERVISOR)
		log_into_ring(service, &log_writer, index);
	const struct worker_seat seat = {.index = index,
	                                 .role = ROLE_WORKER,
	                                 .slot = slot,
	                                 .listeners = service->sets[ROLE_WORKER].listeners,
	                                 .listener_count = service->sets[ROLE_WORKER].count};
	struct redis_thread *redis = watch_redis(service);
	int status = worker_main(&service->workers, &seat);
	redis_thread_stop(redis);
	log_thread_stop(service->workers.log_thread);
	log_use_ring(service->log, NULL, NULL);
	trace_log_use_ring(service->trace_log, NULL, NULL);
	slot_release(slot);
	return status == EXIT_SUCCESS ? 0 : err_set(err, "This process cannot serve; the log says why.");
}
