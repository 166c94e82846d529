/*
 * redact.h - which names are secret, and texts with the secrets taken out.
 *
 * Names are compared without case, and separators do not count: "X-Api-Key", "api_key" and "apiKey" are one name.
 * A built-in name is found at the end of a longer one too ("db_password", "csrfToken"), also before a number or a
 * word that says which one it is ("password2", "passwordConfirm"); not before any other word, so that "token_count"
 * and "password_changed_at" are ordinary. A name of REDACT_FIELDS is compared as a whole. The value is replaced by
 * ***REDACTED***. Compiled once at start; constant from then on.
 */
#ifndef CORE_REDACT_H
#define CORE_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "text_list.h"

struct redact;
struct strbuf;

#define REDACTED "***REDACTED***"

/* The built-in names and those of extra (may be NULL). NULL: no memory. */
struct redact *redact_create(const struct text_list *extra);
void redact_destroy(struct redact *redact);
/* True where a field of this name is secret. */
bool redact_is_secret(const struct redact *redact, const char *name, size_t size_bytes);
/*
 * The name of a query or form parameter as sent: also where it is percent-encoded (even twice), inside
 * brackets ("user[password]"), or a key of a signed URL (OpenTelemetry semantic conventions, url.query).
 */
bool redact_is_secret_parameter(const struct redact *redact, const char *name, size_t size_bytes);

/*
 * The functions below append to out what remains; where out is full they stop, and what is there then
 * holds no secret either. None allocates; all run in bounded stack (some 20 KiB). Each is in a file of its name.
 */

/* A URL or a path with query: password in the userinfo and values of secret query parameters replaced. */
void redact_url(const struct redact *redact, struct strbuf *out, const char *url);
void redact_url_bytes(const struct redact *redact, struct strbuf *out, const char *url, size_t size_bytes);
/* application/x-www-form-urlencoded, split at '&' and ';'; a value that holds a secret inside is replaced whole. */
void redact_form(const struct redact *redact, struct strbuf *out, const char *form, size_t size_bytes);
/* libpq's "host=… password=…"; all of it is replaced where it cannot be read. */
void redact_conninfo(const struct redact *redact, struct strbuf *out, const char *conninfo);
/* Free text, such as an error's: URLs in it, and what follows a secret name and '=', ':' or a quote. */
void redact_text(const struct redact *redact, struct strbuf *out, const char *text, size_t size_bytes);
/* JSON where the text is JSON, free text otherwise. */
void redact_value(const struct redact *redact, struct strbuf *out, const char *text, size_t size_bytes);
/* False where redact_value() would not change the text, found in one pass over its bytes. */
bool redact_may_change(const char *text, size_t size_bytes);

/*
 * One JSON document (RFC 8259): the value of a secret name is replaced whole, whatever it is, but null, true and
 * false stay; strings that hold JSON, URLs or other text are looked into. The rest is copied as it is.
 */
enum redact_json {
	REDACT_JSON_WHOLE,
	REDACT_JSON_CUT,    /* out is full */
	REDACT_JSON_BROKEN, /* not JSON: out has what stands before the fault, without a last string that is not closed */
};
enum redact_json redact_json(const struct redact *redact, struct strbuf *out, const char *text, size_t size_bytes);

/*
 * multipart/form-data (RFC 7578) as one line in a form's notation, "title=…&photo=(image/png, 5120 bytes)": files are
 * named by type and size. content_type is the whole header field, for its boundary.
 */
void redact_multipart(const struct redact *redact, struct strbuf *out, const char *content_type, const char *body,
                      size_t size_bytes);

/*
 * A header field's value by its name (in any form, CGI's too): nothing of it where the name is secret; of a Cookie the
 * names; of others what redact_value() leaves.
 */
void redact_header(const struct redact *redact, struct strbuf *out, const char *name, const char *value);

#endif
