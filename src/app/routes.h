/* routes.h - the routes that the service answers by itself. */
#ifndef APP_ROUTES_H
#define APP_ROUTES_H

struct err;
struct router;
struct settings;

/* In struct route's flags. */
enum route_flags {
	ROUTE_PROBE = 1 /* a probe, or a page that asks again and again: LOG_PROBES=off moves its successes to DEBUG */
};

/* Those that the settings enable. */
int routes_add_built_in(struct router *router, const struct settings *settings, struct err *err);

#endif
