/* test_settings_table.c - walks the table: what must be true of every setting. */
#include "settings_table.h"

#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "run_suite.h"
#include "setting_value.h"
#include "settings.h"

static const struct setting_def *table;
static size_t count;

static void
setup(void)
{
	table = settings_table(&count);
}

static void
teardown(void)
{
}

START_TEST(names_are_unique_and_found)
{
	ck_assert_uint_gt(count, 40);
	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_eq(strspn(table[i].name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), strlen(table[i].name));
		ck_assert_ptr_eq(settings_table_find(table[i].name), &table[i]);
	}
	ck_assert_ptr_null(settings_table_find("NOBODY"));
}
END_TEST

START_TEST(defaults_are_valid)
{
	for (size_t i = 0; i < count; i++) {
		struct setting_value value;
		struct err err = {""};
		ck_assert_msg(setting_value_parse(&table[i], table[i].default_text, &value, &err) == 0, "%s: %s",
		              table[i].name, err.text);
		text_list_fini(&value.list);
	}
}
END_TEST

START_TEST(help_is_a_sentence)
{
	for (size_t i = 0; i < count; i++) {
		const char *help = table[i].help;
		ck_assert_msg(help != NULL && strlen(help) > 10, "%s", table[i].name);
		ck_assert_msg(isupper((unsigned char)help[0]), "%s", table[i].name);
		ck_assert_msg(help[strlen(help) - 1] == '.', "%s", table[i].name);
		ck_assert_ptr_null(strchr(help, '\n'));
	}
}
END_TEST

START_TEST(ranges_and_words_fit_the_type)
{
	for (size_t i = 0; i < count; i++) {
		const struct setting_def *def = &table[i];
		ck_assert_msg((def->words != NULL) == (def->type == SETTING_WORD), "%s", def->name);
		ck_assert_msg((def->unit != NULL) == (def->type == SETTING_INT), "%s", def->name);
		if (def->type == SETTING_BOOL || def->type == SETTING_WORD)
			ck_assert_msg(def->min == 0 && def->max == 0, "%s", def->name);
		else
			ck_assert_msg(def->min < def->max, "%s", def->name);
		if (def->check != NULL)
			ck_assert_msg(def->type == SETTING_TEXT || def->type == SETTING_LIST, "%s", def->name);
		if (def->secret)
			ck_assert_msg(def->default_text[0] == '\0', "%s", def->name);
	}
}
END_TEST

static size_t
field_size(enum setting_type type)
{
	switch (type) {
	case SETTING_TEXT:
		return sizeof(char *);
	case SETTING_LIST:
		return sizeof(struct text_list);
	case SETTING_BOOL:
		return sizeof(bool);
	default:
		return sizeof(int64_t);
	}
}

/* Every field of struct settings belongs to exactly one entry. */
START_TEST(fields_do_not_overlap)
{
	unsigned char used[sizeof(struct settings)] = {0};
	size_t total = 0;
	for (size_t i = 0; i < count; i++) {
		size_t size = field_size(table[i].type);
		ck_assert_uint_le(table[i].offset + size, sizeof used);
		for (size_t n = 0; n < size; n++)
			ck_assert_msg(used[table[i].offset + n]++ == 0, "%s", table[i].name);
		total += size;
	}
	/* What is not covered is padding behind the three booleans. */
	ck_assert_uint_le(sizeof used - total, 3 * (sizeof(int64_t) - sizeof(bool)));
}
END_TEST

START_TEST(words_are_the_levels)
{
	const char *const *words = settings_table_find("LOG_LEVEL")->words;
	ck_assert_str_eq(words[VT_DEBUG], "DEBUG");
	ck_assert_str_eq(words[VT_INFO], "INFO");
	ck_assert_str_eq(words[VT_WARNING], "WARNING");
	ck_assert_str_eq(words[VT_ERROR_LEVEL], "ERROR");
	ck_assert_str_eq(words[VT_CRITICAL], "CRITICAL");
	ck_assert_ptr_null(words[VT_CRITICAL + 1]);
	ck_assert_str_eq(settings_table_find("LOG_FORMAT")->words[LOG_FORMAT_JSON], "json");
	ck_assert_str_eq(settings_table_find("LOG_FORMAT")->words[LOG_FORMAT_ECS], "ecs");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("settings_table");
	TCase *tcase = tcase_create("settings_table");
	tcase_add_test(tcase, names_are_unique_and_found);
	tcase_add_test(tcase, defaults_are_valid);
	tcase_add_test(tcase, help_is_a_sentence);
	tcase_add_test(tcase, ranges_and_words_fit_the_type);
	tcase_add_test(tcase, fields_do_not_overlap);
	tcase_add_test(tcase, words_are_the_levels);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
