/* template.h - the syntax of a route's path: "/users/{id}". For router.c. */
#ifndef HTTP_TEMPLATE_H
#define HTTP_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "router.h"

struct err;

struct template_segment {
	const char *text; /* not closed: the literal, or the name of the parameter */
	size_t size;
	bool parameter;
};

struct template
{
	struct template_segment segments[ROUTER_MAX_SEGMENTS];
	size_t count;
};

/* Splits path, which outlives the template. -1 with what is wrong. */
int template_parse(struct template *template, const char *path, struct err *err);

#endif
