/*
 * routes_metrics.h - /metrics.
 */
#ifndef APP_ROUTES_METRICS_H
#define APP_ROUTES_METRICS_H

#include "router.h"

/* For router_add(), unless ENABLE_METRICS is off. */
extern const struct route metrics_route;

#endif
