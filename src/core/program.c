/* program.c - looks a program up as a shell does (execvp(3)). Called once at start, before anybody changes directory. */
#include "program.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

static int
below_working_directory(const char *name, char *path, size_t size, struct err *err)
{
	char directory[PATH_MAX];
	if (getcwd(directory, sizeof directory) == NULL)
		return err_set(err, "The working directory is gone: %s.", strerror(errno));
	return snprintf(path, size, "%s/%s", directory, name) < (int)size
	               ? 0
	               : err_set(err, "The program's path is too long.");
}

/* Below an entry of PATH; one that is empty or relative is below the working directory. */
static int
below_entry(const char *entry, size_t length, const char *name, char *path, size_t size)
{
	char directory[PATH_MAX] = "";
	bool relative = entry[0] != '/';
	if (relative && getcwd(directory, sizeof directory) == NULL)
		return -1;
	const char *between = relative && length > 0 ? "/" : "";
	return snprintf(path, size, "%s%s%.*s/%s", directory, between, (int)length, entry, name) < (int)size ? 0 : -1;
}

static bool
is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static int
in_search_path(const char *name, char *path, size_t size, struct err *err)
{
	const char *entry = getenv("PATH");
	while (entry != NULL) {
		size_t length = strcspn(entry, ":");
		if (below_entry(entry, length, name, path, size) == 0 && is_program(path))
			return 0;
		entry = entry[length] == ':' ? entry + length + 1 : NULL;
	}
	/* Started by a name that is no path, and not to be found: its file is at least the one that runs. */
	ssize_t n = readlink("/proc/self/exe", path, size);
	if (n <= 0 || (size_t)n >= size)
		return err_set(err, "The program \"%s\" is not in PATH.", name);
	path[n] = '\0';
	return 0;
}

int
program_path(const char *name, char *path, size_t size_bytes, struct err *err)
{
	if (name == NULL || name[0] == '\0')
		name = "vitalsd";
	if (name[0] == '/')
		return snprintf(path, size_bytes, "%s", name) < (int)size_bytes
		               ? 0
		               : err_set(err, "The program's path is too long.");
	return strchr(name, '/') != NULL ? below_working_directory(name, path, size_bytes, err)
	                                 : in_search_path(name, path, size_bytes, err);
}
