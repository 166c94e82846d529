/* routes.c - adds the tables of built-in routes to the router. */
#include "routes.h"

#include "router.h"
#include "routes_health.h"
#include "routes_metrics.h"
#include "routes_status.h"
#include "settings.h"

static int
add_all(struct router *router, const struct route *routes, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct route route = routes[i];
		route.flags |= ROUTE_PROBE;
		if (router_add(router, &route, err) != 0)
			return -1;
	}
	return 0;
}

int
routes_add_built_in(struct router *router, const struct settings *settings, struct err *err)
{
	if (settings->enable_health_checks && add_all(router, health_routes, health_routes_count, err) != 0)
		return -1;
	if (settings->enable_metrics && add_all(router, &metrics_route, 1, err) != 0)
		return -1;
	return settings->enable_status ? add_all(router, status_routes, status_routes_count, err) : 0;
}
