/*
 * headers.c - header fields, cookies, content type and length.
 *
 * In CGI a field "X-Thing" is the variable HTTP_X_THING (RFC 3875 section 4.1.18), so '-' and '_' can no
 * longer be told apart and compare alike. Nothing here decodes or trusts a value.
 */
#include "headers.h"

#include <string.h>

#include "arena.h"
#include "syntax.h"

#define HEADER_PREFIX "HTTP_"
#define HEADER_PREFIX_BYTES (sizeof HEADER_PREFIX - 1)

/* Upper case, with '-' as '_', without a locale. */
static char
fold(char c)
{
	if (c == '-')
		return '_';
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool
names_equal(const char *a, const char *b)
{
	while (*a != '\0' && fold(*a) == fold(*b)) {
		a++;
		b++;
	}
	return *a == '\0' && *b == '\0';
}

static bool
is_content_field(const char *name)
{
	return names_equal(name, "CONTENT_TYPE") || names_equal(name, "CONTENT_LENGTH");
}

/* Name of the header field that the variable carries, size in *size; NULL where it carries none. */
static const char *
header_name(const char *param, const char *equals, size_t *size)
{
	*size = (size_t)(equals - param);
	if (*size > HEADER_PREFIX_BYTES && memcmp(param, HEADER_PREFIX, HEADER_PREFIX_BYTES) == 0) {
		*size -= HEADER_PREFIX_BYTES;
		return param + HEADER_PREFIX_BYTES;
	}
	bool content = (*size == 12 && memcmp(param, "CONTENT_TYPE", 12) == 0) ||
	               (*size == 14 && memcmp(param, "CONTENT_LENGTH", 14) == 0);
	return content && equals[1] != '\0' ? param : NULL;
}

static enum vt_result
add_header(struct vt_request *req, const char *param)
{
	const char *equals = strchr(param, '=');
	size_t size;
	const char *start = equals != NULL ? header_name(param, equals, &size) : NULL;
	if (start == NULL)
		return VT_OK;
	const char *name = arena_strndup(req->with.arena, start, size);
	if (name == NULL)
		return VT_NO_MEMORY;
	if (start == param || !is_content_field(name))
		req->headers[req->header_count++] = (struct name_value){.name = name, .value = equals + 1};
	return VT_OK;
}

/* ---- Content type and length ---- */

/* RFC 9110 section 8.3.1: the media type without parameters, and it compares without case. */
static enum vt_result
parse_content_type(struct vt_request *req)
{
	const char *text = vt_header(req, "CONTENT_TYPE", 0);
	if (text == NULL)
		return VT_OK;
	size_t size = strcspn(text, ";");
	syntax_trim(&text, &size);
	char *type = arena_strndup(req->with.arena, text, size);
	if (type == NULL)
		return VT_NO_MEMORY;
	for (char *p = type; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	req->content_type = type;
	return VT_OK;
}

/* RFC 9110 section 8.6: digits and nothing else. -1 where it is not, or does not fit. */
static int64_t
parse_length(const char *text)
{
	int64_t value = 0;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9' || value > (INT64_MAX - (*text - '0')) / 10)
			return -1;
		value = value * 10 + (*text - '0');
	}
	return value;
}

/* Two lengths that differ mean that somebody on the way reads another body than we do. */
static enum vt_result
parse_content_length(struct vt_request *req)
{
	const char *text;
	for (size_t n = 0; (text = vt_header(req, "CONTENT_LENGTH", n)) != NULL; n++) {
		int64_t length = parse_length(text);
		if (length < 0 || (n > 0 && length != req->content_length)) {
			req->content_length = -1;
			return VT_BAD_INPUT;
		}
		req->content_length = length;
	}
	return VT_OK;
}

enum vt_result
headers_parse(struct vt_request *req, char *const *params)
{
	size_t count = 0;
	while (params[count] != NULL)
		count++;
	req->headers = arena_alloc(req->with.arena, count * sizeof *req->headers);
	if (req->headers == NULL)
		return VT_NO_MEMORY;
	enum vt_result result = VT_OK;
	for (size_t i = 0; i < count && result == VT_OK; i++)
		result = add_header(req, params[i]);
	if (result == VT_OK)
		result = parse_content_type(req);
	return result == VT_OK ? parse_content_length(req) : result;
}

/* ---- Accessors ---- */

const char *
vt_header(const struct vt_request *req, const char *name, size_t n)
{
	for (size_t i = 0; i < req->header_count; i++)
		if (names_equal(req->headers[i].name, name) && n-- == 0)
			return req->headers[i].value;
	return NULL;
}

const char *
vt_content_type(const struct vt_request *req)
{
	return req->content_type;
}

int64_t
vt_content_length(const struct vt_request *req)
{
	return req->content_length;
}

/* The value of the cookie in one Cookie field ("a=1; b=2"), its size in *size; NULL where it is not there. */
static const char *
find_cookie(const char *field, const char *name, size_t *size)
{
	size_t name_size = strlen(name);
	while (*field != '\0') {
		const char *pair = field;
		size_t pair_size = strcspn(field, ";");
		field += pair_size + (field[pair_size] == ';');
		syntax_trim(&pair, &pair_size);
		const char *equals = memchr(pair, '=', pair_size);
		if (equals == NULL)
			continue;
		const char *value = equals + 1;
		size_t left = (size_t)(equals - pair);
		*size = pair_size - left - 1;
		syntax_trim(&pair, &left);
		syntax_trim(&value, size);
		if (left == name_size && memcmp(pair, name, left) == 0)
			return value;
	}
	return NULL;
}

const char *
vt_cookie(const struct vt_request *req, const char *name)
{
	const char *field;
	/* HTTP/2 lets a client send each cookie in a field of its own, RFC 9113 section 8.2.3. */
	for (size_t n = 0; (field = vt_header(req, "COOKIE", n)) != NULL; n++) {
		size_t size;
		const char *value = find_cookie(field, name, &size);
		if (value != NULL)
			return arena_strndup(req->with.arena, value, size);
	}
	return NULL;
}
