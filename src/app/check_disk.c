/*
 * check_disk.c - one check for each of DISK_PATHS, against DISK_MAX_PERCENT.
 *
 * The first path's check is "disk", a further one's "disk:/var". Numbers are df's: free is what an
 * unprivileged user may still write (f_bavail), percent is used / (used + free). While a probe of
 * side_call.c hangs, no new one is started and the check fails at once.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_table.h"
#include "settings.h"
#include "side_call.h"

struct disk {
	const char *path; /* the settings' */
	int64_t max_percent;
	struct side_call *probe; /* NULL: none is under way */
	int start_error;
	bool hangs; /* the probe is left from an earlier run */
};

static int
create(const struct checks_config *config, size_t n, struct check *check)
{
	const struct text_list *paths = &config->settings->disk_paths;
	if (n >= paths->count)
		return 0;
	struct disk *disk = calloc(1, sizeof *disk);
	if (disk == NULL)
		return -1;
	disk->path = paths->items[n];
	disk->max_percent = config->settings->disk_max_percent;
	if (n > 0)
		snprintf(check->name, sizeof check->name, "disk:%s", disk->path);
	check->state = disk;
	return 1;
}

static int
ask(const char *path, union side_answer *answer)
{
	return statvfs(path, &answer->disk);
}

static void
let_go(struct disk *disk)
{
	side_call_release(disk->probe);
	disk->probe = NULL;
}

static void
start(void *state)
{
	struct disk *disk = state;
	union side_answer late;
	int error;
	/* The answer of an abandoned probe has come meanwhile: it is too old to use. */
	if (disk->probe != NULL && side_call_answer(disk->probe, &late, &error))
		let_go(disk);
	disk->hangs = disk->probe != NULL;
	if (disk->hangs)
		return;
	disk->probe = side_call_start(disk->path, ask);
	disk->start_error = disk->probe == NULL ? errno : 0;
}

static void
judge(const struct disk *disk, const struct statvfs *st, struct check_result *result)
{
	uint64_t used_blocks = st->f_blocks - st->f_bfree;
	result->total_bytes = (uint64_t)st->f_blocks * st->f_frsize;
	result->free_bytes = (uint64_t)st->f_bavail * st->f_frsize;
	result->percent = check_percent(used_blocks, used_blocks + st->f_bavail);
	if (result->percent > (double)disk->max_percent)
		check_fail(result, "%.1f %% used, more than DISK_MAX_PERCENT allows (%lld %%)", result->percent,
		           (long long)disk->max_percent);
	else
		result->status = CHECK_HEALTHY;
}

static enum io_progress
step(void *state, struct io_want *want, struct check_result *result)
{
	struct disk *disk = state;
	union side_answer answer;
	int error = disk->start_error;
	if (disk->hangs) {
		check_fail(result, "the file system has not answered since an earlier check");
		return IO_DONE;
	}
	if (disk->probe != NULL && !side_call_answer(disk->probe, &answer, &error)) {
		*want = (struct io_want){.fd = side_call_fd(disk->probe), .events = POLLIN};
		return IO_WAIT;
	}
	if (disk->probe == NULL)
		check_fail(result, "the check cannot be started: %s", strerror(error));
	else if (error != 0)
		check_fail(result, "%s", strerror(error));
	else
		judge(disk, &answer.disk, result);
	let_go(disk);
	return IO_DONE;
}

static void
abandon(void *state)
{
	(void)state; /* the probe stays, so that no second one joins it */
}

static void
destroy(void *state)
{
	let_go(state);
	free(state);
}

const struct check_kind check_disk = {
	.name = "disk",
	.shape = CHECK_SHAPE_DISK,
	.create = create,
	.start = start,
	.step = step,
	.abandon = abandon,
	.destroy = destroy,
};
