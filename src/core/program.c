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
join(char *path, size_t size, const char *directory, const char *name)
{
	return snprintf(path, size, "%s/%s", directory, name) < (int)size ? 0 : -1;
}

static int
below_working_directory(const char *name, char *path, size_t size, struct err *err)
{
	char directory[PATH_MAX];
	if (getcwd(directory, sizeof directory) == NULL)
		return err_set(err, "The working directory is gone: %s.", strerror(errno));
	return join(path, size, directory, name) == 0 ? 0 : err_set(err, "The program's path is too long.");
}

/* A directory may have the program's name, and is passed over as execvp(3) does. */
static bool
is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* An empty entry is the working directory; one that is not absolute is below it. */
static int
in_search_path(const char *name, char *path, size_t size, struct err *err)
{
	char directory[PATH_MAX];
	const char *entry = getenv("PATH");
	while (entry != NULL && *entry != '\0') {
		size_t length = strcspn(entry, ":");
		snprintf(directory, sizeof directory, "%.*s", length > 0 ? (int)length : 1, length > 0 ? entry : ".");
		if (join(path, size, directory, name) == 0 && is_program(path)) {
			char found[PATH_MAX];
			if (path[0] == '/')
				return 0;
			snprintf(found, sizeof found, "%s", path);
			return below_working_directory(found, path, size, err);
		}
		entry += length + (entry[length] == ':');
	}
	/* Started by a name that is no path, and not to be found: its file is at least the one that runs. */
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	if (n <= 0)
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
