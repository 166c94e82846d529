/* check_bounds.c - compares, and says which bound was passed and by what. Called by the check_*.c of CHECKS. */
#include "check_bounds.h"

#include <stdio.h>
#include <string.h>

#include "strbuf.h"

static bool
passed(const struct check_spec *spec, int64_t bound, int64_t value)
{
	if (bound == CHECK_SPEC_NO_BOUND)
		return false;
	return spec->less_is_worse ? value < bound : value > bound;
}

/* said with the value in the place of its %s. */
static void
write_said(struct strbuf *out, const struct check_spec *spec, const char *said, int64_t value)
{
	const char *place = strstr(said, "%s");
	size_t before = place != NULL ? (size_t)(place - said) : strlen(said);
	strbuf_printf(out, "%.*s", (int)before, said);
	if (place == NULL)
		return;
	check_spec_write_value(out, spec->unit, value);
	strbuf_puts(out, place + 2);
}

void
check_judge(const struct check_spec *spec, const char *said, int64_t value, struct check_result *result)
{
	char words[128], limit[32];
	struct strbuf out, bound;
	bool fails = passed(spec, spec->fail, value), warns = passed(spec, spec->warn, value);
	result->status = CHECK_HEALTHY;
	if (!fails && !warns)
		return;
	strbuf_init_fixed(&out, words, sizeof words);
	strbuf_init_fixed(&bound, limit, sizeof limit);
	write_said(&out, spec, said, value);
	check_spec_write_value(&bound, spec->unit, fails ? spec->fail : spec->warn);
	if (fails)
		check_fail(result, "%s; fail is %s", out.data, bound.data);
	else
		check_warn(result, "%s; warn is %s", out.data, bound.data);
}
