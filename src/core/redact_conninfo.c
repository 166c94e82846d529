/*
 * redact_conninfo.c - libpq's keyword/value connection strings, as its manual describes them ("Connection Strings").
 *
 * Called for settings that are shown. A string that libpq would not take is replaced whole.
 */
#include "redact_parts.h"

static const char blanks[] = " \t\r\n\f\v";

/* Behind a value as libpq reads it: quoted by ' with \ as escape, or up to a blank. NULL: not closed. */
static const char *
value_end(const char *p, const char *end)
{
	bool quoted = p < end && *p == '\'';
	if (quoted)
		p++;
	while (p < end && (quoted ? *p != '\'' : strchr(blanks, *p) == NULL))
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	if (!quoted)
		return p;
	return p < end ? p + 1 : NULL;
}

void
redact_conninfo(const struct redact *redact, struct strbuf *out, const char *conninfo)
{
	const char *end = conninfo + strlen(conninfo);
	size_t start = out->length;
	for (const char *p = redact_skip(conninfo, end, blanks); p < end; p = redact_skip(p, end, blanks)) {
		const char *name_end = redact_find(p, end, "= \t\r\n\f\v'\"");
		const char *equals = redact_skip(name_end, end, blanks);
		const char *value = equals < end ? redact_skip(equals + 1, end, blanks) : end;
		const char *behind = value_end(value, end);
		if (name_end == p || equals == end || *equals != '=' || behind == NULL) {
			strbuf_truncate(out, start);
			strbuf_puts(out, REDACTED);
			return;
		}
		if (out->length > start)
			strbuf_putc(out, ' ');
		redact_put(out, p, name_end);
		strbuf_putc(out, '=');
		if (redact_is_secret(redact, p, (size_t)(name_end - p)))
			strbuf_puts(out, REDACTED);
		else
			redact_put(out, value, behind);
		p = behind;
	}
}
