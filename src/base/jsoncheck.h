/*
 * jsoncheck.h - is this text exactly one JSON document by RFC 8259?
 *
 * json-c accepts, even in strict mode, a number of texts that the grammar does not allow; whatever a
 * client sends passes here first. Beyond the grammar it demands UTF-8 (section 8.1), refuses a byte
 * order mark, and bounds the depth of nesting. Runs in constant stack.
 */
#ifndef BASE_JSONCHECK_H
#define BASE_JSONCHECK_H

#include <stddef.h>

#define JSONCHECK_MAX_DEPTH 1024

struct json_fault {
	size_t offset;      /* of the first byte that cannot stand there */
	const char *reason; /* static: "a string is not closed" */
};

/* 0, or -1 with the fault (may be NULL). depth_max is 1 to JSONCHECK_MAX_DEPTH; a scalar has depth 0. */
int json_check(const char *text, size_t size_bytes, unsigned depth_max, struct json_fault *fault);

#endif
