/*
 * routes_status.h - GET /status: the whole state of the service, as JSON and as a page for people.
 */
#ifndef APP_ROUTES_STATUS_H
#define APP_ROUTES_STATUS_H

#include <stddef.h>

#include "router.h"

/* For router_add(), unless ENABLE_STATUS is off. */
extern const struct route status_routes[];
extern const size_t status_routes_count;

#endif
