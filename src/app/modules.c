/*
 * modules.c - loads shared objects. They run with all rights of the service, so a file that anybody but
 * its owner, root or us could have written is refused. Nothing is ever unloaded.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "err.h"
#include "settings.h"

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
	if ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0)
		return err_set(err, "MODULES: %s %s may be written by everybody; take that right away (chmod o-w).",
		               what, path);
	return 0;
}

static int
check_file(const char *path, struct err *err)
{
	char directory[4096];
	const char *slash = strrchr(path, '/');
	if (path[0] != '/')
		return err_set(err, "MODULES: \"%s\" is not an absolute path.", path);
	if ((size_t)(slash - path) >= sizeof directory)
		return err_set(err, "MODULES: the path is too long: %.100s…", path);
	snprintf(directory, sizeof directory, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (check_place(path, "the file", err) != 0)
		return -1;
	return check_place(directory, "the directory", err);
}

static void
load(struct vt_app *app, const char *path)
{
	struct err err;
	if (check_file(path, &err) != 0) {
		settings_add_problem(app->settings, err.text);
		return;
	}
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (object == NULL) {
		err_set(&err, "MODULES: %s cannot be loaded: %s.", path, dlerror());
		settings_add_problem(app->settings, err.text);
		return;
	}
	vt_setup_fn *setup;
	*(void **)&setup = dlsym(object, "vitals_setup");
	if (setup == NULL) {
		err_set(&err, "MODULES: %s has no function vitals_setup().", path);
		settings_add_problem(app->settings, err.text);
		return;
	}
	app_run_setup(app, path, setup);
}

void
app_load_modules(struct vt_app *app, const struct settings *settings)
{
	for (size_t i = 0; i < settings->modules.count; i++)
		load(app, settings->modules.items[i]);
}
