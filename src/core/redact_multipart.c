/*
 * redact_multipart.c - multipart/form-data (RFC 7578) as a line that a log can hold.
 *
 * Called by the application for bodies that are logged. Only the values of fields are shown, never those of secret
 * names; of a file its type and size. A part that cannot be understood, or is not closed, is replaced whole.
 */
#include <stdio.h>
#include <strings.h>

#include "redact_parts.h"

#define BOUNDARY_BYTES_MAX 70 /* RFC 2046 section 5.1.1 */
#define TYPE_BYTES_MAX 64

struct text {
	const char *start, *end;
};

struct part {
	struct text name, type, value;
	bool file, encoded;
};

static size_t
length(struct text text)
{
	return (size_t)(text.end - text.start);
}

static bool
starts_with(struct text text, const char *prefix)
{
	size_t size = strlen(prefix);
	return length(text) >= size && strncasecmp(text.start, prefix, size) == 0;
}

/* A parameter's value at p, quoted (RFC 2045 section 5.1) or not; p moves behind it. */
static struct text
take_value(const char **p, const char *end)
{
	bool quoted = *p < end && **p == '"';
	struct text value = {.start = quoted ? *p + 1 : *p};
	for (value.end = value.start; value.end < end; value.end++) {
		if (quoted ? *value.end == '"' : strchr("; \t", *value.end) != NULL)
			break;
		if (quoted && *value.end == '\\' && value.end + 1 < end)
			value.end++;
	}
	*p = value.end;
	return value;
}

/* The value of the parameter "; name=value"; without start where absent. */
static struct text
parameter(struct text field, const char *name)
{
	for (const char *p = redact_find(field.start, field.end, ";"); p < field.end;
	     p = redact_find(p, field.end, ";")) {
		const char *start = redact_skip(p, field.end, "; \t");
		p = redact_find(start, field.end, "=;");
		if (p == field.end || *p == ';')
			continue;
		bool same = (size_t)(p - start) == strlen(name) && strncasecmp(start, name, strlen(name)) == 0;
		p++;
		struct text value = take_value(&p, field.end);
		if (same)
			return value;
	}
	return (struct text){0};
}

/* The next boundary line's start, or NULL. */
static const char *
find_boundary(struct text body, struct text boundary)
{
	for (const char *p = body.start; (size_t)(body.end - p) >= length(boundary) + 2; p++) {
		p = memmem(p, (size_t)(body.end - p), "--", 2);
		if (p == NULL || (size_t)(body.end - p) < length(boundary) + 2)
			return NULL;
		if (memcmp(p + 2, boundary.start, length(boundary)) == 0 && (p == body.start || p[-1] == '\n'))
			return p;
	}
	return NULL;
}

static void
read_field(struct part *part, struct text field)
{
	if (starts_with(field, "content-disposition:")) {
		part->name = parameter(field, "name");
		part->file = part->file || parameter(field, "filename").start != NULL ||
		             parameter(field, "filename*").start != NULL;
	} else if (starts_with(field, "content-type:")) {
		const char *start = redact_skip(field.start + sizeof "content-type:" - 1, field.end, " \t");
		part->type = (struct text){start, redact_find(start, field.end, "; \t")};
	} else if (starts_with(field, "content-transfer-encoding:")) {
		part->encoded = true;
	}
}

/* From behind the boundary to before the next; false where the header is not closed by an empty line. */
static bool
read_part(struct part *part, struct text text)
{
	*part = (struct part){0};
	for (const char *line = redact_find(text.start, text.end, "\n"); line < text.end;) {
		const char *start = line + 1;
		line = redact_find(start, text.end, "\n");
		const char *end = line > start && line[-1] == '\r' ? line - 1 : line;
		if (start == end && line < text.end) {
			const char *last = text.end > line + 1 && text.end[-1] == '\n' ? text.end - 1 : text.end;
			last = last > line + 1 && last[-1] == '\r' ? last - 1 : last;
			part->value = (struct text){line + 1, last};
			return part->name.start != NULL;
		}
		read_field(part, (struct text){start, end});
	}
	return false;
}

static bool
readable_type(struct text type)
{
	return type.start == NULL || starts_with(type, "text/") || starts_with(type, "application/json");
}

static void
put_part(const struct redactor *r, const struct part *part)
{
	redact_layer(r, part->name.start, length(part->name));
	strbuf_putc(r->out, '=');
	if (redact_is_secret_parameter(r->redact, part->name.start, length(part->name))) {
		strbuf_puts(r->out, REDACTED);
	} else if (part->file || part->encoded || !readable_type(part->type)) {
		struct text type = part->type;
		if (length(type) > TYPE_BYTES_MAX)
			type.end = type.start + TYPE_BYTES_MAX;
		strbuf_putc(r->out, '(');
		if (type.start != NULL) {
			redact_put(r->out, type.start, type.end);
			strbuf_puts(r->out, ", ");
		}
		strbuf_printf(r->out, "%zu bytes)", length(part->value));
	} else {
		redact_layer(r, part->value.start, length(part->value));
	}
}

/* The parts between the boundaries; what follows the last is not closed, or the epilogue. */
static void
put_parts(const struct redactor *r, struct text body, struct text boundary)
{
	const char *from = find_boundary(body, boundary);
	for (size_t n = 0; from != NULL && !r->out->failed; n++) {
		struct part part;
		struct text inside = {from + 2 + length(boundary), body.end};
		if (length(inside) >= 2 && memcmp(inside.start, "--", 2) == 0)
			return;
		if (n > 0)
			strbuf_putc(r->out, '&');
		from = find_boundary(inside, boundary);
		inside.end = from;
		if (from != NULL && read_part(&part, inside))
			put_part(r, &part);
		else
			strbuf_puts(r->out, REDACTED);
	}
}

void
redact_multipart(const struct redact *redact, struct strbuf *out, const char *content_type, const char *body,
                 size_t size_bytes)
{
	struct redactor r = {.redact = redact, .out = out};
	struct text boundary = parameter((struct text){content_type, content_type + strlen(content_type)}, "boundary");
	if (boundary.start == NULL || length(boundary) == 0 || length(boundary) > BOUNDARY_BYTES_MAX)
		strbuf_puts(out, REDACTED);
	else
		put_parts(&r, (struct text){body, body + size_bytes}, boundary);
}
