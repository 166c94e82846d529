/*
 * body.c - the body of a request: read once, in bounded pieces, and remembered.
 *
 * Called by handlers through vitals.h. It never reads past CONTENT_LENGTH or MAX_REQUEST_SIZE; what the
 * client sent beyond is the connection's to drain. Memory follows what has arrived, not what was
 * announced: the first reservation is bounded, and each later one is at most four times the last.
 */
#include <limits.h>
#include <string.h>

#include <json-c/json.h>

#include "arena.h"
#include "clock.h"
#include "insist.h"
#include "jsoncheck.h"
#include "phase.h"
#include "request.h"

#define FIRST_RESERVATION_BYTES ((size_t)1 << 20)    /* at most, where the length was announced */
#define UNKNOWN_RESERVATION_BYTES ((size_t)16 << 10) /* where it was not */
#define PIECE_BYTES ((size_t)64 << 10)

/* ---- Reading ---- */

struct reading {
	struct vt_request *req;
	size_t bound; /* bytes that are read: the announced length, or the limit */
	size_t capacity;
};

static enum vt_result
reserve(struct reading *reading, size_t capacity)
{
	struct vt_request *req = reading->req;
	if (capacity > reading->bound)
		capacity = reading->bound;
	char *body = arena_alloc(req->with.arena, capacity + 1);
	if (body == NULL)
		return VT_NO_MEMORY;
	if (req->body_size > 0)
		memcpy(body, req->body, req->body_size);
	body[req->body_size] = '\0';
	req->body = body;
	reading->capacity = capacity;
	return VT_OK;
}

/* One read of the source, which may give less than was asked for. */
static enum vt_result
read_piece(struct vt_request *req, void *buffer, size_t size, size_t *got)
{
	*got = 0;
	if (deadline_poll_ms(req->deadline_ns) == 0)
		return VT_TIMEOUT;
	enum vt_result result = req->with.body.read(req->with.body.context, buffer, size, got);
	INSIST(*got <= size);
	return result;
}

/* The body is as long as it may be: without an announced length, one byte more is one too many. */
static enum vt_result
check_end(struct vt_request *req)
{
	char byte;
	size_t got = 0;
	if (req->content_length >= 0)
		return VT_OK;
	enum vt_result result = read_piece(req, &byte, 1, &got);
	return result == VT_OK && got > 0 ? VT_TOO_LARGE : result;
}

static enum vt_result
read_pieces(struct reading *reading)
{
	struct vt_request *req = reading->req;
	while (req->body_size < reading->bound) {
		enum vt_result result = VT_OK;
		if (req->body_size == reading->capacity)
			result = reserve(reading, reading->capacity > SIZE_MAX / 4 ? SIZE_MAX : reading->capacity * 4);
		size_t room = reading->capacity - req->body_size;
		size_t got = 0;
		if (result == VT_OK)
			result = read_piece(req, req->body + req->body_size, room < PIECE_BYTES ? room : PIECE_BYTES,
			                    &got);
		if (result != VT_OK)
			return result;
		if (got == 0)
			return req->content_length >= 0 ? VT_BAD_INPUT : VT_OK;
		req->body_size += got;
		req->body[req->body_size] = '\0';
	}
	return check_end(req);
}

static enum vt_result
read_body(struct vt_request *req)
{
	int64_t max = req->with.limits->max_body_bytes;
	if (req->content_length > max)
		return VT_TOO_LARGE;
	if (req->content_length == 0 || req->with.body.read == NULL) {
		req->body = "";
		return req->content_length > 0 ? VT_BAD_INPUT : VT_OK;
	}
	bool announced = req->content_length > 0;
	struct reading reading = {.req = req, .bound = (size_t)(announced ? req->content_length : max)};
	enum vt_result result = reserve(&reading, announced ? FIRST_RESERVATION_BYTES : UNKNOWN_RESERVATION_BYTES);
	return result == VT_OK ? read_pieces(&reading) : result;
}

static enum vt_result
read_body_in_phase(struct vt_request *req)
{
	struct phase phase = phase_enter(req, PHASE_READING);
	enum vt_result result = read_body(req);
	phase_leave(req, &phase);
	return result;
}

