/* trace_context.c - traceparent and the decision about sampling. Lengths are checked before bytes are looked at. */
#include "trace_context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_id.h"

/* Where the fields of "vv-tttttttttttttttttttttttttttttttt-pppppppppppppppp-ff" begin. */
#define AT_TRACE_ID 3
#define AT_PARENT_ID 36
#define AT_FLAGS 53
#define LENGTH (TRACEPARENT_BYTES - 1)

#define RANDOM_DIGITS 14 /* 7 bytes */
#define RANDOM_BITS 56

/* HEXDIGLC: upper case is not allowed. */
static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* So many digits from text; *zero tells whether all of them are 0. */
static bool
all_digits(const char *text, size_t count, bool *zero)
{
	*zero = true;
	for (size_t i = 0; i < count; i++) {
		if (digit_value(text[i]) < 0)
			return false;
		*zero = *zero && text[i] == '0';
	}
	return true;
}

static bool
take_id(const char *text, size_t digits, char *out)
{
	bool zero;
	if (!all_digits(text, digits, &zero) || zero)
		return false;
	memcpy(out, text, digits);
	out[digits] = '\0';
	return true;
}

static unsigned
byte_value(const char *text)
{
	return (unsigned)(digit_value(text[0]) * 16 + digit_value(text[1]));
}

/* Version 00 ends behind its flags; a higher one may go on with a dash. */
static bool
version_fits(const char *text, size_t size)
{
	bool zero;
	if (!all_digits(text, 2, &zero) || memcmp(text, "ff", 2) == 0)
		return false;
	return size == LENGTH || (!zero && text[LENGTH] == '-');
}

static bool
parse(struct trace_context *trace, const char *text, size_t size)
{
	bool zero;
	if (size < LENGTH || !version_fits(text, size))
		return false;
	if (text[AT_TRACE_ID - 1] != '-' || text[AT_PARENT_ID - 1] != '-' || text[AT_FLAGS - 1] != '-')
		return false;
	if (!take_id(text + AT_TRACE_ID, TRACE_ID_BYTES - 1, trace->trace_id) ||
	    !take_id(text + AT_PARENT_ID, SPAN_ID_BYTES - 1, trace->parent_id) ||
	    !all_digits(text + AT_FLAGS, 2, &zero))
		return false;
	trace->flags = byte_value(text + AT_FLAGS) & (TRACE_SAMPLED | TRACE_RANDOM);
	return true;
}

/* What every request has, whoever started its trace. */
static void
complete(struct trace_context *trace)
{
	random_hex(trace->span_id, (SPAN_ID_BYTES - 1) / 2);
	trace->flags_text[0] = '0';
	trace->flags_text[1] = (char)('0' + trace->flags); /* at most both flags, 3 */
	trace->flags_text[2] = '\0';
}

bool
trace_continue(struct trace_context *trace, const char *traceparent)
{
	*trace = (struct trace_context){.flags = 0};
	if (traceparent == NULL)
		return false;
	const char *text = traceparent + strspn(traceparent, " \t");
	size_t size = strlen(text);
	while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
		size--;
	if (!parse(trace, text, size)) {
		*trace = (struct trace_context){.flags = 0};
		return false;
	}
	complete(trace);
	return true;
}

/* The 56 random bits are uniform below 2^56: those below the ratio's share of it. */
static bool
chosen(const char *trace_id, int64_t ratio)
{
	uint64_t random = strtoull(trace_id + TRACE_ID_BYTES - 1 - RANDOM_DIGITS, NULL, 16);
	uint64_t rejected = (UINT64_C(1) << RANDOM_BITS) / (uint64_t)RATIO_WHOLE * (uint64_t)(RATIO_WHOLE - ratio);
	return ratio > 0 && random >= rejected;
}

void
trace_start(struct trace_context *trace, int64_t ratio)
{
	*trace = (struct trace_context){.flags = TRACE_RANDOM};
	random_hex(trace->trace_id, (TRACE_ID_BYTES - 1) / 2);
	if (chosen(trace->trace_id, ratio))
		trace->flags |= TRACE_SAMPLED;
	complete(trace);
}

bool
trace_sampled(const struct trace_context *trace)
{
	return (trace->flags & TRACE_SAMPLED) != 0;
}

void
traceparent_write(const struct trace_context *trace, const char *span_id, char out[TRACEPARENT_BYTES])
{
	snprintf(out, TRACEPARENT_BYTES, "00-%s-%s-%s", trace->trace_id, span_id, trace->flags_text);
}
