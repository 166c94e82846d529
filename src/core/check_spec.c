/*
 * check_spec.c - the table of kinds of CHECKS, and what reads names, targets and all together.
 *
 * Called by settings_rules.c, which says what is wrong with each, and by the checks, which then find nothing wrong.
 * What a kind may be told stands in its line of the table and nowhere else.
 */
#include "check_spec_kind.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "err.h"
#include "fnv.h"
#include "percent.h"
#include "setting_check.h"
#include "strbuf.h"

#define NONE CHECK_SPEC_NO_BOUND

#define ANSWER_OPTIONS (OPTION_BOUNDS | OPTION_STATUS | OPTION_CONTAINS | OPTION_HOST)

static const struct kind_line kinds[] = {
	{"tcp:", SPEC_CONNECT, NULL, 0, UNIT_MS, false, false, NONE, NONE, OPTION_BOUNDS},
	{"unix:", SPEC_CONNECT, NULL, 0, UNIT_MS, false, false, NONE, NONE, OPTION_BOUNDS},
	{"http://", SPEC_HTTP, NULL, 0, UNIT_MS, false, false, NONE, NONE, ANSWER_OPTIONS},
	{"fastcgi:", SPEC_FASTCGI, NULL, 0, UNIT_MS, false, false, NONE, NONE,
         ANSWER_OPTIONS | OPTION_PATH | OPTION_SCRIPT},
	{"file:", SPEC_FILE, NULL, 0, UNIT_MS, false, true, NONE, NONE, OPTION_BOUNDS},
	{"certificate:", SPEC_CERTIFICATE, NULL, 0, UNIT_MS, true, false, 21 * DAY, 7 * DAY, OPTION_BOUNDS},
	{"pressure:", SPEC_PRESSURE, "cpu", 0, UNIT_PERCENT, false, true, NONE, NONE, OPTION_BOUNDS | OPTION_SHARE},
	{"pressure:", SPEC_PRESSURE, "memory", 1, UNIT_PERCENT, false, true, NONE, NONE, OPTION_BOUNDS | OPTION_SHARE},
	{"pressure:", SPEC_PRESSURE, "io", 2, UNIT_PERCENT, false, true, NONE, NONE, OPTION_BOUNDS | OPTION_SHARE},
	{"postgres:", SPEC_POSTGRES, "lag", SUBJECT_LAG, UNIT_MS, false, false, 10 * SECOND, 60 * SECOND,
         OPTION_BOUNDS | OPTION_URL | OPTION_REPLICAS},
	{"postgres:", SPEC_POSTGRES, "connections", SUBJECT_CONNECTIONS, UNIT_COUNT, true, false, 10, 3,
         OPTION_BOUNDS | OPTION_URL},
	{"redis:", SPEC_REDIS, "memory", SUBJECT_MEMORY, UNIT_PERCENT, false, false, 80, 95,
         OPTION_BOUNDS | OPTION_URL},
	{"redis:", SPEC_REDIS, "role", SUBJECT_ROLE, UNIT_COUNT, false, false, NONE, NONE, OPTION_ROLE | OPTION_URL},
	{"command:", SPEC_COMMAND, NULL, 0, UNIT_COUNT, false, false, NONE, NONE, OPTION_TIMES},
};

#define KIND_LINES (sizeof kinds / sizeof kinds[0])

static const char what_kinds[] =
	"tcp:address:port, unix:/path, http://address:port/path, fastcgi:unix:/path, fastcgi:tcp:address:port, "
	"file:/path, certificate:/path, pressure:cpu, pressure:memory, pressure:io, postgres:lag, "
	"postgres:connections, redis:memory, redis:role and command:/path";

/* ---- Targets ------------------------------------------------------------------------------------ */

static int
take_address(struct check_spec *spec, const char *text, struct err *err)
{
	struct err reason;
	if (address_parse(&spec->address, text, &reason) == 0)
		return 0;
	return err_set(err, "the address is \"%.100s\"; %.300s", text, reason.text);
}

/* address[:port][/path] behind "http://"; RFC 9110 section 4.2.1 has 80 as the port. */
static int
take_http(struct check_spec *spec, const char *text, struct err *err)
{
	char address[128];
	size_t size = strcspn(text, "/");
	const char *last_colon = memrchr(text, ':', size), *bracket = memrchr(text, ']', size);
	bool has_port = last_colon != NULL && (bracket == NULL || last_colon > bracket);
	if (size >= sizeof spec->host)
		return err_set(err, "the address is too long.");
	snprintf(spec->host, sizeof spec->host, "%.*s", (int)size, text);
	if (snprintf(address, sizeof address, "tcp:%s%s", spec->host, has_port ? "" : ":80") >= (int)sizeof address)
		return err_set(err, "the address is too long.");
	if (take_address(spec, address, err) != 0)
		return -1;
	return check_spec_set_path(spec, text[size] == '\0' ? "/" : text + size, err);
}

static int
take_path(struct check_spec *spec, char *text, struct err *err)
{
	ssize_t size = percent_decode(text, text, strlen(text), PERCENT_PLUS_KEEP);
	if (size < 0)
		return err_set(err, "behind a '%%' allowed are two hexadecimal digits.");
	text[size] = '\0';
	if (text[0] != '/')
		return err_set(err, "the target is \"%.100s\"; allowed is an absolute path, which starts with '/'.",
		               text);
	if (snprintf(spec->target, sizeof spec->target, "%s", text) < (int)sizeof spec->target)
		return 0;
	return err_set(err, "the target is too long.");
}

