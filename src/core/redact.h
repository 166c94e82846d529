/*
 * redact.h - which names are secret, and texts with the secrets taken out.
 *
 * Names are compared without case and with '-' and '_' alike. The value is replaced by
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
 * holds no secret either. They are in redact_text.c.
 */

/* A URL or a path with query: password in the userinfo and values of secret query parameters replaced. */
void redact_url(const struct redact *redact, struct strbuf *out, const char *url);
void redact_url_bytes(const struct redact *redact, struct strbuf *out, const char *url, size_t size_bytes);
/* libpq's "host=… password=…"; all of it is replaced where it cannot be read. */
void redact_conninfo(const struct redact *redact, struct strbuf *out, const char *conninfo);
/* Free text, such as an error's: URLs in it, and what follows a secret name and '=' or ':'. */
void redact_text(const struct redact *redact, struct strbuf *out, const char *text, size_t size_bytes);

#endif
