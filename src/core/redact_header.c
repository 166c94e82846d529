/*
 * redact_header.c - the value of a header field as a log may show it.
 *
 * Called by the application for each field of a request that is logged.
 */
#include <strings.h>

#include "redact_parts.h"

/* "Cookie", "HTTP_COOKIE", "Set-Cookie2": the last word, whatever separates the words. */
static bool
is_cookie(const char *name)
{
	size_t size = strlen(name);
	while (size > 0 && name[size - 1] >= '0' && name[size - 1] <= '9')
		size--;
	return size >= 6 && strncasecmp(name + size - 6, "cookie", 6) == 0;
}

/* "a=1; b=2" (RFC 6265 section 4.2.1): names without values. Attributes of Set-Cookie are values too. */
static void
put_cookies(struct strbuf *out, const char *value)
{
	const char *end = value + strlen(value);
	for (const char *p = value; p < end && !out->failed;) {
		const char *pair_end = redact_find(p, end, ";");
		const char *equals = memchr(p, '=', (size_t)(pair_end - p));
		if (equals != NULL)
			redact_put(out, p, equals + 1);
		else if (p > value)
			redact_put(out, p, redact_skip(p, pair_end, " \t"));
		strbuf_puts(out, REDACTED);
		if (pair_end < end)
			strbuf_putc(out, ';');
		p = pair_end < end ? pair_end + 1 : end;
	}
}

void
redact_header(const struct redact *redact, struct strbuf *out, const char *name, const char *value)
{
	if (is_cookie(name))
		put_cookies(out, value);
	else if (redact_is_secret(redact, name, strlen(name)))
		strbuf_puts(out, REDACTED);
	else
		redact_value(redact, out, value, strlen(value));
}
