/*
 * service_alone.c - WORKERS=0: one process that serves by itself, one of many that something else starts and ends.
 *
 * Written for mod_fcgid, which gives each process a listening socket of its own as descriptor 0, decides how many
 * there are, and ends them with SIGTERM. They have no supervisor, but one scoreboard, so that metrics and health are
 * of all of them.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "scoreboard.h"
#include "service_state.h"
#include "settings.h"

#define LOGGER "vitals.service"
#define PATH_BYTES 4096

static int
open_shared(struct service *service, struct err *err)
{
	char path[PATH_BYTES];
	if (service_open_log(service, err) != 0 || service_board_path(service, path, sizeof path, err) != 0)
		return -1;
	service->board = scoreboard_share(path, (unsigned)service->settings->workers_max, err);
	if (service->board == NULL)
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
	struct slot *slot = take_slot(service, &spare);
	const struct worker_seat seat = {.role = ROLE_WORKER,
	                                 .slot = slot,
	                                 .listeners = service->sets[ROLE_WORKER].listeners,
	                                 .listener_count = service->sets[ROLE_WORKER].count};
	int status = worker_main(&service->workers, &seat);
	slot_release(slot);
	return status == EXIT_SUCCESS ? 0 : err_set(err, "This process cannot serve; the log says why.");
}
