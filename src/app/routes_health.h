/*
 * routes_health.h - the five health routes.
 */
#ifndef APP_ROUTES_HEALTH_H
#define APP_ROUTES_HEALTH_H

#include <stddef.h>

#include "router.h"

/* For router_add(), unless ENABLE_HEALTH_CHECKS is off. */
extern const struct route health_routes[];
extern const size_t health_routes_count;

#endif
