/*
 * param_scan.h - the name-value pairs of a PARAMS stream, looked at but not kept.
 *
 * The stream may be cut into records anywhere, so this is a state machine that is fed pieces. libfcgi
 * adds the two lengths of a pair as ints and copies what they promise; a pair may therefore pass only
 * within the limits on number and size.
 */
#ifndef PROC_PARAM_SCAN_H
#define PROC_PARAM_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct param_scan {
	size_t max_count, max_bytes;
	size_t count, bytes; /* pairs completed, bytes of the stream */
	uint64_t name_left, value_left;
	uint32_t length; /* the four-byte length under way */
	unsigned length_bytes_left;
	enum { SCAN_NAME_LENGTH, SCAN_VALUE_LENGTH, SCAN_NAME, SCAN_VALUE } state;
	uint64_t name_length, value_length;
	char name[15];          /* its beginning: as much as "CONTENT_LENGTH" and one more */
	int64_t content_length; /* of the last CONTENT_LENGTH; -1: none, or no number; INT64_MAX: too large a number */
	const char *fault;      /* static; the stream cannot be handed on */
	const char *malformed;  /* static; it can, but the request deserves a 400 */
};

void param_scan_init(struct param_scan *scan, size_t max_count, size_t max_bytes);
/* Takes the next piece; false, with fault, once the stream is over a limit. */
bool param_scan_feed(struct param_scan *scan, const unsigned char *data, size_t size_bytes);
/* At the stream's end: false, with fault, where a pair is not complete. */
bool param_scan_end(struct param_scan *scan);

#endif