enum vt_result
vt_body(struct vt_request *req, const char **data, size_t *size_bytes)
{
	if (req->body_state == BODY_UNREAD) {
		req->body_result = read_body_in_phase(req);
		req->body_state = req->body_result == VT_OK ? BODY_READ : BODY_FAILED;
	}
	*data = req->body_state == BODY_READ ? req->body : NULL;
	*size_bytes = req->body_state == BODY_READ ? req->body_size : 0;
	return req->body_result;
}

/* ---- JSON ---- */

/* application/json or application/anything+json, RFC 6839 section 3.1. */
static bool
is_json_type(const char *type)
{
	static const char prefix[] = "application/", suffix[] = "+json";
	size_t prefix_size = sizeof prefix - 1, suffix_size = sizeof suffix - 1, size = strlen(type);
	if (strcmp(type, "application/json") == 0)
		return true;
	return size > prefix_size + suffix_size && strncmp(type, prefix, prefix_size) == 0 &&
	       strcmp(type + size - suffix_size, suffix) == 0;
}

enum vt_result
vt_body_json_text(struct vt_request *req, const char **text, size_t *size_bytes)
{
	*text = NULL;
	*size_bytes = 0;
	if (!is_json_type(req->content_type)) {
		req->explanation = "The body is to be JSON, with the Content-Type application/json.";
		return VT_UNSUPPORTED;
	}
	const char *data;
	size_t size;
	enum vt_result result = vt_body(req, &data, &size);
	if (result != VT_OK)
		return result;
	struct json_fault fault;
	if (json_check(data, size, (unsigned)req->with.limits->max_json_depth, &fault) != 0) {
		req->explanation = arena_printf(req->with.arena, "The body is not JSON: %s (at byte %zu).",
		                                fault.reason, fault.offset);
		return VT_BAD_INPUT;
	}
	*text = data;
	*size_bytes = size;
	return VT_OK;
}

/*
 * What json-c 0.16 takes for each element, rounded up from measurements: a megabyte of "{}," becomes a tree
 * of 270 MB, since an empty object comes with a hash table of 16 places.
 */
enum { OBJECT_BYTES = 832, ARRAY_BYTES = 192, MEMBER_BYTES = 128, ELEMENT_BYTES = 80 };

/* Bytes of the tree for a text that is proved to be JSON. */
static size_t
tree_bytes(const char *text, size_t size)
{
	size_t bytes = size + ELEMENT_BYTES;
	bool quoted = false;
	for (size_t i = 0; i < size; i++) {
		char c = text[i];
		if (c == '"')
			quoted = !quoted;
		else if (quoted)
			i += c == '\\';
		else if (c == '{')
			bytes += OBJECT_BYTES;
		else if (c == '[')
			bytes += ARRAY_BYTES;
		else if (c == ':')
			bytes += MEMBER_BYTES;
		else if (c == ',')
			bytes += ELEMENT_BYTES;
	}
	return bytes;
}

static void
free_json(void *json)
{
	json_object_put(json);
}

/* text is proved to be JSON and is followed by a NUL, which json-c is shown too: it ends a number. */
static enum vt_result
parse_json(struct vt_request *req, const char *text, size_t size, struct json_object **json)
{
	/* An array in an array is two levels; json-c counts the document itself as one more. */
	struct json_tokener *tokener = json_tokener_new_ex((int)req->with.limits->max_json_depth + 1);
	if (tokener == NULL) {
		arena_fail(req->with.arena);
		return VT_NO_MEMORY;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	struct json_object *tree = json_tokener_parse_ex(tokener, text, (int)size + 1);
	enum json_tokener_error error = json_tokener_get_error(tokener);
	json_tokener_free(tokener);
	if (error != json_tokener_success)
		return VT_BAD_INPUT;
	if (tree != NULL && arena_on_reset(req->with.arena, free_json, tree) != 0)
		return VT_NO_MEMORY;
	*json = tree;
	return VT_OK;
}

enum vt_result
vt_body_json(struct vt_request *req, struct json_object **json)
{
	const char *text;
	size_t size;
	*json = NULL;
	enum vt_result result = vt_body_json_text(req, &text, &size);
	if (result != VT_OK)
		return result;
	if (size >= INT_MAX)
		return VT_TOO_LARGE;
	/* json-c has its memory from malloc(), past the request's bound: so the tree's share is taken from the
	 * arena and left untouched. */
	if (arena_alloc(req->with.arena, tree_bytes(text, size)) == NULL)
		return VT_NO_MEMORY;
	return parse_json(req, text, size, json);
}
