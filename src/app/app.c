/* app.c - what a module may say during setup; every complaint becomes a problem of the settings. */
#include "app.h"

#include <stdio.h>
#include <unistd.h>

#include "cache_rule.h"
#include "err.h"
#include "log.h"
#include "metric_registry.h"
#include "router.h"
#include "routes.h"
#include "settings.h"
#include "setup_watch.h"

static int
complain(struct vt_app *app, const char *sentence)
{
	char text[640];
	if (app->module == NULL)
		settings_add_problem(app->settings, sentence);
	else {
		snprintf(text, sizeof text, "module %s: %s", app->module, sentence);
		settings_add_problem(app->settings, text);
	}
	return -1;
}

int
app_init(struct vt_app *app, struct settings_reader *settings, struct err *err)
{
	*app = (struct vt_app){.settings = settings, .router = router_create(), .metrics = metric_registry_create()};
	if (app->router == NULL || app->metrics == NULL)
		return err_set(err, "There is no memory for the routes and metrics.");
	return routes_add_built_in(app->router, settings_values(settings), err);
}

void
app_fini(struct vt_app *app)
{
	router_destroy(app->router);
	cache_rules_destroy(app->cache_rules);
	metric_registry_destroy(app->metrics);
	app->router = NULL;
	app->cache_rules = NULL;
	app->metrics = NULL;
}

static size_t
count_problems(const struct vt_app *app)
{
	size_t n = 0;
	while (settings_problem(app->settings, n) != NULL)
		n++;
	return n;
}

void
app_run_setup(struct vt_app *app, const char *name, vt_setup_fn *setup)
{
	size_t before = count_problems(app);
	struct setup_watch watch;
	setup_watch_begin(&watch);
	app->module = name;
	if (setup(app) != 0 && count_problems(app) == before)
		complain(app, "its setup failed and gave no reason.");
	const char *fault = setup_watch_end(&watch);
	if (fault != NULL)
		complain(app, fault);
	app->module = NULL;
}

/* In a thread of a module's there is no log to write to. */
bool
app_refuses(const struct vt_app *app, const char *function)
{
	if (app->sealed && app->log != NULL && gettid() == getpid())
		log_event(app->log, VT_ERROR_LEVEL, "vitals.module", "Declared after setup",
		          VT_STR("function", function));
	return app->sealed;
}

int
vt_setup_error(struct vt_app *app, const char *sentence)
{
	return app_refuses(app, __func__) ? -1 : complain(app, sentence);
}

int
vt_setting(struct vt_app *app, const struct vt_setting *setting)
{
	return app_refuses(app, __func__) ? -1 : settings_declare(app->settings, setting);
}

const char *
vt_setting_text(const struct vt_app *app, const char *name)
{
	return settings_module_text(app->settings, name);
}

bool
vt_setting_bool(const struct vt_app *app, const char *name)
{
	return settings_module_bool(app->settings, name);
}

int64_t
vt_setting_int(const struct vt_app *app, const char *name)
{
	return settings_module_int(app->settings, name);
}

/* The cache's handler comes in front of the route's own. */
static int
cache_route(struct vt_app *app, const struct vt_route *route, struct route *own, struct err *err)
{
	struct cache_rule *rule = cache_rule_create(route, err);
	if (rule == NULL)
		return -1;
	rule->next = app->cache_rules;
	app->cache_rules = rule;
	own->cache = rule;
	return 0;
}

int
vt_route(struct vt_app *app, const struct vt_route *route)
{
	struct err err;
	if (app_refuses(app, __func__))
		return -1;
	struct route own = {
		.method = route->method, .path = route->path, .handler = route->handler, .context = route->context};
	if (route->cache.prefix != NULL && cache_route(app, route, &own, &err) != 0)
		return complain(app, err.text);
	return router_add(app->router, &own, &err) == 0 ? 0 : complain(app, err.text);
}
