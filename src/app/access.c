/*
 * access.c - ADMIN_ALLOW and ADMIN_TOKEN.
 *
 * Used by routes whose answers name internals. The address is what the web server says (REMOTE_ADDR);
 * behind another proxy that is the proxy's, unless the web server is told to look further. Where it
 * says none, nobody knows who asks, and only the token or "all" opens.
 */
#include "access.h"

#include <string.h>
#include <strings.h>

#include "address_block.h"
#include "base64.h"
#include "settings.h"
#include "vitals.h"

#define PAIR_BYTES 2048 /* ADMIN_TOKEN, at most 1024, and a user */

static bool
block_has(const char *text, const char *ip)
{
	struct address_block block;
	return address_block_parse(&block, text, NULL) == 0 && address_block_contains(&block, ip);
}

static bool
is_loopback(const char *ip)
{
	return block_has("127.0.0.0/8", ip) || block_has("::1", ip);
}

bool
access_address_allowed(const struct text_list *allow, const char *client_ip)
{
	for (size_t i = 0; i < allow->count; i++) {
		const char *entry = allow->items[i];
		if (strcasecmp(entry, "all") == 0 || (strcasecmp(entry, "loopback") == 0 && is_loopback(client_ip)) ||
		    block_has(entry, client_ip))
			return true;
	}
	return false;
}

/* Looks at every byte of given, wherever the first difference is. */
static bool
equal_in_constant_time(const char *given, const char *secret)
{
	size_t given_size = strlen(given), secret_size = strlen(secret);
	volatile unsigned char difference = given_size != secret_size;
	for (size_t i = 0; i < given_size; i++)
		difference = (unsigned char)(difference | (given[i] ^ secret[i % secret_size]));
	return difference == 0;
}

/* What follows the scheme, in any case (RFC 9110 section 11.1); NULL: another scheme. */
static const char *
credentials_of(const char *authorization, const char *scheme)
{
	size_t size = strlen(scheme);
	if (strncasecmp(authorization, scheme, size) != 0 || authorization[size] != ' ')
		return NULL;
	authorization += size;
	return authorization + strspn(authorization, " ");
}

/* The password of "user:password"; who the user says to be does not matter. */
static bool
password_matches(const char *credentials, const char *token)
{
	char pair[PAIR_BYTES];
	long length = base64_decode(credentials, pair, sizeof pair);
	/* What stands behind a NUL would not be compared. */
	if (length < 0 || strlen(pair) != (size_t)length)
		return false;
	const char *colon = strchr(pair, ':');
	return colon != NULL && equal_in_constant_time(colon + 1, token);
}

bool
access_token_matches(const char *authorization, const char *token)
{
	const char *credentials;
	if (authorization == NULL || token == NULL || token[0] == '\0')
		return false;
	if ((credentials = credentials_of(authorization, "Bearer")) != NULL)
		return equal_in_constant_time(credentials, token);
	credentials = credentials_of(authorization, "Basic");
	return credentials != NULL && password_matches(credentials, token);
}

bool
access_may_see_details(const struct vt_request *req, const struct settings *settings)
{
	if (access_address_allowed(&settings->admin_allow, vt_client_ip(req)))
		return true;
	/* A repeated field is nobody's credentials. */
	return vt_header(req, "Authorization", 1) == NULL &&
	       access_token_matches(vt_header(req, "Authorization", 0), settings->admin_token);
}
