/*
 * redact_url.c - URLs and forms with the secrets taken out.
 *
 * Called for every logged URL and form body, and by redact_text.c for the URLs in a text. Where a URL can be read in
 * two ways, the reading that hides more is taken. It never looks a value up by its content: a secret in the path has
 * no name and stays.
 */
#include <strings.h>

#include "redact_parts.h"

/* Behind "scheme://" or "//"; the start where there is neither. */
static const char *
after_scheme(const char *url, const char *end)
{
	const char *p = url;
	while (p < end && redact_scheme_char(*p))
		p++;
	if (p > url && p < end && *p == ':')
		p++;
	else if (p > url)
		return url;
	return end - p >= 2 && p[0] == '/' && p[1] == '/' ? p + 2 : url;
}

static bool
has_scheme(const char *url, const char *end, const char *name)
{
	size_t size = strlen(name);
	return (size_t)(end - url) >= size && strncasecmp(url, name, size) == 0;
}

static bool
is_web(const char *url, const char *end)
{
	return *url == '/' || has_scheme(url, end, "http") || has_scheme(url, end, "ws");
}

/* ---- Authority --------------------------------------------------------------------------------- */

/* The colon before the port of one host, or the end. An IPv6 address stands in brackets. */
static const char *
port_colon(const char *host, const char *end)
{
	const char *p = host;
	if (p < end && *p == '[')
		p = redact_find(p, end, "]");
	return redact_find(p, end, ":");
}

/*
 * The colon behind which no port follows, in "host:port" or libpq's "host:port,host:port": what stands there is a
 * password whose '@' is missing or hidden by a character that should have been encoded. NULL where there is none.
 */
static const char *
no_ports_colon(const char *host, const char *end)
{
	while (host < end) {
		const char *next = redact_find(host, end, ",");
		const char *colon = port_colon(host, next);
		if (colon < next && redact_skip(colon + 1, next, "0123456789") < next)
			return colon;
		host = next < end ? next + 1 : end;
	}
	return NULL;
}

/*
 * Userinfo, RFC 3986 section 3.2.1, from start to at. In web addresses the name is a token as often as not, so that it
 * is hidden too (OpenTelemetry's url.full); in the others, where it stands alone, but for PostgreSQL.
 */
static void
put_userinfo(const struct redactor *r, const char *url, const char *start, const char *at)
{
	const char *colon = memchr(start, ':', (size_t)(at - start));
	bool name_hidden = is_web(url, at) || (colon == NULL && !has_scheme(url, at, "postgres"));
	if (name_hidden)
		strbuf_puts(r->out, REDACTED);
	else
		redact_put(r->out, start, colon == NULL ? at : colon);
	if (colon != NULL)
		strbuf_puts(r->out, ":" REDACTED);
}

/*
 * In a web address the userinfo ends at the last '@' before the path. In a connection URL a password is often left
 * unencoded, '/' and '?' included: there the last '@' counts.
 */
static void
put_authority(const struct redactor *r, const char *url, struct rest *rest)
{
	const char *start = after_scheme(url, rest->end);
	if (start == url)
		return;
	bool web = is_web(url, rest->end);
	const char *end = redact_find(start, rest->end, "/?#\\");
	const char *at = memrchr(start, '@', (size_t)(end - start));
	const char *colon = at == NULL ? no_ports_colon(start, end) : NULL;
	const char *last = memrchr(start, '@', (size_t)(rest->end - start));
	redact_put(r->out, url, start);
	rest->at = start;
	if (last != NULL && (colon != NULL || (!web && memchr(start, ':', (size_t)(last - start)) != NULL)))
		at = last;
	if (at != NULL) {
		put_userinfo(r, url, start, at);
		rest->at = at;
	} else if (colon != NULL) {
		redact_put(r->out, start, colon + 1);
		strbuf_puts(r->out, REDACTED);
		rest->at = rest->end;
	}
}

/* ---- Parameters -------------------------------------------------------------------------------- */

/* True where the name, decoded, has more in it than a name. */
static bool
odd_name(const struct redactor *r, const char *name, const char *end)
{
	size_t size = (size_t)(end - name);
	return memchr(name, '%', size) != NULL && redact_encoded_hides(r, name, size);
}

static void
put_hidden(const struct redactor *r, const char *name, const char *equals)
{
	if (equals != NULL && !odd_name(r, name, equals))
		redact_put(r->out, name, equals + 1);
	strbuf_puts(r->out, REDACTED);
}

/*
 * One parameter. Some servers split at ';' too, so a name may start there, but a secret value runs to the next '&'.
 * A value that holds a secret inside, such as another URL or JSON, is replaced whole.
 */
static void
put_parameter(const struct redactor *r, struct rest *rest)
{
	const char *name = rest->at, *p = redact_find(name, rest->end, "=&;?#");
	const char *equals = p < rest->end && *p == '=' ? p : NULL;
	if (equals != NULL && redact_is_secret_parameter(r->redact, name, (size_t)(equals - name))) {
		put_hidden(r, name, equals);
		rest->at = redact_find(equals, rest->end, "&");
		return;
	}
	rest->at = redact_find(p, rest->end, "&;?#");
	if (redact_encoded_hides(r, name, (size_t)(rest->at - name))) {
		put_hidden(r, name, equals);
		rest->at = redact_find(rest->at, rest->end, "&");
	} else {
		redact_put(r->out, name, rest->at);
	}
}

/* Of query and fragment, or of a form. */
static void
put_parameters(const struct redactor *r, struct rest rest)
{
	while (rest.at < rest.end && !r->out->failed) {
		put_parameter(r, &rest);
		if (rest.at < rest.end)
			strbuf_putc(r->out, *rest.at++);
	}
}

void
redact_url_layer(const struct redactor *r, const char *url, const char *end)
{
	struct rest rest = {.at = url, .end = end};
	put_authority(r, url, &rest);
	const char *query = redact_find(rest.at, end, "?#");
	redact_put(r->out, rest.at, query);
	rest.at = query;
	if (rest.at < end)
		strbuf_putc(r->out, *rest.at++);
	put_parameters(r, rest);
}

void
redact_url(const struct redact *redact, struct strbuf *out, const char *url)
{
	redact_url_bytes(redact, out, url, strlen(url));
}

void
redact_url_bytes(const struct redact *redact, struct strbuf *out, const char *url, size_t size_bytes)
{
	redact_url_layer(&(struct redactor){.redact = redact, .out = out}, url, url + size_bytes);
}

void
redact_form(const struct redact *redact, struct strbuf *out, const char *form, size_t size_bytes)
{
	put_parameters(&(struct redactor){.redact = redact, .out = out},
	               (struct rest){.at = form, .end = form + size_bytes});
}