static int
take_target(struct check_spec *spec, const struct kind_line *line, char *text, struct err *err)
{
	char *rest = text + strlen(line->prefix);
	switch (line->kind) {
	case SPEC_CONNECT:
		return take_address(spec, text, err);
	case SPEC_HTTP:
		return take_http(spec, rest, err);
	case SPEC_FASTCGI:
		snprintf(spec->path, sizeof spec->path, "/health");
		snprintf(spec->host, sizeof spec->host, "localhost");
		return take_address(spec, rest, err);
	case SPEC_FILE:
	case SPEC_CERTIFICATE:
		return take_path(spec, rest, err);
	case SPEC_COMMAND:
		return take_path(spec, rest, err) == 0 ? setting_check_command(spec->target, err) : -1;
	default:
		return 0;
	}
}

static const struct kind_line *
find_line(const char *target)
{
	for (size_t i = 0; i < KIND_LINES; i++) {
		size_t size = strlen(kinds[i].prefix);
		if (strncmp(target, kinds[i].prefix, size) != 0)
			continue;
		if (kinds[i].subject == NULL || strcmp(kinds[i].subject, target + size) == 0)
			return &kinds[i];
	}
	return NULL;
}

static int
refuse_target(const char *target, struct err *err)
{
	if (strncasecmp(target, "https:", 6) == 0)
		return err_set(err, "https: is not spoken here; ask the server behind it by http:, and watch its "
		                    "certificate with certificate:/path.");
	return err_set(err, "the target is \"%.60s\"; allowed are %s.", target, what_kinds);
}

/* ---- All of it ---------------------------------------------------------------------------------- */

static int
prove_bounds(const struct check_spec *spec, const struct kind_line *line, struct err *err)
{
	bool both = spec->warn != NONE && spec->fail != NONE;
	if (line->needs_bound && spec->warn == NONE && spec->fail == NONE)
		return err_set(err, "warn or fail must be given.");
	if (both && (spec->less_is_worse ? spec->warn < spec->fail : spec->warn > spec->fail))
		return err_set(err, "warn must be %s fail.", spec->less_is_worse ? "at least" : "at most");
	return 0;
}

/* A warning bound that was left at its default gives way to what was set for failing. */
static void
fit_default(struct check_spec *spec, const struct kind_line *line)
{
	bool over = spec->less_is_worse ? spec->warn < spec->fail : spec->warn > spec->fail;
	if (spec->warn != NONE && spec->fail != NONE && over) {
		if (spec->warn == line->warn)
			spec->warn = spec->fail;
		else if (spec->fail == line->fail)
			spec->fail = spec->warn;
	}
}

static int
parse_parts(struct check_spec *spec, char *text, struct err *err)
{
	char *next = strchr(text, ';');
	if (next != NULL)
		*next++ = '\0';
	const struct kind_line *line = find_line(text);
	if (line == NULL)
		return refuse_target(text, err);
	spec->kind = line->kind;
	spec->unit = line->unit;
	spec->subject = line->subject_number;
	spec->less_is_worse = line->less_is_worse;
	spec->warn = line->warn;
	spec->fail = line->fail;
	if (take_target(spec, line, text, err) != 0)
		return -1;
	while (next != NULL) {
		char *option = next;
		next = strchr(option, ';');
		if (next != NULL)
			*next++ = '\0';
		if (check_spec_take_option(spec, line, option, err) != 0)
			return -1;
	}
	fit_default(spec, line);
	return prove_bounds(spec, line, err);
}

bool
check_spec_name(const char *text, char name[CHECK_SPEC_NAME_BYTES])
{
	size_t size = strspn(text, CHECK_NAME_LETTERS);
	if (size == 0 || size >= CHECK_SPEC_NAME_BYTES || text[size] != '=')
		return false;
	memcpy(name, text, size);
	name[size] = '\0';
	return true;
}

int
check_spec_parse(struct check_spec *spec, const char *text, struct err *err)
{
	char copy[4 * CHECK_SPEC_TEXT_BYTES];
	struct err reason;
	*spec = (struct check_spec){.identity = fnv_text(FNV_OFFSET, text),
	                            .status = 200,
	                            .replicas = 1,
	                            .every_ms = 60 * SECOND,
	                            .timeout_ms = 10 * SECOND};
	if (!check_spec_name(text, spec->name))
		return err_set(err,
		               "\"%.40s\" has no name; allowed is name=target;option=value, the name of up to %d "
		               "small letters, digits, '_' and '-'.",
		               text, CHECK_SPEC_NAME_BYTES - 1);
	const char *rest = text + strlen(spec->name) + 1;
	if (snprintf(copy, sizeof copy, "%s", rest) >= (int)sizeof copy)
		return err_set(err, "%s: it is too long.", spec->name);
	if (parse_parts(spec, copy, &reason) == 0)
		return 0;
	return err_set(err, "%s: %.430s", spec->name, reason.text);
}

/* From so many of the next smaller unit on the larger one is said: 90 minutes are "90m", 100 hours "4d". */
static const struct {
	const char *name;
	int64_t ms, from_ms;
} steps[] = {
	{"d", DAY, 4 * DAY},        {"h", HOUR, 10 * HOUR}, {"m", 60 * SECOND, 600 * SECOND},
	{"s", SECOND, 10 * SECOND}, {"ms", 1, INT64_MIN},
};

void
check_spec_write_value(struct strbuf *out, enum check_unit unit, int64_t value)
{
	if (unit == UNIT_PERCENT)
		strbuf_printf(out, "%lld %%", (long long)value);
	else if (unit == UNIT_COUNT)
		strbuf_printf(out, "%lld", (long long)value);
	for (size_t i = 0; unit == UNIT_MS && i < sizeof steps / sizeof steps[0]; i++) {
		bool whole = value > 0 && value % steps[i].ms == 0;
		if (value < steps[i].from_ms && !whole)
			continue;
		strbuf_printf(out, "%lld%s", (long long)(value / steps[i].ms), steps[i].name);
		break;
	}
}
