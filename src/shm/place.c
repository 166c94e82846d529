/* place.c - see place.h. Called by the service at start. */
#include "place.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "fnv.h"

int
scoreboard_place(char *path, size_t size_bytes, uid_t uid, const char *key, struct err *err)
{
	char directory[512];
	const char *runtime = uid == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");
	unsigned long long name = fnv_text(FNV_OFFSET, key);
	if (runtime == NULL || runtime[0] != '/' || strlen(runtime) > 400) {
		snprintf(path, size_bytes, "/dev/shm/vitals-%u-%016llx", (unsigned)uid, name);
		return 0;
	}
	snprintf(directory, sizeof directory, "%s/vitals", runtime);
	if (mkdir(directory, 0755) != 0 && errno != EEXIST)
		return err_set(err,
		               "SCOREBOARD: the directory %s cannot be made: %s; set SCOREBOARD to a file elsewhere.",
		               directory, strerror(errno));
	snprintf(path, size_bytes, "%s/scoreboard-%016llx", directory, name);
	return 0;
}
