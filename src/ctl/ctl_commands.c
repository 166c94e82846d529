/*
 * ctl_commands.c - what vitalsctl does. Called by vitalsctl.c.
 *
 * The supervisor is signalled through a descriptor of its process, so that a pid which meanwhile is another's is
 * never hit. Waiting is looking at the scoreboard every few milliseconds, up to the deadline.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "ctl.h"
#include "ctl_show.h"
#include "err.h"
#include "owner.h"
#include "scoreboard.h"

#define LOOK_MS 10

int
ctl_status(const struct ctl *ctl, struct err *err)
{
	struct snapshot snapshot;
	int status = snapshot_take(&snapshot, ctl->board, err);
	if (status == 0 && ctl->json)
		status = ctl_show_json(&snapshot, stdout, err);
	else if (status == 0)
		ctl_show_text(&snapshot, stdout);
	snapshot_fini(&snapshot);
	return status;
}

/* ---- Asking the supervisor ---------------------------------------------------------------------- */

static int
send_signal(const struct ctl *ctl, int number, struct err *err)
{
	uint64_t supervisor = atomic_load(&scoreboard_service(ctl->board)->supervisor);
	if (owner_pid(supervisor) == 0)
		return err_set(err, "The processes of %s have no supervisor; whoever starts them decides.", ctl->path);
	int fd = (int)syscall(SYS_pidfd_open, owner_pid(supervisor), 0);
	if (fd < 0 || !owner_lives(supervisor)) {
		if (fd >= 0)
			close(fd);
		return err_set(err, "The supervisor of %s, process %ld, does not live any more.", ctl->path,
		               (long)owner_pid(supervisor));
	}
	int status = (int)syscall(SYS_pidfd_send_signal, fd, number, NULL, 0);
	if (status != 0)
		err_set(err, "The supervisor, process %ld, cannot be asked: %s.", (long)owner_pid(supervisor),
		        strerror(errno));
	close(fd);
	return status;
}

/* True where the condition came about in time. */
static bool
wait_for(const struct ctl *ctl, bool (*met)(const struct scoreboard_service *, uint64_t), uint64_t argument)
{
	int64_t end_ns = deadline_in_ms(ctl->timeout_ms);
	const struct scoreboard_service *service = scoreboard_service(ctl->board);
	while (!met(service, argument)) {
		if (clock_mono_ns() >= end_ns)
			return false;
		poll(NULL, 0, LOOK_MS);
	}
	return true;
}

static bool
draining_is(const struct scoreboard_service *service, uint64_t draining)
{
	return atomic_load(&service->draining) == draining;
}

static int
set_draining(const struct ctl *ctl, bool draining, struct err *err)
{
	if (send_signal(ctl, draining ? CONTROL_DRAIN : CONTROL_RESUME, err) != 0)
		return -1;
	if (!wait_for(ctl, draining_is, draining))
		return err_set(err, "The supervisor did not do so in time; vitalsctl status shows how it is.");
	printf(draining ? "The service is not ready any more, so that load balancers send it nothing; it serves on.\n"
	                : "The service is ready again.\n");
	return 0;
}

int
ctl_drain(const struct ctl *ctl, struct err *err)
{
	return set_draining(ctl, true, err);
}

int
ctl_resume(const struct ctl *ctl, struct err *err)
{
	return set_draining(ctl, false, err);
}

/* ---- Renewal ------------------------------------------------------------------------------------ */

/* Done or refused: both counts rise, so their sum tells. */
static uint64_t
renewals(const struct scoreboard_service *service)
{
	return atomic_load(&service->reloads) + atomic_load(&service->reloads_refused);
}

static bool
renewals_passed(const struct scoreboard_service *service, uint64_t before)
{
	return renewals(service) > before;
}

static int
renew(const struct ctl *ctl, int number, struct err *err)
{
	char why[SCOREBOARD_REFUSAL_BYTES];
	const struct scoreboard_service *service = scoreboard_service(ctl->board);
	uint64_t before = renewals(service), refused = atomic_load(&service->reloads_refused);
	if (send_signal(ctl, number, err) != 0)
		return -1;
	if (!wait_for(ctl, renewals_passed, before))
		return err_set(err, "The new generation does not serve yet; the log and vitalsctl status show why.");
	if (atomic_load(&service->reloads_refused) > refused)
		return err_set(err, "Refused, and everything goes on as it was. %s",
		               scoreboard_refusal(ctl->board, why) ? why : "The log says why.");
	printf("Generation %u serves.\n", atomic_load(&service->generation));
	return 0;
}

int
ctl_reload(const struct ctl *ctl, struct err *err)
{
	return renew(ctl, CONTROL_RELOAD, err);
}

int
ctl_upgrade(const struct ctl *ctl, struct err *err)
{
	return renew(ctl, CONTROL_UPGRADE, err);
}
