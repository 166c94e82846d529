/*
 * path.h - the path of a request: split, decoded once, dot segments removed, the mount point taken off.
 *
 * Where it comes from. REQUEST_URI, where the web server sends it, is the only form in which "%2F" and
 * "/" can still be told apart, so it wins; it is also what the client sent, whatever the web server
 * rewrote. The mount point SCRIPT_NAME is taken off its front. PATH_INFO is used where there is no
 * REQUEST_URI, or where the web server rewrote the URI so that it does not lie below SCRIPT_NAME any more
 * (a script behind mod_rewrite); DOCUMENT_URI where there is neither. Web servers have decoded those two,
 * so they are not decoded again.
 *
 * SCRIPT_NAME is the mount point, with one exception: nginx's stock fastcgi_params and mod_proxy_fcgi
 * put the whole path there and send no PATH_INFO. A SCRIPT_NAME that is the whole path, beside no
 * PATH_INFO, is therefore no mount point: the path stays whole.
 *
 * The order is: split at '/', decode each segment, remove dot segments (RFC 3986 section 5.2.4), take
 * the mount point off. So "%2e%2e" is a dot segment (section 6.2.2.2), "%252e" is not, and a segment
 * boundary is only ever a '/' that was sent as one. Empty segments stay.
 *
 * An encoded slash is data of its segment. Path parameters hold it decoded ("a/b"); in the path as one
 * text it stands as "%2F", so that the text has the boundaries of the segments. A segment in which
 * encoded slashes would make a ".." ("..%2Fetc") is refused: no one means it as data, and a handler
 * that makes a file name of it would be led astray.
 *
 * Refused as VT_BAD_INPUT: no '/' at the start, '%' without two hexadecimal digits, a NUL, a raw control
 * character or '#', and a path that goes above its root.
 */
#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include <stddef.h>

#include "vitals.h"

struct arena;

struct path {
	const char **segments; /* decoded; "/" is one empty segment */
	size_t count;
};

/* PATH_RAW is percent-encoded, as the client sent it; PATH_DECODED comes from a web server that decoded it. */
enum path_form { PATH_RAW, PATH_DECODED };

/* Splits, decodes, removes dot segments. VT_BAD_INPUT, VT_NO_MEMORY. */
enum vt_result path_parse(struct path *path, struct arena *arena, const char *text, enum path_form form);

enum path_below { PATH_NOT_BELOW, PATH_IS_MOUNT, PATH_BELOW };
/* How the path lies to mount ("/api"; "" and "/" are the root, which everything lies below). */
enum path_below path_compare(const struct path *path, const char *mount);
/* Takes the mount point, below which the path lies, off the front; what is left is at least "/". */
void path_unmount(struct path *path, const char *mount);

/* The segments as one text, with "%2F" for a slash inside one; NULL for want of memory. */
char *path_join(const struct path *path, struct arena *arena);

#endif
