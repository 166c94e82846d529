/*
 * check_file.c - file:/path: how old the file is, by the time of its last change; of a pattern, the newest that matches.
 *
 * Made for backups: a dump that is not there or was not renewed fails.
 */
#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "check_aside.h"
#include "check_bounds.h"
#include "check_table.h"
#include "clock.h"

/* The newest time among the files; -1 with errno where there is none. */
static int
newest(char *const *paths, size_t count, int64_t *seconds)
{
	size_t seen = 0;
	errno = ENOENT;
	for (size_t i = 0; i < count; i++) {
		struct stat st;
		if (stat(paths[i], &st) != 0)
			continue;
		if (seen++ == 0 || st.st_mtime > *seconds)
			*seconds = st.st_mtime;
	}
	return seen > 0 ? 0 : -1;
}

static int
ask(const char *pattern, union side_answer *answer)
{
	glob_t found;
	/* Without a match the pattern itself is looked up, which says why it cannot be had. */
	int status = glob(pattern, GLOB_NOSORT | GLOB_NOCHECK, NULL, &found);
	if (status != 0) {
		errno = status == GLOB_NOSPACE ? ENOMEM : EACCES;
		return -1;
	}
	status = newest(found.gl_pathv, found.gl_pathc, &answer->seconds);
	int error = errno;
	globfree(&found);
	errno = error;
	return status;
}

static void
judge(const struct check_spec *spec, int error, int64_t seconds, struct check_result *result)
{
	int64_t age_ns = clock_real_ns() - seconds * NS_PER_S;
	if (error == ENOENT)
		check_fail(result, "there is no such file");
	else if (error != 0)
		check_fail(result, "%s", strerror(error));
	else
		check_judge(spec, "it is %s old", age_ns / NS_PER_MS, result);
}

static int
declare(const struct checks_config *config, const struct check_spec *spec, struct check *check)
{
	static const struct check_aside_kind kind = {.ask = ask, .judge = judge};
	(void)config;
	return check_aside_declare(&kind, spec, check);
}

const struct check_kind check_file = {
	.name = "file",
	.shape = CHECK_SHAPE_TEXT,
	.declare = declare,
	.start = check_aside_start,
	.step = check_aside_step,
	.abandon = check_aside_abandon,
	.destroy = check_aside_destroy,
};
