/*
 * wrap_headers.c - at DEBUG, the header fields of a request as one record, secrets and the values of cookies replaced.
 *
 * There is no setting for it: the level is the demand, and may be raised for a while.
 */
#include "log.h"
#include "redact.h"
#include "request.h"
#include "strbuf.h"
#include "wrappers.h"

#define HEADERS_MAX_BYTES 8192

/* "X_FORWARDED_FOR" as "x-forwarded-for": how it was written is not known any more. */
static void
put_name(struct strbuf *out, const char *name)
{
	for (; *name != '\0'; name++) {
		char c = *name;
		strbuf_putc(out, c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
	}
}

static void
put_headers(const struct vt_request *req, struct strbuf *out)
{
	for (size_t i = 0; i < req->header_count && !out->failed; i++) {
		const struct name_value *header = &req->headers[i];
		if (i > 0)
			strbuf_putc(out, '\n');
		put_name(out, header->name);
		strbuf_puts(out, ": ");
		redact_header(req->with.redact, out, header->name, header->value);
	}
}

static enum vt_result
enter(struct vt_request *req, struct vt_response *res)
{
	char storage[HEADERS_MAX_BYTES + 1];
	struct strbuf out;
	(void)res;
	if (!log_enabled_for(req->with.log, VT_DEBUG, REQUEST_LOGGER, &req->log_context) || req->with.redact == NULL ||
	    req->header_count == 0)
		return VT_OK;
	strbuf_init_fixed(&out, storage, sizeof storage);
	put_headers(req, &out);
	const struct vt_field fields[] = {
		LOG_CLEAN("headers", out.data, out.length),
		VT_INT("header_count", req->header_count),
	};
	request_log(req, (struct log_record){.level = VT_DEBUG,
	                                     .message = "Request headers",
	                                     .site = LOG_SITE,
	                                     .fields = fields,
	                                     .count = sizeof fields / sizeof *fields});
	return VT_OK;
}

const struct wrapper wrap_headers = {.name = "headers", .enter = enter};
