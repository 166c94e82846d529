/* headers.h - reading header fields out of CGI variables, for request.c. The accessors are in vitals.h. */
#ifndef HTTP_HEADERS_H
#define HTTP_HEADERS_H

#include "request.h"

/*
 * Fills headers, content_type and content_length from params. A repeated HTTP_ variable stays repeated.
 * CONTENT_TYPE and CONTENT_LENGTH are headers too; HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH, which some
 * web servers add, are left out. VT_BAD_INPUT for CONTENT_LENGTH, VT_NO_MEMORY.
 */
enum vt_result headers_parse(struct vt_request *req, char *const *params);

#endif
