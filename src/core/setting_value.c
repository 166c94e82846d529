/* setting_value.c - reads and writes single values. Pure: knows neither where a value comes from nor where it goes. */
#include "setting_value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "err.h"
#include "settings.h"
#include "strbuf.h"

struct unit {
	const char *name;
	int64_t factor;
};

/* Smallest first. The first name of a factor is the one that is written. */
static const struct unit duration_units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 86400 * 1000}, {NULL, 0},
};
static const struct unit size_units[] = {
	{"", 1},        {"B", 1},         {"KiB", 1 << 10}, {"K", 1 << 10}, {"MiB", 1 << 20},
	{"M", 1 << 20}, {"GiB", 1 << 30}, {"G", 1 << 30},   {NULL, 0},
};

/* ---- Reading ----------------------------------------------------------------------------------- */

static int
parse_bool(const char *text, int64_t *number)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasecmp(text, words[i]) == 0) {
			*number = i % 2;
			return 0;
		}
	return -1;
}

/* Digits from the start of text on; *behind is what follows them. */
static int
parse_digits(const char *text, int base, int64_t *number, const char **behind)
{
	char *end;
	const char *digits = text[0] == '-' ? text + 1 : text;
	if (digits[0] < '0' || digits[0] > '9') /* strtoll() would pass over blanks and '+' */
		return -1;
	errno = 0;
	long long value = strtoll(text, &end, base);
	if (errno != 0 || end == digits)
		return -1;
	*number = value;
	*behind = end;
	return 0;
}

static int
parse_whole(const char *text, int base, int64_t *number)
{
	const char *behind;
	if (parse_digits(text, base, number, &behind) != 0 || *behind != '\0')
		return -1;
	return 0;
}

static int
apply_unit(const struct unit *unit, int64_t *number)
{
	return __builtin_mul_overflow(*number, unit->factor, number) ? -1 : 0;
}

static int
parse_duration(const char *text, int64_t *number)
{
	const char *behind;
	if (text[0] == '-' || parse_digits(text, 10, number, &behind) != 0)
		return -1;
	if (*behind == '\0')
		behind = "s";
	for (const struct unit *unit = duration_units; unit->name != NULL; unit++)
		if (strcmp(behind, unit->name) == 0)
			return apply_unit(unit, number);
	return -1;
}

static int
parse_size(const char *text, int64_t *number)
{
	const char *behind;
	if (text[0] == '-' || parse_digits(text, 10, number, &behind) != 0)
		return -1;
	for (const struct unit *unit = size_units; unit->name != NULL; unit++)
		if (strcasecmp(behind, unit->name) == 0)
			return apply_unit(unit, number);
	return -1;
}

/* "0.01" or "1%": whole is what 1 counts, a tenth of it what the first decimal does, and so on. */
static int
parse_ratio(const char *text, int64_t *number)
{
	size_t digits = strspn(text, "0123456789");
	const char *p = text + digits;
	const char *behind = *p == '.' ? p + 1 + strspn(p + 1, "0123456789") : p;
	int64_t whole = strcmp(behind, "%") == 0 ? RATIO_WHOLE / 100 : RATIO_WHOLE;
	if (digits == 0 || digits > 3 || (*behind != '\0' && whole == RATIO_WHOLE) || (*p == '.' && behind == p + 1))
		return -1;
	*number = strtoll(text, NULL, 10) * whole;
	for (p += *p == '.'; p < behind; p++) {
		whole /= 10;
		if (whole == 0) /* more decimals than count */
			return -1;
		*number += (*p - '0') * whole;
	}
	return 0;
}

static int
parse_word(const struct setting_def *def, const char *text, int64_t *number)
{
	for (size_t i = 0; def->words[i] != NULL; i++)
		if (strcasecmp(text, def->words[i]) == 0) {
			*number = (int64_t)i;
			return 0;
		}
	return -1;
}

static int
parse_number(const struct setting_def *def, const char *text, int64_t *number)
{
	switch (def->type) {
	case SETTING_BOOL:
		return parse_bool(text, number);
	case SETTING_WORD:
		return parse_word(def, text, number);
	case SETTING_DURATION:
		return parse_duration(text, number);
	case SETTING_SIZE:
		return parse_size(text, number);
	case SETTING_MODE:
		return parse_whole(text, 8, number);
	case SETTING_RATIO:
		return parse_ratio(text, number);
	default:
		return parse_whole(text, 10, number);
	}
}

static bool
in_range(const struct setting_def *def, int64_t number)
{
	if (def->type == SETTING_BOOL || def->type == SETTING_WORD)
		return true;
	return number >= def->min && number <= def->max;
}

static int
refuse(const struct setting_def *def, struct err *err)
{
	char storage[256];
	struct strbuf allowed;
	strbuf_init_fixed(&allowed, storage, sizeof storage);
	setting_allowed_write(&allowed, def);
	return err_set(err, "allowed is %s.", allowed.data);
}

