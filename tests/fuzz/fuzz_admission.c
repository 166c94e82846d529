/*
 * fuzz_admission.c - libFuzzer harness: any bytes as what a web server's connection has brought so far.
 *
 * Neither the walk over records nor the scan of parameters may crash or read outside, and a verdict must not
 * depend on how the bytes arrived: what was refused stays refused, what had a head keeps it, and
 * parameters that pass in one piece pass in pieces. What passes is within the limits.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Isrc/base -Isrc/proc \
 *     tests/fuzz/fuzz_admission.c src/proc/{admission,param_scan}.c src/base/insist.c -o fuzz_admission
 */
#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "insist.h"
#include "param_scan.h"

#define MAX_PARAMS 8
#define MAX_PARAMS_BYTES 512
#define MAX_HEAD_BYTES 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of its own size, so that a read past its end is seen. */
static void
examine(struct admission *admission, const uint8_t *data, size_t size)
{
	static const struct admission_limits limits = {
		.max_params = MAX_PARAMS, .max_params_bytes = MAX_PARAMS_BYTES, .max_head_bytes = MAX_HEAD_BYTES};
	unsigned char *copy = malloc(size > 0 ? size : 1);
	INSIST(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	admission_examine(admission, &limits, copy, size);
	free(copy);
}

static void
expect_sound(const struct admission *admission, size_t size)
{
	switch (admission->verdict) {
	case ADMISSION_INCOMPLETE:
		INSIST(size < MAX_HEAD_BYTES);
		return;
	case ADMISSION_WHOLE:
		INSIST(admission->request_bytes > admission->head_bytes && admission->request_bytes <= size);
		/* Falls through. */
	case ADMISSION_HEAD:
		INSIST(admission->head_bytes > 0 && admission->head_bytes <= size);
		INSIST(admission->request_id != 0 && admission->content_length >= -1);
		return;
	case ADMISSION_REFUSED:
		INSIST(admission->reason != NULL && admission->reason[0] != '\0');
	}
}

/* Less of the same may be less sure, but never of another opinion. */
static void
expect_agreement(const struct admission *part, const struct admission *all)
{
	if (part->verdict == ADMISSION_REFUSED)
		INSIST(all->verdict == ADMISSION_REFUSED);
	if (part->verdict == ADMISSION_HEAD || part->verdict == ADMISSION_WHOLE) {
		INSIST(all->verdict == ADMISSION_REFUSED || all->head_bytes == part->head_bytes);
		INSIST(all->verdict == ADMISSION_REFUSED || all->content_length == part->content_length);
	}
	if (part->verdict == ADMISSION_WHOLE)
		INSIST(all->verdict == ADMISSION_WHOLE && all->request_bytes == part->request_bytes);
}

static bool
scan(struct param_scan *scan, const uint8_t *data, size_t size, size_t piece)
{
	param_scan_init(scan, MAX_PARAMS, MAX_PARAMS_BYTES);
	for (size_t at = 0; at < size; at += piece)
		if (!param_scan_feed(scan, data + at, size - at < piece ? size - at : piece))
			return false;
	return param_scan_end(scan);
}

static void
compare_scans(const uint8_t *data, size_t size)
{
	struct param_scan whole, pieces;
	if (size == 0)
		return;
	bool passes = scan(&whole, data, size, size);
	for (size_t piece = 1; piece < 8; piece += 3)
		INSIST(scan(&pieces, data, size, piece) == passes);
	if (!passes)
		return;
	INSIST(whole.count <= MAX_PARAMS && whole.bytes == size && size <= MAX_PARAMS_BYTES);
	INSIST((whole.malformed == NULL) == (pieces.malformed == NULL));
	INSIST(whole.malformed != NULL || whole.content_length == pieces.content_length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct admission all, part;
	if (size > 2 * MAX_HEAD_BYTES)
		return 0;
	examine(&all, data, size);
	expect_sound(&all, size);
	for (size_t less = 0; less < size; less += 1 + size / 64) {
		examine(&part, data, less);
		expect_sound(&part, less);
		expect_agreement(&part, &all);
	}
	compare_scans(data, size);
	return 0;
}
