/*
 * route_tree.h - routes in a tree by segments, for router.c alone.
 *
 * A node has its literal children, sorted, and one child for a parameter. The walk over the nodes that
 * fit a path goes through literals first, and visits no more nodes than the tree has.
 */
#ifndef HTTP_ROUTE_TREE_H
#define HTTP_ROUTE_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "router.h"
#include "template.h"

/* A route with the names of its parameters, which may differ among the routes of a node. */
struct entry {
	struct route route;
	char *method, *path; /* the route's, owned */
	char *names[ROUTER_MAX_SEGMENTS];
	size_t name_count;
};

struct entry_list {
	struct entry **items;
	size_t count;
};

/* Copies the route; NULL: no memory. */
struct entry *entry_create(const struct route *route, const struct template *template);
void entry_destroy(struct entry *entry);
/* False: no memory. */
bool entry_list_append(struct entry_list *list, struct entry *entry);
/* The entry of that method, NULL where there is none. */
struct entry *entry_list_find(const struct entry_list *list, const char *method);

struct node {
	char *literal;          /* NULL in the root and in parameter nodes */
	struct node **children; /* sorted by literal */
	size_t child_count;
	struct node *parameter;
	struct entry_list entries; /* owned by the router */
};

struct node *node_create(void);
void node_destroy(struct node *node);
/* The node for a template, made where it is not there yet; NULL: no memory. */
struct node *node_provide(struct node *root, const struct template *template);

struct route_segment {
	const char *text; /* not closed */
	size_t size;
};

/* A walk over the nodes that fit the segments and have routes. */
struct walk {
	struct route_segment segments[ROUTER_MAX_SEGMENTS];
	size_t count;
	bool (*visit)(struct walk *walk, const struct node *node); /* true ends the walk */
	void *context;                                             /* the visitor's */
	size_t parameters[ROUTER_MAX_SEGMENTS];                    /* at a visit: which segments are parameters' */
	size_t parameter_count;
};

/* True where a visitor ended it. */
bool walk_tree(struct walk *walk, const struct node *root);

#endif
