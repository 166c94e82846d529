/*
 * fuzz_dotenv.c - libFuzzer harness: any bytes as a file of settings.
 *
 * The parser must not crash, and whatever value it read must read back from what dotenv_write_value() makes
 * of it.
 *
 *   clang -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Isrc/base -Isrc/core tests/fuzz/fuzz_dotenv.c \
 *     src/core/dotenv.c src/base/{arena,strbuf,err,insist}.c -o fuzz_dotenv
 */
#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "dotenv.h"
#include "insist.h"
#include "strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct again {
	const char *value;
	unsigned count;
};

static void
expect_value(void *context, const struct dotenv_entry *entry)
{
	struct again *again = context;
	INSIST(strcmp(entry->name, "A") == 0);
	INSIST(strcmp(entry->value, again->value) == 0);
	again->count++;
}

static void
expect_no_fault(void *context, unsigned line, const char *sentence)
{
	(void)context;
	(void)line;
	(void)sentence;
	bool value_reads_back = false;
	INSIST(value_reads_back);
}

static void
take_entry(void *context, const struct dotenv_entry *entry)
{
	struct arena *arena = context;
	struct again again = {.value = entry->value};
	struct strbuf text;
	strbuf_init_arena(&text, arena, 64);
	strbuf_puts(&text, "A=");
	dotenv_write_value(&text, entry->value);
	strbuf_puts(&text, "  # comment\r\n");
	dotenv_parse(arena, &text,
	             &(struct dotenv_handler){.entry = expect_value, .fault = expect_no_fault, .context = &again});
	INSIST(again.count == 1);
}

static void
take_fault(void *context, unsigned line, const char *sentence)
{
	(void)context;
	INSIST(line > 0 && sentence[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_create(4096, (size_t)256 << 20);
	struct strbuf text;
	strbuf_init_arena(&text, arena, size + 1);
	strbuf_append(&text, data, size);
	dotenv_parse(arena, &text,
	             &(struct dotenv_handler){.entry = take_entry, .fault = take_fault, .context = arena});
	arena_destroy(arena);
	return 0;
}
