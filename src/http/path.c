/* path.c - paths as lists of segments. Called by request.c alone; path.h says what is decided and why. */
#include "path.h"

#include <stdbool.h>
#include <string.h>

#include "arena.h"
#include "insist.h"
#include "percent.h"
#include "strbuf.h"

static bool
has_forbidden_byte(const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || c == 0x7f || c == '#')
			return true;
	}
	return false;
}

/* True where a piece between slashes is "..": only for segments that hold a decoded slash. */
static bool
hides_parent(const char *segment)
{
	if (strchr(segment, '/') == NULL)
		return false;
	for (const char *piece = segment; piece != NULL;) {
		const char *slash = strchr(piece, '/');
		size_t length = slash != NULL ? (size_t)(slash - piece) : strlen(piece);
		if (length == 2 && memcmp(piece, "..", 2) == 0)
			return true;
		piece = slash != NULL ? slash + 1 : NULL;
	}
	return false;
}

/* Decodes one segment to out, closed with a NUL. Returns its length with the NUL, or 0 where it is malformed. */
static size_t
decode_segment(char *out, const char *text, size_t size, enum path_form form)
{
	ssize_t length = (ssize_t)size;
	if (form == PATH_RAW)
		length = percent_decode(out, text, size, PERCENT_PLUS_KEEP);
	else
		memcpy(out, text, size);
	if (length < 0 || memchr(out, '\0', (size_t)length) != NULL)
		return 0;
	out[length] = '\0';
	return hides_parent(out) ? 0 : (size_t)length + 1;
}

/* RFC 3986 section 5.2.4 for one segment; false above the root. A dot segment at the end leaves an empty one. */
static bool
add_segment(struct path *path, const char *segment, bool last)
{
	bool here = strcmp(segment, ".") == 0;
	bool parent = strcmp(segment, "..") == 0;
	if (parent) {
		if (path->count == 0)
			return false;
		path->count--;
	}
	if (!here && !parent)
		path->segments[path->count++] = segment;
	else if (last)
		path->segments[path->count++] = "";
	return true;
}

static size_t
count_slashes(const char *text)
{
	size_t n = 0;
	for (; *text != '\0'; text++)
		n += *text == '/';
	return n;
}

enum vt_result
path_parse(struct path *path, struct arena *arena, const char *text, enum path_form form)
{
	*path = (struct path){.count = 0};
	if (text[0] != '/' || (form == PATH_RAW && has_forbidden_byte(text)))
		return VT_BAD_INPUT;
	/* Each slash makes room for the NUL of the segment after it. */
	char *decoded = arena_alloc(arena, strlen(text) + 1);
	path->segments = arena_alloc(arena, count_slashes(text) * sizeof *path->segments);
	if (decoded == NULL || path->segments == NULL)
		return VT_NO_MEMORY;
	for (const char *segment = text + 1; segment != NULL;) {
		const char *slash = strchr(segment, '/');
		size_t size = slash != NULL ? (size_t)(slash - segment) : strlen(segment);
		size_t used = decode_segment(decoded, segment, size, form);
		if (used == 0 || !add_segment(path, decoded, slash == NULL)) {
			path->count = 0;
			return VT_BAD_INPUT;
		}
		decoded += used;
		segment = slash != NULL ? slash + 1 : NULL;
	}
	INSIST(path->count > 0);
	return VT_OK;
}

/* Cuts the next segment off a mount point; NULL at its end. A trailing slash is no segment. */
static const char *
next_mount_segment(const char **mount, size_t *size)
{
	if (**mount == '/')
		(*mount)++;
	if (**mount == '\0')
		return NULL;
	const char *segment = *mount;
	*size = strcspn(segment, "/");
	*mount += *size;
	return segment;
}

/* Segments of the mount point; -1 where the path does not lie below it. */
static ssize_t
match_mount(const struct path *path, const char *mount)
{
	size_t n = 0, size;
	for (const char *segment; (segment = next_mount_segment(&mount, &size)) != NULL; n++)
		if (n == path->count || strlen(path->segments[n]) != size ||
		    memcmp(path->segments[n], segment, size) != 0)
			return -1;
	return (ssize_t)n;
}

enum path_below
path_compare(const struct path *path, const char *mount)
{
	ssize_t n = match_mount(path, mount);
	if (n < 0)
		return PATH_NOT_BELOW;
	if ((size_t)n == path->count)
		return PATH_IS_MOUNT;
	/* "/a/" is the mount point "/a/" itself, but lies below "/a". */
	size_t length = strlen(mount);
	bool slash_left = (size_t)n + 1 == path->count && path->segments[n][0] == '\0';
	return slash_left && length > 0 && mount[length - 1] == '/' ? PATH_IS_MOUNT : PATH_BELOW;
}

void
path_unmount(struct path *path, const char *mount)
{
	ssize_t n = match_mount(path, mount);
	INSIST(n >= 0);
	if ((size_t)n == path->count) {
		if (n == 0)
			return;
		path->segments += n - 1;
		path->segments[0] = "";
		path->count = 1;
		return;
	}
	path->segments += n;
	path->count -= (size_t)n;
}

char *
path_join(const struct path *path, struct arena *arena)
{
	struct strbuf text;
	strbuf_init_arena(&text, arena, 64);
	for (size_t i = 0; i < path->count; i++) {
		strbuf_putc(&text, '/');
		const char *segment = path->segments[i];
		for (const char *slash; (slash = strchr(segment, '/')) != NULL; segment = slash + 1) {
			strbuf_append(&text, segment, (size_t)(slash - segment));
			strbuf_puts(&text, "%2F");
		}
		strbuf_puts(&text, segment);
	}
	return text.failed ? NULL : text.data;
}
