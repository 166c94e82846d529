/*
 * modules.c - loads shared objects. They run with all rights of the service, so a file that anybody but
 * root or us could have written is refused. A symbolic link is followed first: what is loaded is the very
 * path that was looked at. Nothing is ever unloaded.
 */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "err.h"
#include "settings.h"

#define ABI_MAX 1000 /* up to where another interface's number is looked for */

/* Root's group, or the one that our user has alone, which by custom bears the user's name. */
static bool
group_is_trusted(gid_t gid)
{
	const struct passwd *user = getpwuid(geteuid());
	const struct group *group = getgrgid(gid);
	return gid == 0 || (user != NULL && group != NULL && strcmp(user->pw_name, group->gr_name) == 0 &&
	                    group->gr_mem[0] == NULL);
}

/* In a directory with the sticky bit nobody can replace another's file; on a file the bit means nothing. */
static bool
others_may_write(const struct stat *st)
{
	if (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0)
		return false;
	return (st->st_mode & S_IWOTH) != 0 || ((st->st_mode & S_IWGRP) != 0 && !group_is_trusted(st->st_gid));
}

/* A writable directory would do as well for somebody who wants to put another file there. */
static int
check_place(const char *path, const char *what, struct err *err)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return err_set(err, "MODULES: %s cannot be read: %s.", path, strerror(errno));
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(
			err, "MODULES: %s %s belongs to another user; it must belong to root or to the service's user.",
			what, path);
	if (others_may_write(&st))
		return err_set(err, "MODULES: %s %s may be written by others; take that right away (chmod go-w).", what,
		               path);
	return 0;
}

static int
check_file(const char *path, struct err *err)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	snprintf(directory, sizeof directory, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (check_place(path, "the file", err) != 0)
		return -1;
	return check_place(directory, "the directory", err);
}

/* NULL with err. */
static void *
open_object(const char *path, struct err *err)
{
	char file[PATH_MAX];
	if (path[0] != '/') {
		err_set(err, "MODULES: \"%s\" is not an absolute path.", path);
		return NULL;
	}
	if (realpath(path, file) == NULL) {
		err_set(err, "MODULES: %s cannot be read: %s.", path, strerror(errno));
		return NULL;
	}
	if (check_file(file, err) != 0)
		return NULL;
	void *object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (object == NULL)
		err_set(err, "MODULES: %s cannot be loaded: %s.", path, dlerror());
	return object;
}

static vt_setup_fn *
find_setup(void *object, int abi)
{
	char name[32];
	vt_setup_fn *setup;
	snprintf(name, sizeof name, "vitals_setup_%d", abi);
	*(void **)&setup = dlsym(object, name);
	return setup;
}

/* NULL with err, which tells a module of another version from what is no module. */
static vt_setup_fn *
find_setup_of_this_abi(void *object, const char *path, struct err *err)
{
	vt_setup_fn *setup = find_setup(object, VT_ABI);
	if (setup != NULL)
		return setup;
	for (int abi = 0; abi < ABI_MAX; abi++)
		if (find_setup(object, abi) != NULL) {
			err_set(err,
			        "MODULES: %s was built for interface %d of vitals.h, and this is %d; build it again.",
			        path, abi, VT_ABI);
			return NULL;
		}
	err_set(err, "MODULES: %s has no function vitals_setup() as vitals.h declares it.", path);
	return NULL;
}

static void
load(struct vt_app *app, const char *path)
{
	struct err err;
	void *object = open_object(path, &err);
	vt_setup_fn *setup = object != NULL ? find_setup_of_this_abi(object, path, &err) : NULL;
	if (setup != NULL)
		app_run_setup(app, path, setup);
	else
		settings_add_problem(app->settings, err.text);
}

void
app_load_modules(struct vt_app *app, const struct settings *settings)
{
	for (size_t i = 0; i < settings->modules.count; i++)
		load(app, settings->modules.items[i]);
}
