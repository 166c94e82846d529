/*
 * router.c - which route serves a method and a path, and which methods a path has.
 *
 * Built while the service starts, by router_add(); the workers inherit it and only read it. Matching
 * allocates nothing but the parameters, in the request's arena.
 */
#include "router.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "err.h"
#include "request.h"
#include "route_tree.h"
#include "strbuf.h"
#include "syntax.h"

struct router {
	struct node *root;
	struct entry_list entries; /* all, in order of addition */
};

/* ---- Building ---- */

struct router *
router_create(void)
{
	struct router *router = calloc(1, sizeof *router);
	if (router == NULL)
		return NULL;
	router->root = node_create();
	if (router->root == NULL) {
		free(router);
		return NULL;
	}
	return router;
}

void
router_destroy(struct router *router)
{
	if (router == NULL)
		return;
	for (size_t i = 0; i < router->entries.count; i++)
		entry_destroy(router->entries.items[i]);
	free(router->entries.items);
	node_destroy(router->root);
	free(router);
}

/* Owned by the router from here on, also where the node could not take it. */
static int
add_entry(struct router *router, struct node *node, const struct route *route, const struct template *template)
{
	struct entry *entry = entry_create(route, template);
	if (entry == NULL)
		return -1;
	if (!entry_list_append(&router->entries, entry)) {
		entry_destroy(entry);
		return -1;
	}
	return entry_list_append(&node->entries, entry) ? 0 : -1;
}

int
router_add(struct router *router, const struct route *route, struct err *err)
{
	struct template template;
	if (template_parse(&template, route->path, err) != 0)
		return -1;
	if (route->method == NULL || !syntax_token(route->method, strlen(route->method)))
		return err_set(err, "The route \"%s\" has a method that is no HTTP token.", route->path);
	if (route->handler == NULL)
		return err_set(err, "The route \"%s %s\" has no handler.", route->method, route->path);
	struct node *node = node_provide(router->root, &template);
	const struct entry *other = node != NULL ? entry_list_find(&node->entries, route->method) : NULL;
	if (other != NULL)
		return err_set(err, "The routes \"%s %s\" and \"%s %s\" serve the same paths.", other->method,
		               other->path, route->method, route->path);
	if (node == NULL || add_entry(router, node, route, &template) != 0)
		return err_set(err, "There is no memory for the route \"%s\".", route->path);
	return 0;
}

const struct route *
router_route(const struct router *router, size_t n)
{
	return n < router->entries.count ? &router->entries.items[n]->route : NULL;
}

/* ---- Matching ---- */

struct match {
	const char *method;
	const struct entry *found;
	bool path_exists;
};

static bool
visit_match(struct walk *walk, const struct node *node)
{
	struct match *match = walk->context;
	match->path_exists = true;
	match->found = entry_list_find(&node->entries, match->method);
	if (match->found == NULL && strcmp(match->method, "HEAD") == 0)
		match->found = entry_list_find(&node->entries, "GET");
	return match->found != NULL;
}

static enum router_outcome
set_match(struct vt_request *req, const struct walk *walk, const struct entry *entry)
{
	size_t count = walk->parameter_count;
	req->path_params = arena_alloc(req->with.arena, count * sizeof *req->path_params);
	if (req->path_params == NULL)
		return ROUTER_NO_MEMORY;
	for (size_t i = 0; i < count; i++)
		req->path_params[i] =
			(struct name_value){.name = entry->names[i], .value = req->segments[walk->parameters[i]]};
	req->path_param_count = count;
	req->route = &entry->route;
	req->log_context.route = entry->route.path;
	return ROUTER_FOUND;
}

enum router_outcome
router_match(const struct router *router, struct vt_request *req)
{
	bool options = strcmp(req->method, "OPTIONS") == 0;
	if (options && strcmp(req->path, "*") == 0)
		return ROUTER_OPTIONS;
	if (req->segment_count == 0 || req->segment_count > ROUTER_MAX_SEGMENTS)
		return ROUTER_NOT_FOUND;
	struct match match = {.method = req->method};
	struct walk walk = {.count = req->segment_count, .visit = visit_match, .context = &match};
	for (size_t i = 0; i < req->segment_count; i++)
		walk.segments[i] = (struct route_segment){req->segments[i], strlen(req->segments[i])};
	if (walk_tree(&walk, router->root))
		return set_match(req, &walk, match.found);
	if (!match.path_exists)
		return ROUTER_NOT_FOUND;
	return options ? ROUTER_OPTIONS : ROUTER_METHOD_NOT_ALLOWED;
}

/* ---- Allow, RFC 9110 section 10.2.1 ---- */

/* The least method after one: so the list comes out sorted and without repetition, and needs no memory. */
struct method_search {
	const char *after, *least; /* least is NULL until one is found */
};

static void
consider(struct method_search *search, const char *method)
{
	if (strcmp(method, search->after) > 0 && (search->least == NULL || strcmp(method, search->least) < 0))
		search->least = method;
}

static void
consider_list(struct method_search *search, const struct entry_list *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		consider(search, entries->items[i]->method);
		if (strcmp(entries->items[i]->method, "GET") == 0)
			consider(search, "HEAD");
	}
	if (entries->count > 0)
		consider(search, "OPTIONS");
}

static bool
visit_methods(struct walk *walk, const struct node *node)
{
	consider_list(walk->context, &node->entries);
	return false;
}

/* False where the path has more segments than a route can have. */
static bool
split_path(struct walk *walk, const char *path)
{
	walk->count = 0;
	while (*path == '/') {
		size_t size = strcspn(path + 1, "/");
		if (walk->count == ROUTER_MAX_SEGMENTS)
			return false;
		walk->segments[walk->count++] = (struct route_segment){path + 1, size};
		path += size + 1;
	}
	return walk->count > 0;
}

void
router_allow(const struct router *router, const char *path, struct strbuf *out)
{
	bool all = strcmp(path, "*") == 0;
	struct method_search search = {.after = ""};
	struct walk walk = {.visit = visit_methods, .context = &search};
	if (!all && !split_path(&walk, path))
		return;
	for (bool first = true;; first = false) {
		search.least = NULL;
		if (all)
			consider_list(&search, &router->entries);
		else
			walk_tree(&walk, router->root);
		if (search.least == NULL)
			return;
		if (!first)
			strbuf_puts(out, ", ");
		strbuf_puts(out, search.least);
		search.after = search.least;
	}
}
