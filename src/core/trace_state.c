/*
 * trace_state.c - tracestate, section 3.3 of W3C Trace Context level 2.
 *
 * The grammar bounds what is sent on: 32 members of at most 513 bytes, far above the 512 that are to be propagated at
 * least, so that nothing is ever truncated.
 */
#include <string.h>

#include "trace_context.h"

#define KEY_MAX_BYTES 256
#define VALUE_MAX_BYTES 256

static bool
lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Since level 2 '@' is a character like the others: "tenant@system" needs no rule of its own. */
static bool
key_valid(const char *key, size_t size)
{
	static const char others[] = {'_', '-', '*', '/', '@'};
	if (size == 0 || size > KEY_MAX_BYTES || !lower_or_digit(key[0]))
		return false;
	for (size_t i = 1; i < size; i++)
		if (!lower_or_digit(key[i]) && memchr(others, key[i], sizeof others) == NULL)
			return false;
	return true;
}

/* Blanks at its end are gone already. */
static bool
value_valid(const char *value, size_t size)
{
	if (size == 0 || size > VALUE_MAX_BYTES)
		return false;
	for (size_t i = 0; i < size; i++)
		if (value[i] < 0x20 || value[i] > 0x7e || value[i] == '=')
			return false;
	return true;
}

static bool
member_valid(const char *member, size_t size)
{
	const char *equals = memchr(member, '=', size);
	if (equals == NULL)
		return false;
	size_t key_size = (size_t)(equals - member);
	return key_valid(member, key_size) && value_valid(equals + 1, size - key_size - 1);
}

static void
add_member(struct tracestate *state, const char *member, size_t size)
{
	if (size == 0)
		return;
	if (++state->members > TRACESTATE_MAX_MEMBERS || !member_valid(member, size)) {
		state->invalid = true;
		return;
	}
	if (state->members > 1)
		strbuf_putc(state->text, ',');
	strbuf_append(state->text, member, size);
}

void
tracestate_init(struct tracestate *state, struct strbuf *text)
{
	*state = (struct tracestate){.text = text};
}

void
tracestate_add(struct tracestate *state, const char *field)
{
	while (!state->invalid) {
		const char *member = field + strspn(field, " \t");
		size_t whole = strcspn(member, ","), size = whole;
		while (size > 0 && (member[size - 1] == ' ' || member[size - 1] == '\t'))
			size--;
		add_member(state, member, size);
		if (member[whole] == '\0')
			return;
		field = member + whole + 1;
	}
}

const char *
tracestate_value(const struct tracestate *state)
{
	return state->invalid || state->members == 0 || state->text->failed ? NULL : state->text->data;
}
