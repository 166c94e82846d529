/* routes.c - adds the tables of built-in routes to the router. */
#include "routes.h"

#include "router.h"
#include "routes_health.h"
#include "settings.h"

int
routes_add_built_in(struct router *router, const struct settings *settings, struct err *err)
{
	if (!settings->enable_health_checks)
		return 0;
	for (size_t i = 0; i < health_routes_count; i++) {
		struct route route = health_routes[i];
		route.flags |= ROUTE_PROBE;
		if (router_add(router, &route, err) != 0)
			return -1;
	}
	return 0;
}
