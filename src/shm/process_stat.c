/* process_stat.c - see process_stat.h. Called by owner.c for who lives, and at a scrape for what a process takes. */
#include "process_stat.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 32
#define STAT_BYTES 1024
#define DECIMAL 10

enum {
	FIELD_NAME = 2,
	FIELD_STATE = 3,
	FIELD_UTIME = 14,
	FIELD_STIME,
	FIELD_CUTIME,
	FIELD_CSTIME,
	FIELD_STARTTIME = 22,
	FIELD_RSS = 24,
	FIELDS
};

/* Where each field begins, from the third on; NULL: there is none. The name may hold anything; the last ')' closes it. */
static bool
split(char *text, const char *fields[static FIELDS])
{
	char *at = strrchr(text, ')');
	for (int i = FIELD_NAME + 1; i < FIELDS && at != NULL; i++) {
		at = strchr(at + 1, ' ');
		fields[i] = at != NULL ? at + 1 : NULL;
	}
	return at != NULL;
}

static uint64_t
number(const char *field)
{
	return strtoull(field, NULL, DECIMAL);
}

bool
process_stat_read(struct process_stat *process, pid_t pid)
{
	char path[PATH_BYTES], text[STAT_BYTES];
	const char *fields[FIELDS];
	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	if (!split(text, fields))
		return false;
	*process = (struct process_stat){.state = *fields[FIELD_STATE],
	                                 .own_ticks = number(fields[FIELD_UTIME]) + number(fields[FIELD_STIME]),
	                                 .children_ticks = number(fields[FIELD_CUTIME]) + number(fields[FIELD_CSTIME]),
	                                 .started_ticks = number(fields[FIELD_STARTTIME]),
	                                 .resident_pages = number(fields[FIELD_RSS])};
	return true;
}
