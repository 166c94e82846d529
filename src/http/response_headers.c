/*
 * response_headers.c - the headers of a response: what may be sent, adding, replacing.
 *
 * Everything that reaches the web server as a header line passes add() and nothing else, so a value that
 * a client chose can never start a line of its own.
 */
#include <string.h>

#include "arena.h"
#include "response.h"
#include "syntax.h"

/* Names that the service answers for itself, or that belong to the connection (RFC 9110 section 7.6.1). */
static const char *const reserved[] = {"Status", "Content-Type", "Content-Length", "Connection", "Transfer-Encoding"};

static bool
is_reserved(const char *name)
{
	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
		if (syntax_same_name(name, reserved[i]))
			return true;
	return false;
}

static const char *
copy_from_arena(struct vt_response *res, const char *text, size_t size)
{
	return arena_strndup(res->arena, text, size);
}

/* For wrappers: the arena while it can, then what was put by for this. */
static const char *
copy_from_arena_or_reserve(struct vt_response *res, const char *text, size_t size)
{
	const char *copy = arena_strndup(res->arena, text, size);
	if (copy != NULL || size >= sizeof res->reserve - res->reserve_used)
		return copy;
	char *place = res->reserve + res->reserve_used;
	memcpy(place, text, size);
	place[size] = '\0';
	res->reserve_used += size + 1;
	return place;
}

static enum vt_result
check(struct vt_response *res, const char *name, const char *value)
{
	if (name == NULL || value == NULL || !syntax_token(name, strlen(name)))
		return response_misuse(res, "A header's name is not a token.");
	if (is_reserved(name))
		return response_misuse(res, "A header was set that the service answers for.");
	if (!syntax_field_value(value, strlen(value)))
		return response_misuse(res, "A header's value holds a control character.");
	return VT_OK;
}

typedef const char *copy_fn(struct vt_response *res, const char *text, size_t size);

static enum vt_result
add(struct vt_response *res, const char *name, const char *value, copy_fn *copy)
{
	if (res->header_count == RESPONSE_MAX_HEADERS)
		return response_misuse(res, "A response has too many headers.");
	size_t value_size = strlen(value);
	syntax_trim(&value, &value_size);
	struct response_header header = {.name = copy(res, name, strlen(name))};
	if (header.name != NULL)
		header.value = copy(res, value, value_size);
	if (header.name == NULL || header.value == NULL)
		return VT_NO_MEMORY;
	res->headers[res->header_count++] = header;
	return VT_OK;
}

enum vt_result
vt_set_header(struct vt_response *res, const char *name, const char *value)
{
	if (res->answered)
		return response_misuse(res, "A header was set after the answer.");
	enum vt_result result = check(res, name, value);
	return result == VT_OK ? add(res, name, value, copy_from_arena) : result;
}

static void
remove_header(struct vt_response *res, const char *name)
{
	size_t kept = 0;
	for (size_t i = 0; i < res->header_count; i++)
		if (!syntax_same_name(res->headers[i].name, name))
			res->headers[kept++] = res->headers[i];
	res->header_count = kept;
}

enum vt_result
response_replace_header(struct vt_response *res, const char *name, const char *value)
{
	enum vt_result result = check(res, name, value);
	if (result != VT_OK)
		return result;
	remove_header(res, name);
	return add(res, name, value, copy_from_arena_or_reserve);
}
