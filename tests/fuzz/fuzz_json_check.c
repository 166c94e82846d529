/*
 * fuzz_json_check.c - libFuzzer harness: any bytes as a JSON document.
 *
 * json_check() must not crash or read outside, must name a place within the text, and what it accepts json-c
 * must be able to parse: vt_body_json() relies on that.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Isrc/base $(pkg-config --cflags json-c) \
 *     tests/fuzz/fuzz_json_check.c src/base/{jsoncheck,utf8,insist}.c $(pkg-config --libs json-c) \
 *     -o fuzz_json_check
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "insist.h"
#include "jsoncheck.h"

#define DEPTH_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As vt_body_json() does it: the closing NUL is shown too, and json-c counts one level more. */
static void
expect_parsed(const char *text, size_t size)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX + 1);
	INSIST(tokener != NULL);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	struct json_object *tree = json_tokener_parse_ex(tokener, text, (int)size + 1);
	INSIST(json_tokener_get_error(tokener) == json_tokener_success);
	json_object_put(tree);
	json_tokener_free(tokener);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_fault fault = {0};
	char *text = malloc(size > 0 ? size : 1);
	INSIST(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	int status = json_check(text, size, DEPTH_MAX, &fault);
	free(text);
	if (status != 0) {
		INSIST(fault.offset <= size && fault.reason != NULL);
		return 0;
	}
	char *closed = malloc(size + 1);
	INSIST(closed != NULL);
	memcpy(closed, data, size);
	closed[size] = '\0';
	expect_parsed(closed, size);
	free(closed);
	return 0;
}
