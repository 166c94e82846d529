/*
 * check_spec_option.c - the table of options of CHECKS: which kinds take them, and what their values may be.
 *
 * Called by check_spec.c. No sentence holds the value of url, which may hold a password.
 */
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "check_spec_kind.h"
#include "err.h"
#include "percent.h"
#include "setting_value.h"
#include "strbuf.h"

#define YEARS_TEN (3650 * DAY)

/* ---- Values ------------------------------------------------------------------------------------- */

static int
take_number(const struct setting_def *def, const char *text, int64_t *number, struct err *err)
{
	struct setting_value value;
	if (setting_value_parse(def, text, &value, err) != 0)
		return -1;
	*number = value.number;
	return 0;
}

static int
take_bound(const struct check_spec *spec, const char *text, int64_t *bound, struct err *err)
{
	static const struct setting_def defs[] = {
		[UNIT_MS] = {.type = SETTING_DURATION, .max = YEARS_TEN},
		[UNIT_PERCENT] = {.type = SETTING_INT, .max = 100, .unit = "percent"},
		[UNIT_COUNT] = {.type = SETTING_INT, .max = 1000000, .unit = "connections"},
	};
	return take_number(&defs[spec->unit], text, bound, err);
}

static int
take_text(char *to, size_t size, const char *text, struct err *err)
{
	if (snprintf(to, size, "%s", text) < (int)size && text[0] != '\0')
		return 0;
	return err_set(err, "allowed are 1 to %zu bytes.", size - 1);
}

/* One of two words. */
static int
take_word(const char *text, const char *const words[2], int *number, struct err *err)
{
	for (*number = 0; *number < 2; ++*number)
		if (strcmp(text, words[*number]) == 0)
			return 0;
	return err_set(err, "allowed are %s and %s.", words[0], words[1]);
}

/* ---- Options ------------------------------------------------------------------------------------ */

static int
set_warn(struct check_spec *spec, const char *text, struct err *err)
{
	return take_bound(spec, text, &spec->warn, err);
}

static int
set_fail(struct check_spec *spec, const char *text, struct err *err)
{
	return take_bound(spec, text, &spec->fail, err);
}

static int
set_status(struct check_spec *spec, const char *text, struct err *err)
{
	static const struct setting_def def = {.type = SETTING_INT, .min = 100, .max = 599, .unit = "the status code"};
	return take_number(&def, text, &spec->status, err);
}

static int
set_contains(struct check_spec *spec, const char *text, struct err *err)
{
	return take_text(spec->contains, sizeof spec->contains, text, err);
}

/* It goes into a header line as it is. */
static int
set_host(struct check_spec *spec, const char *text, struct err *err)
{
	if (setting_check_token(text, err) != 0)
		return -1;
	return take_text(spec->host, sizeof spec->host, text, err);
}

int
check_spec_set_path(struct check_spec *spec, const char *text, struct err *err)
{
	if (text[0] != '/' || setting_check_token(text, NULL) != 0)
		return err_set(err, "allowed is a path of visible ASCII characters that starts with '/'.");
	return take_text(spec->path, sizeof spec->path, text, err);
}

static int
set_script(struct check_spec *spec, const char *text, struct err *err)
{
	return take_text(spec->script, sizeof spec->script, text, err);
}

static int
set_share(struct check_spec *spec, const char *text, struct err *err)
{
	static const char *const words[] = {"some", "full"};
	int number;
	if (take_word(text, words, &number, err) != 0)
		return -1;
	spec->full = number == 1;
	return 0;
}

static int
set_role(struct check_spec *spec, const char *text, struct err *err)
{
	static const char *const words[] = {[CHECK_ROLE_PRIMARY] = "primary", [CHECK_ROLE_REPLICA] = "replica"};
	return take_word(text, words, &spec->role, err);
}

static int
set_url(struct check_spec *spec, const char *text, struct err *err)
{
	setting_check_fn *check = spec->kind == SPEC_REDIS ? setting_check_redis_url : setting_check_database_url;
	if (check(text, err) != 0)
		return -1;
	return take_text(spec->url, sizeof spec->url, text, err);
}

static int
set_replicas(struct check_spec *spec, const char *text, struct err *err)
{
	static const struct setting_def def = {.type = SETTING_INT, .max = 1000, .unit = "standby servers"};
	return take_number(&def, text, &spec->replicas, err);
}

static int
set_every(struct check_spec *spec, const char *text, struct err *err)
{
	static const struct setting_def def = {.type = SETTING_DURATION, .min = SECOND, .max = DAY};
	return take_number(&def, text, &spec->every_ms, err);
}

static int
set_timeout(struct check_spec *spec, const char *text, struct err *err)
{
	static const struct setting_def def = {.type = SETTING_DURATION, .min = 10, .max = HOUR};
	return take_number(&def, text, &spec->timeout_ms, err);
}

static const struct option_line {
	const char *name;
	unsigned bit;
	bool raw; /* goes over the wire as it is written */
	int (*set)(struct check_spec *spec, const char *text, struct err *err);
} options[] = {
	{"warn", OPTION_BOUNDS, false, set_warn},
	{"fail", OPTION_BOUNDS, false, set_fail},
	{"status", OPTION_STATUS, false, set_status},
	{"contains", OPTION_CONTAINS, false, set_contains},
	{"host", OPTION_HOST, false, set_host},
	{"path", OPTION_PATH, true, check_spec_set_path},
	{"script", OPTION_SCRIPT, false, set_script},
	{"share", OPTION_SHARE, false, set_share},
	{"role", OPTION_ROLE, false, set_role},
	{"url", OPTION_URL, true, set_url},
	{"replicas", OPTION_REPLICAS, false, set_replicas},
	{"every", OPTION_TIMES, false, set_every},
	{"timeout", OPTION_TIMES, false, set_timeout},
};

#define OPTION_LINES (sizeof options / sizeof options[0])

static int
refuse_option(const struct kind_line *line, const char *name, struct err *err)
{
	char storage[200];
	struct strbuf names;
	strbuf_init_fixed(&names, storage, sizeof storage);
	for (size_t i = 0; i < OPTION_LINES; i++)
		if ((options[i].bit & line->options) != 0)
			strbuf_printf(&names, "%s%s", names.length > 0 ? ", " : "", options[i].name);
	return err_set(err, "\"%.40s\" is no option of %s%s; allowed are %s.", name, line->prefix,
	               line->subject != NULL ? line->subject : "", names.data);
}

int
check_spec_take_option(struct check_spec *spec, const struct kind_line *line, char *text, struct err *err)
{
	struct err reason;
	char *value = strchr(text, '=');
	if (value == NULL)
		return err_set(err, "\"%.40s\" is no option; allowed is option=value.", text);
	*value++ = '\0';
	for (size_t i = 0; i < OPTION_LINES; i++) {
		if (strcmp(options[i].name, text) != 0 || (options[i].bit & line->options) == 0)
			continue;
		ssize_t size = (ssize_t)strlen(value);
		if (!options[i].raw)
			size = percent_decode(value, value, (size_t)size, PERCENT_PLUS_KEEP);
		if (size < 0)
			return err_set(err, "%s: behind a '%%' allowed are two hexadecimal digits.", text);
		value[size] = '\0';
		if (options[i].set(spec, value, &reason) == 0)
			return 0;
		if (options[i].bit == OPTION_URL)
			return err_set(err, "url: %.300s", reason.text);
		return err_set(err, "%s is \"%.60s\"; %.300s", text, value, reason.text);
	}
	return refuse_option(line, text, err);
}
