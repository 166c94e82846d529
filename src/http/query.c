/*
 * query.c - the query string as name and value pairs: application/x-www-form-urlencoded, separated by '&'.
 *
 * Parsed once, when first asked for: a health probe need not pay for it. Every pair is decoded exactly
 * once; one that cannot be is left out and makes request_parse_query() say VT_BAD_INPUT.
 */
#include <string.h>

#include "arena.h"
#include "percent.h"
#include "request.h"

static size_t
count_pairs(const char *text)
{
	size_t n = 1;
	for (; *text != '\0'; text++)
		n += *text == '&';
	return n;
}

/* Decodes to out and closes with a NUL; NULL where it is malformed or would hide a NUL. */
static char *
decode(char *out, const char *text, size_t size)
{
	ssize_t length = percent_decode(out, text, size, PERCENT_PLUS_BLANK);
	if (length < 0 || memchr(out, '\0', (size_t)length) != NULL)
		return NULL;
	out[length] = '\0';
	return out;
}

/* out holds size + 2 bytes: both texts and their NULs. */
static enum vt_result
add_pair(struct vt_request *req, char *out, const char *pair, size_t size)
{
	const char *equals = memchr(pair, '=', size);
	size_t name_size = equals != NULL ? (size_t)(equals - pair) : size;
	size_t value_size = equals != NULL ? size - name_size - 1 : 0;
	const char *name = decode(out, pair, name_size);
	const char *value = decode(out + name_size + 1, pair + size - value_size, value_size);
	if (name == NULL || value == NULL)
		return VT_BAD_INPUT;
	req->query[req->query_count++] = (struct name_value){.name = name, .value = value};
	return VT_OK;
}

static enum vt_result
parse(struct vt_request *req)
{
	const char *text = req->query_string;
	if (*text == '\0')
		return VT_OK;
	size_t pairs = count_pairs(text);
	req->query = arena_alloc(req->with.arena, pairs * sizeof *req->query);
	char *decoded = arena_alloc(req->with.arena, strlen(text) + 2 * pairs);
	if (req->query == NULL || decoded == NULL)
		return VT_NO_MEMORY;
	enum vt_result result = VT_OK;
	while (*text != '\0') {
		size_t size = strcspn(text, "&");
		if (size > 0 && add_pair(req, decoded, text, size) != VT_OK)
			result = VT_BAD_INPUT;
		decoded += size + 2;
		text += size + (text[size] == '&');
	}
	return result;
}

enum vt_result
request_parse_query(struct vt_request *req)
{
	if (!req->query_parsed) {
		req->query_parsed = true;
		req->query_result = parse(req);
	}
	return req->query_result;
}

const char *
vt_query_param(const struct vt_request *req, const char *name, size_t n)
{
	/* Parsing late does not change what a caller can see, so the request counts as constant. */
	request_parse_query((struct vt_request *)req);
	for (size_t i = 0; i < req->query_count; i++)
		if (strcmp(req->query[i].name, name) == 0 && n-- == 0)
			return req->query[i].value;
	return NULL;
}