static int
parse_text(const struct setting_def *def, const char *text, struct setting_value *value, struct err *err)
{
	size_t size = strlen(text);
	if (!in_range(def, (int64_t)size))
		return refuse(def, err);
	if (size == 0)
		return 0;
	value->text = text;
	return def->check == NULL ? 0 : def->check(text, err);
}

static int
check_items(const struct setting_def *def, const struct text_list *list, struct err *err)
{
	if (!in_range(def, (int64_t)list->count))
		return refuse(def, err);
	for (size_t i = 0; def->check != NULL && i < list->count; i++)
		if (def->check(list->items[i], err) != 0)
			return -1;
	return 0;
}

static int
parse_list(const struct setting_def *def, const char *text, struct setting_value *value, struct err *err)
{
	if (text_list_split(&value->list, text) != 0)
		return err_set(err, "there is no memory for it.");
	if (check_items(def, &value->list, err) == 0)
		return 0;
	text_list_fini(&value->list);
	return -1;
}

int
setting_value_parse(const struct setting_def *def, const char *text, struct setting_value *value, struct err *err)
{
	*value = (struct setting_value){0};
	if (def->type == SETTING_TEXT)
		return parse_text(def, text, value, err);
	if (def->type == SETTING_LIST)
		return parse_list(def, text, value, err);
	if (parse_number(def, text, &value->number) != 0 || !in_range(def, value->number))
		return refuse(def, err);
	return 0;
}

/* ---- Writing ----------------------------------------------------------------------------------- */

/* With the largest unit that leaves a whole number. */
static void
write_with_unit(struct strbuf *out, const struct unit *units, int64_t number)
{
	const struct unit *best = units;
	for (const struct unit *unit = units; unit->name != NULL; unit++)
		if (number != 0 && number % unit->factor == 0 && unit->factor > best->factor)
			best = unit;
	strbuf_printf(out, "%lld%s", (long long)(number / best->factor), number == 0 ? "" : best->name);
}

/* Without the zeros at its end. */
static void
write_ratio(struct strbuf *out, int64_t number)
{
	char text[32];
	int size = snprintf(text, sizeof text, "%lld.%06lld", (long long)(number / RATIO_WHOLE),
	                    (long long)(number % RATIO_WHOLE));
	while (text[size - 1] == '0')
		size--;
	strbuf_append(out, text, (size_t)size - (text[size - 1] == '.' ? 1 : 0));
}

void
setting_number_write(struct strbuf *out, const struct setting_def *def, int64_t number)
{
	switch (def->type) {
	case SETTING_BOOL:
		strbuf_puts(out, number != 0 ? "on" : "off");
		break;
	case SETTING_WORD:
		strbuf_puts(out, def->words[number]);
		break;
	case SETTING_DURATION:
		write_with_unit(out, duration_units, number);
		break;
	case SETTING_SIZE:
		write_with_unit(out, size_units, number);
		break;
	case SETTING_MODE:
		strbuf_printf(out, "%04llo", (unsigned long long)number);
		break;
	case SETTING_RATIO:
		write_ratio(out, number);
		break;
	default:
		strbuf_printf(out, "%lld", (long long)number);
	}
}

static void
write_words(struct strbuf *out, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i > 0)
			strbuf_puts(out, words[i + 1] == NULL ? " or " : ", ");
		strbuf_puts(out, words[i]);
	}
}

static const char *
kind(enum setting_type type)
{
	switch (type) {
	case SETTING_TEXT:
		return "a text";
	case SETTING_LIST:
		return "a list, with commas in between,";
	case SETTING_DURATION:
		return "a duration such as 800ms, 30s, 5m, 1h or 1d";
	case SETTING_SIZE:
		return "a size such as 64KiB, 16MiB or 1GiB";
	case SETTING_RATIO:
		return "a ratio such as 0.01 or 1%";
	case SETTING_MODE:
		return "an octal mode";
	default:
		return "a whole number";
	}
}

static void
write_range(struct strbuf *out, const struct setting_def *def)
{
	const char *unit = def->type == SETTING_TEXT ? "bytes" : def->type == SETTING_LIST ? "items" : def->unit;
	if (def->min == INT64_MIN && def->max == INT64_MAX)
		return;
	if (def->max == INT64_MAX) {
		strbuf_puts(out, " not below ");
		setting_number_write(out, def, def->min);
		return;
	}
	strbuf_puts(out, def->type == SETTING_TEXT || def->type == SETTING_LIST ? " of " : " from ");
	setting_number_write(out, def, def->min);
	strbuf_puts(out, " to ");
	setting_number_write(out, def, def->max);
	if (unit != NULL)
		strbuf_printf(out, " %s", unit);
}

void
setting_allowed_write(struct strbuf *out, const struct setting_def *def)
{
	if (def->type == SETTING_BOOL) {
		strbuf_puts(out, "true or false, yes or no, on or off, 1 or 0");
	} else if (def->type == SETTING_WORD) {
		write_words(out, def->words);
	} else {
		strbuf_puts(out, kind(def->type));
		write_range(out, def);
	}
}
