/*
 * wrap_body.c - LOG_BODIES: what a request brought and what an error answered, as records beside the others.
 *
 * Off by default, and at INFO where it is on: who asks for bodies need not ask for DEBUG too. Bodies are shown only in
 * forms whose secrets have names (JSON, forms, plain text), redacted, and up to LOG_BODY_SIZE; of others, and of one
 * that no handler read, the record tells type and size. It never reads a body by itself.
 */
#include <string.h>

#include "log.h"
#include "log_record.h"
#include "redact.h"
#include "request.h"
#include "response.h"
#include "services.h"
#include "settings.h"
#include "strbuf.h"
#include "wrappers.h"

enum form { FORM_NONE, FORM_JSON, FORM_URLENCODED, FORM_MULTIPART, FORM_TEXT };

struct body {
	const char *type; /* with or without parameters; NULL: no type */
	const char *data; /* NULL: not read */
	size_t size;
};

/* The media type is all of type or stands before its parameters; media types compare in lower case here. */
static bool
is_type(const char *type, const char *known)
{
	size_t size = strlen(known);
	return strncmp(type, known, size) == 0 && strchr("; \t", type[size]) != NULL;
}

/* RFC 6839 section 3.1: application/problem+json and the like. */
static bool
has_json_suffix(const char *type)
{
	size_t size = strcspn(type, "; \t");
	return size > 5 && memcmp(type + size - 5, "+json", 5) == 0;
}

static enum form
form_of(const struct body *body)
{
	const char *type = body->type;
	if (type == NULL || body->data == NULL || body->size == 0)
		return FORM_NONE;
	if (is_type(type, "application/json") || has_json_suffix(type))
		return FORM_JSON;
	if (is_type(type, "application/x-www-form-urlencoded"))
		return FORM_URLENCODED;
	if (is_type(type, "multipart/form-data"))
		return FORM_MULTIPART;
	/* A NUL is no text: in UTF-16 no name would be found. */
	if (is_type(type, "text/plain") && memchr(body->data, '\0', body->size) == NULL)
		return FORM_TEXT;
	return FORM_NONE;
}

static void
put_json(const struct redact *redact, struct strbuf *out, const char *data, size_t size)
{
	if (redact_json(redact, out, data, size) == REDACT_JSON_BROKEN)
		strbuf_puts(out, REDACTED); /* for what follows the fault */
}

static void
put_body(const struct vt_request *req, struct strbuf *out, enum form form, const struct body *body)
{
	const struct redact *redact = req->with.redact;
	size_t size = body->size < LOG_LOOKED_AT_MAX_BYTES ? body->size : LOG_LOOKED_AT_MAX_BYTES;
	switch (form) {
	case FORM_JSON:
		put_json(redact, out, body->data, size);
		break;
	case FORM_URLENCODED:
		redact_form(redact, out, body->data, size);
		break;
	case FORM_MULTIPART: {
		const char *type = vt_header(req, "CONTENT_TYPE", 0);
		redact_multipart(redact, out, type != NULL ? type : "", body->data, size);
		break;
	}
	case FORM_TEXT:
		redact_value(redact, out, body->data, size);
		break;
	case FORM_NONE:
		break;
	}
}

static void
record(const struct vt_request *req, const char *message, const struct body *body, const struct vt_log_site *site)
{
	struct strbuf out;
	enum form form = form_of(body);
	char storage[LOG_BODY_SIZE_MAX_BYTES + 1]; /* the arena may be at its bound */
	size_t room = (size_t)services_of(req)->settings->log_body_bytes;
	strbuf_init_fixed(&out, storage, room < LOG_BODY_SIZE_MAX_BYTES ? room + 1 : sizeof storage);
	put_body(req, &out, form, body);
	const struct vt_field fields[] = {
		VT_STR("content_type", body->type), VT_INT("bytes", body->size),
		LOG_CLEAN("body", form == FORM_NONE ? NULL : out.data, out.length),
		VT_BOOL("body_cut", true), /* the last: left out where all of it is there */
	};
	bool cut = form != FORM_NONE && (out.failed || body->size > LOG_LOOKED_AT_MAX_BYTES);
	request_log(req, (struct log_record){.level = VT_INFO,
	                                     .message = message,
	                                     .site = site,
	                                     .fields = fields,
	                                     .count = sizeof fields / sizeof *fields - (cut ? 0 : 1)});
}

/* Encoded (gzip and the like): nothing that could be redacted. */
static bool
encoded(const struct vt_request *req)
{
	return vt_header(req, "CONTENT_ENCODING", 0) != NULL;
}

static void
leave(struct vt_request *req, struct vt_response *res)
{
	if (!services_of(req)->settings->log_bodies || req->with.redact == NULL ||
	    !log_enabled_for(req->with.log, VT_INFO, REQUEST_LOGGER, &req->log_context))
		return;
	bool was_read = req->body_state == BODY_READ;
	if (req->content_length > 0 || (was_read && req->body_size > 0)) {
		struct body body = {
			.type = req->content_type[0] != '\0' ? req->content_type : NULL,
			.data = was_read && !encoded(req) ? req->body : NULL,
			.size = was_read ? req->body_size : (size_t)req->content_length,
		};
		record(req, "Request body", &body, LOG_SITE);
	}
	if (response_status(res) >= 400 && res->body.length > 0) {
		struct body body = {.type = res->content_type, .data = res->body.data, .size = res->body.length};
		record(req, "Response body", &body, LOG_SITE);
	}
}

const struct wrapper wrap_body = {.name = "body", .leave = leave};
