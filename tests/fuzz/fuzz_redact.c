/*
 * fuzz_redact.c - libFuzzer harness: any bytes as JSON, form, URL, text and multipart body.
 *
 * No redactor may crash or read outside, whatever comes and however small the room is. A canary that stands as the
 * value of a secret name among any bytes never comes out; JSON that is whole stays JSON; and where
 * redact_may_change() sees nothing, nothing changes.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Isrc/base -Isrc/core tests/fuzz/fuzz_redact.c \
 *     src/core/redact*.c src/core/text_list.c src/base/[a-z]*.c -lm -o fuzz_redact
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "insist.h"
#include "jsoncheck.h"
#include "redact.h"
#include "strbuf.h"

#define CANARY "c4n4ry"
#define TEXT_MAX 4096
#define OUT_BYTES (TEXT_MAX * 64)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct redact *redact;
static char storage[OUT_BYTES];

typedef void redactor(struct strbuf *out, const char *text, size_t size);

static void
json(struct strbuf *out, const char *text, size_t size)
{
	if (redact_json(redact, out, text, size) == REDACT_JSON_WHOLE)
		INSIST(json_check(out->data, out->length, JSONCHECK_MAX_DEPTH, NULL) == 0);
}

static void
form(struct strbuf *out, const char *text, size_t size)
{
	redact_form(redact, out, text, size);
}

static void
url(struct strbuf *out, const char *text, size_t size)
{
	redact_url_bytes(redact, out, text, size);
}

static void
free_text(struct strbuf *out, const char *text, size_t size)
{
	redact_text(redact, out, text, size);
}

static void
multipart(struct strbuf *out, const char *text, size_t size)
{
	redact_multipart(redact, out, "multipart/form-data; boundary=B", text, size);
}

/* From a copy of the text's own size, so that a read past its end is seen. */
static size_t
run(redactor *fn, const char *text, size_t size, size_t room)
{
	struct strbuf out;
	char *copy = malloc(size > 0 ? size : 1);
	INSIST(copy != NULL);
	if (size > 0)
		memcpy(copy, text, size);
	strbuf_init_fixed(&out, storage, room);
	fn(&out, copy, size);
	free(copy);
	INSIST(out.length < room);
	return out.length;
}

static bool
holds_canary(const char *text, size_t size)
{
	return memmem(text, size, CANARY, sizeof CANARY - 1) != NULL;
}

struct text {
	const char *start;
	size_t size;
};

/* What the fuzzer likes stands before and behind the canary in its place. */
static void
plant(redactor *fn, struct text before, const char *planted, struct text after)
{
	char text[2 * TEXT_MAX];
	size_t size = strlen(planted);
	memcpy(text, before.start, before.size);
	memcpy(text + before.size, planted, size);
	memcpy(text + before.size + size, after.start, after.size);
	size_t length = run(fn, text, before.size + size + after.size, sizeof storage);
	INSIST(!holds_canary(storage, length));
}

#define TEXT(constant) ((struct text){constant, sizeof(constant) - 1})

static void
plant_all(const char *data, size_t size)
{
	struct text before = {data, size / 2}, after = {data + size / 2, size - size / 2};
	plant(json, TEXT("{\"a\":["), "{\"password\":\"" CANARY "\"", after);
	plant(json, TEXT("[[{\"a\":1},"), "{\"secret\":{\"a\":[\"" CANARY "\"]}", after);
	plant(form, before, "&password=" CANARY, after);
	plant(form, TEXT("a="), "&user%5Btoken%5D=" CANARY, after);
	plant(url, TEXT("/a?"), "x=1&access_token=" CANARY, after);
	plant(free_text, before, " password=" CANARY " ", after);
	plant(free_text, before, "\napi_key: " CANARY "\n", after);
	plant(free_text, before, " redis://:" CANARY "@h ", after);
	plant(multipart, TEXT("--B\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n" CANARY), "", after);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static redactor *const redactors[] = {free_text, url, form, json, multipart};
	const char *text = (const char *)data;
	if (redact == NULL)
		redact = redact_create(NULL);
	if (size == 0 || size > TEXT_MAX)
		return 0;
	bool may_change = redact_may_change(text, size);
	for (size_t i = 0; i < sizeof redactors / sizeof redactors[0]; i++) {
		size_t length = run(redactors[i], text, size, sizeof storage);
		if (i < 3 && !may_change)
			INSIST(length == size && memcmp(storage, text, size) == 0);
		run(redactors[i], text, size, 1 + size / 3);
	}
	if (!holds_canary(text, size))
		plant_all(text, size);
	return 0;
}
