/*
 * app.h - the application under construction: what modules declare during setup.
 *
 * Lives in the supervisor before the fork and is constant afterwards. The functions of vitals.h that
 * take a struct vt_app are in app.c.
 */
#ifndef APP_APP_H
#define APP_APP_H

#include "vitals.h"

struct cache_rule;
struct err;
struct log;
struct metric_registry;
struct router;
struct settings;
struct settings_reader;

struct vt_app {
	struct settings_reader *settings; /* the caller's */
	struct router *router;            /* owned, as the next */
	struct metric_registry *metrics;
	struct cache_rule *cache_rules; /* owned, of routes that are cached */
	const char *module;             /* whose setup runs, for its complaints; NULL: the service's own */
	bool sealed;                    /* setup is over: what is declared from now on is refused, and logged */
	struct log *log;                /* for that; NULL: there is none yet */
};

/* With the built-in routes already added. -1: no memory, or a table that is wrong. */
int app_init(struct vt_app *app, struct settings_reader *settings, struct err *err);
void app_fini(struct vt_app *app);

/*
 * Loads the modules that MODULES names, in order, and runs each one's vitals_setup(). What is wrong is
 * added to the settings' problems. A file that others may write is refused.
 */
void app_load_modules(struct vt_app *app, const struct settings *settings);
/* Runs a setup function that is linked in. */
void app_run_setup(struct vt_app *app, const char *name, vt_setup_fn *setup);
/* True where setup is over, which the caller's vt_ function is then refused for; logged. */
bool app_refuses(const struct vt_app *app, const char *function);

#endif
