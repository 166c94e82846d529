/*
 * response.c - the life of a response: empty, answered once, or replaced by an error.
 *
 * Called by the functions of vitals.h that answer and by chain.c. A misuse is remembered, never acted on
 * here: chain.c replaces the answer and logs, response_render() makes sure.
 */
#include "response.h"

#include "oversight.h"
#include "problem.h"
#include "syntax.h"

#include <string.h>

void
response_init(struct vt_response *res, struct arena *arena, const char *correlation_id)
{
	/* The reserve need not be cleared. */
	res->arena = arena;
	res->correlation_id = correlation_id;
	res->explanation = NULL;
	res->ended = false;
	strbuf_init_arena(&res->body, arena, 512);
	response_reset(res);
}

void
response_reset(struct vt_response *res)
{
	res->status = 200;
	res->header_count = 0;
	res->content_type = NULL;
	res->answered = false;
	res->misused = false;
	res->misuse = NULL;
	res->reserve_used = 0;
	strbuf_reset(&res->body);
}

void
response_out_of_memory(struct vt_response *res)
{
	struct problem problem = {
		.status = 500,
		.detail = "The request needs more memory than is allowed.",
		.correlation_id = res->correlation_id,
	};
	response_reset(res);
	strbuf_init_fixed(&res->body, res->reserve, RESPONSE_PROBLEM_BYTES);
	res->reserve_used = RESPONSE_PROBLEM_BYTES;
	problem_write(&problem, &res->body);
	res->status = problem.status;
	res->content_type = PROBLEM_CONTENT_TYPE;
	res->answered = true;
}

enum vt_result
response_misuse(struct vt_response *res, const char *sentence)
{
	if (res->ended) {
		oversight_note_late(res->oversight);
		return VT_ERROR;
	}
	res->misused = true;
	if (res->misuse == NULL)
		res->misuse = sentence;
	return VT_ERROR;
}

struct strbuf *
response_body(struct vt_response *res)
{
	return &res->body;
}

enum vt_result
response_answered(struct vt_response *res, const char *content_type)
{
	if (res->answered)
		return response_misuse(res, "A response was answered twice.");
	if (content_type == NULL || content_type[0] == '\0' || !syntax_field_value(content_type, strlen(content_type)))
		return response_misuse(res, "A response was answered with a content type that cannot be sent.");
	res->content_type = content_type;
	if (res->body.failed)
		return VT_NO_MEMORY;
	res->answered = true;
	return VT_OK;
}

enum vt_result
vt_status(struct vt_response *res, int status)
{
	if (res->answered)
		return response_misuse(res, "A status was set after the answer.");
	if (status < 100 || status > 999)
		return response_misuse(res, "A status is not between 100 and 999.");
	res->status = status;
	return VT_OK;
}
