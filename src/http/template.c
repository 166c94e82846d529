/* template.c - reads a route's path. Runs at start only; its sentences are for the module's author. */
#include "template.h"

#include <string.h>

#include "err.h"

static bool
is_name(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char c = text[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && !(i > 0 && c >= '0' && c <= '9'))
			return false;
	}
	return size > 0;
}

static bool
is_repeated(const struct template *template, const struct template_segment *segment)
{
	for (size_t i = 0; i < template->count; i++) {
		const struct template_segment *other = &template->segments[i];
		if (other->parameter && other->size == segment->size &&
		    memcmp(other->text, segment->text, segment->size) == 0)
			return true;
	}
	return false;
}

static int
parse_segment(struct template *template, struct template_segment segment, const char *path, struct err *err)
{
	bool opened = segment.size > 0 && segment.text[0] == '{';
	bool closed = segment.size > 1 && segment.text[segment.size - 1] == '}';
	if (opened && closed)
		segment = (struct template_segment){
			.text = segment.text + 1, .size = segment.size - 2, .parameter = true};
	if (memchr(segment.text, '{', segment.size) != NULL || memchr(segment.text, '}', segment.size) != NULL)
		return err_set(
			err,
			"The route \"%s\" has a brace that does not enclose one whole segment, as in \"/users/{id}\".",
			path);
	if (segment.parameter && !is_name(segment.text, segment.size))
		return err_set(
			err,
			"The route \"%s\" has a parameter whose name is not letters, digits and '_', with no digit first.",
			path);
	if (segment.parameter && is_repeated(template, &segment))
		return err_set(err, "The route \"%s\" has two parameters named \"%.*s\".", path, (int)segment.size,
		               segment.text);
	template->segments[template->count++] = segment;
	return 0;
}

int
template_parse(struct template *template, const char *path, struct err *err)
{
	template->count = 0;
	if (path == NULL || path[0] != '/')
		return err_set(err, "The route \"%s\" does not start with '/'.", path != NULL ? path : "");
	for (const char *text = path + 1; text != NULL;) {
		size_t size = strcspn(text, "/");
		if (template->count == ROUTER_MAX_SEGMENTS)
			return err_set(err, "The route \"%s\" has more than %d segments.", path, ROUTER_MAX_SEGMENTS);
		if (parse_segment(template, (struct template_segment){.text = text, .size = size}, path, err) != 0)
			return -1;
		text = text[size] == '/' ? text + size + 1 : NULL;
	}
	return 0;
}
