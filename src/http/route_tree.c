/* route_tree.c - building the tree, while the service starts, and walking it, in the workers. */
#include "route_tree.h"

#include <stdlib.h>
#include <string.h>

#include "insist.h"

/* ---- Entries ---- */

static bool
copy_names(struct entry *entry, const struct template *template)
{
	for (size_t i = 0; i < template->count; i++) {
		const struct template_segment *segment = &template->segments[i];
		if (!segment->parameter)
			continue;
		char *name = strndup(segment->text, segment->size);
		if (name == NULL)
			return false;
		entry->names[entry->name_count++] = name;
	}
	return true;
}

struct entry *
entry_create(const struct route *route, const struct template *template)
{
	struct entry *entry = calloc(1, sizeof *entry);
	if (entry == NULL)
		return NULL;
	entry->method = strdup(route->method);
	entry->path = strdup(route->path);
	if (entry->method == NULL || entry->path == NULL || !copy_names(entry, template)) {
		entry_destroy(entry);
		return NULL;
	}
	entry->route = *route;
	entry->route.method = entry->method;
	entry->route.path = entry->path;
	return entry;
}

void
entry_destroy(struct entry *entry)
{
	if (entry == NULL)
		return;
	for (size_t i = 0; i < entry->name_count; i++)
		free(entry->names[i]);
	free(entry->method);
	free(entry->path);
	free(entry);
}

bool
entry_list_append(struct entry_list *list, struct entry *entry)
{
	struct entry **grown = realloc(list->items, (list->count + 1) * sizeof *grown);
	if (grown == NULL)
		return false;
	grown[list->count++] = entry;
	list->items = grown;
	return true;
}

struct entry *
entry_list_find(const struct entry_list *list, const char *method)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i]->method, method) == 0)
			return list->items[i];
	return NULL;
}

/* ---- Nodes ---- */

struct node *
node_create(void)
{
	return calloc(1, sizeof(struct node));
}

void
node_destroy(struct node *node)
{
	if (node == NULL)
		return;
	for (size_t i = 0; i < node->child_count; i++)
		node_destroy(node->children[i]);
	node_destroy(node->parameter);
	free(node->children);
	free(node->entries.items);
	free(node->literal);
	free(node);
}

static int
compare_literal(const char *literal, const char *text, size_t size)
{
	int order = strncmp(literal, text, size);
	return order != 0 ? order : literal[size] != '\0';
}

/* Where the literal child is, or is to be put; *found says which. */
static size_t
find_child(const struct node *node, const char *text, size_t size, bool *found)
{
	size_t low = 0, high = node->child_count;
	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_literal(node->children[middle]->literal, text, size);
		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct node *
insert_child(struct node *node, size_t at, const struct template_segment *segment)
{
	struct node **grown = realloc(node->children, (node->child_count + 1) * sizeof *grown);
	if (grown == NULL)
		return NULL;
	node->children = grown;
	struct node *child = node_create();
	if (child == NULL)
		return NULL;
	child->literal = strndup(segment->text, segment->size);
	if (child->literal == NULL) {
		node_destroy(child);
		return NULL;
	}
	memmove(grown + at + 1, grown + at, (node->child_count - at) * sizeof *grown);
	grown[at] = child;
	node->child_count++;
	return child;
}

static struct node *
provide_child(struct node *node, const struct template_segment *segment)
{
	if (segment->parameter) {
		if (node->parameter == NULL)
			node->parameter = node_create();
		return node->parameter;
	}
	bool found;
	size_t at = find_child(node, segment->text, segment->size, &found);
	INSIST(!found || node->children != NULL);
	return found ? node->children[at] : insert_child(node, at, segment);
}

struct node *
node_provide(struct node *root, const struct template *template)
{
	struct node *node = root;
	for (size_t i = 0; i < template->count && node != NULL; i++)
		node = provide_child(node, &template->segments[i]);
	return node;
}

/* ---- Walking ---- */

/* Recurses as deep as a template is long. */
static bool
walk_node(struct walk *walk, const struct node *node, size_t depth)
{
	if (depth == walk->count)
		return node->entries.count > 0 && walk->visit(walk, node);
	const struct route_segment *segment = &walk->segments[depth];
	bool found;
	size_t at = find_child(node, segment->text, segment->size, &found);
	if (found && walk_node(walk, node->children[at], depth + 1))
		return true;
	if (node->parameter == NULL || segment->size == 0)
		return false;
	walk->parameters[walk->parameter_count++] = depth;
	if (walk_node(walk, node->parameter, depth + 1))
		return true;
	walk->parameter_count--;
	return false;
}

bool
walk_tree(struct walk *walk, const struct node *root)
{
	walk->parameter_count = 0;
	return walk_node(walk, root, 0);
}
