/*
 * access.h - who may see details: operators, by address or by token.
 */
#ifndef APP_ACCESS_H
#define APP_ACCESS_H

#include <stdbool.h>

struct settings;
struct text_list;
struct vt_request;

/*
 * True where ADMIN_ALLOW (entries "loopback", "all", addresses, CIDR blocks; one that is none of these
 * admits nobody) names the client's address. "", which no web server has told, is only within "all".
 */
bool access_address_allowed(const struct text_list *allow, const char *client_ip);
/*
 * True where the Authorization field is "Bearer TOKEN" (RFC 6750 section 2.1) with this token, or "Basic" with it as
 * the password of any user (RFC 7617), which is how a browser can be asked for it; the scheme in any case. The time
 * taken tells nothing of the token. Either may be NULL; an empty token admits nobody.
 */
bool access_token_matches(const char *authorization, const char *token);
/* True where the request may see details, by ADMIN_ALLOW or ADMIN_TOKEN. */
bool access_may_see_details(const struct vt_request *req, const struct settings *settings);

#endif
