/* answers.c - the ways of vitals.h to answer: bytes, JSON, nothing. Each copies what it is given. */
#include <string.h>

#include <json-c/json.h>

#include "arena.h"
#include "jsoncheck.h"
#include "response.h"

#define JSON_CONTENT_TYPE "application/json"

enum vt_result
vt_answer(struct vt_response *res, const char *content_type, const void *data, size_t size_bytes)
{
	if (res->answered)
		return response_misuse(res, "A response was answered twice.");
	if (data == NULL && size_bytes > 0)
		return response_misuse(res, "A response was answered with bytes that are nowhere.");
	/* A copy, since a handler may have built it on its stack. */
	const char *type = content_type != NULL ? arena_strdup(res->arena, content_type) : "";
	if (type == NULL)
		return VT_NO_MEMORY;
	strbuf_reset(&res->body);
	if (size_bytes > 0)
		strbuf_append(&res->body, data, size_bytes);
	return response_answered(res, type);
}

enum vt_result
vt_json_text(struct vt_response *res, const char *text, size_t size_bytes)
{
	return vt_answer(res, JSON_CONTENT_TYPE, text, size_bytes);
}

enum vt_result
vt_json(struct vt_response *res, struct json_object *json)
{
	size_t size = 0;
	const char *text =
		json_object_to_json_string_length(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
	if (text == NULL) {
		arena_fail(res->arena);
		return VT_NO_MEMORY;
	}
	/* json-c writes NaN and strings that are not UTF-8 as they are. */
	if (json_check(text, size, JSONCHECK_MAX_DEPTH, NULL) != 0)
		return response_misuse(res, "A response was answered with a tree that JSON has no form for.");
	return vt_json_text(res, text, size);
}

enum vt_result
vt_no_content(struct vt_response *res, int status)
{
	enum vt_result result = vt_status(res, status);
	if (result != VT_OK)
		return result;
	strbuf_reset(&res->body);
	res->content_type = NULL;
	if (res->body.failed)
		return VT_NO_MEMORY;
	res->answered = true;
	return VT_OK;
}
