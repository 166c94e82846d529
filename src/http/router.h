/*
 * router.h - from method and path to a route.
 *
 * A template is "/" and literal segments or "{name}" segments, each one whole segment of the path;
 * where a literal and a parameter both fit, the literal wins. Literals are written decoded and compare
 * byte by byte; a parameter takes any segment that is not empty. GET serves HEAD. Built at start, constant
 * from then on; matching costs by the length of the path, not by the number of routes.
 *
 * A literal wins only as far as it leads to a route of the request's method: with "GET /users/{id}" and
 * "POST /users/me", GET /users/me is the first. So 405 is said only where no route at all would serve it, and
 * Allow lists what would be.
 */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include <stddef.h>

#include "vitals.h"

#define ROUTER_MAX_SEGMENTS 32

struct cache_rule;
struct err;
struct router;
struct strbuf;
struct vt_request;

struct route {
	const char *method, *path;
	vt_handler_fn *handler;
	void *context;
	unsigned flags;                 /* the application's, as the next */
	const struct cache_rule *cache; /* outlives the router; NULL: not cached */
};

/* NULL: no memory. */
struct router *router_create(void);
void router_destroy(struct router *router);
/*
 * Copies the route. -1: no leading '/', a parameter name that is not [A-Za-z_][A-Za-z0-9_]* or is repeated, a
 * brace that does not enclose a whole segment, more than ROUTER_MAX_SEGMENTS, no handler, a method that is no
 * token, or the same method on the same shape twice.
 */
int router_add(struct router *router, const struct route *route, struct err *err);

enum router_outcome {
	ROUTER_FOUND, /* req->route and req->path_params are set */
	ROUTER_NOT_FOUND,
	ROUTER_METHOD_NOT_ALLOWED, /* the path exists: router_allow() lists its methods */
	ROUTER_OPTIONS,            /* OPTIONS on a path that has no such route of its own */
	ROUTER_NO_MEMORY
};

enum router_outcome router_match(const struct router *router, struct vt_request *req);
/*
 * Appends "GET, HEAD, OPTIONS" for a path as in req->path, sorted; for "*" those of all routes; nothing where
 * no route has the path.
 */
void router_allow(const struct router *router, const char *path, struct strbuf *out);
/* The n-th route in order of addition, NULL past the last. */
const struct route *router_route(const struct router *router, size_t n);

#endif
