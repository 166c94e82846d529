/* test_settings_print.c - what is shown to the operator, and that it reads back. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run_suite.h"
#include "settings.h"
#include "settings_table.h"

static char path[64];
static struct settings_reader *reader;
static char *printed;
static size_t printed_size;

static void
setup(void)
{
	strcpy(path, "/tmp/test_print.XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
teardown(void)
{
	settings_destroy(reader);
	free(printed);
	unlink(path);
}

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

static void
print_it(char *const *environment)
{
	settings_destroy(reader);
	reader = settings_read(path, environment);
	ck_assert_ptr_nonnull(reader);
	ck_assert_msg(settings_problem(reader, 0) == NULL, "%s", settings_problem(reader, 0));
	free(printed);
	FILE *f = open_memstream(&printed, &printed_size);
	settings_print(reader, f);
	fclose(f);
}

static void
shows(const char *line)
{
	ck_assert_msg(strstr(printed, line) != NULL, "no %s in:\n%.4000s", line, printed);
}

START_TEST(says_where_a_value_comes_from)
{
	char from_file[128];
	write_file("\nMAX_PARAMS=7\n");
	print_it((char *[]){"REQUEST_TIMEOUT=90", NULL});
	snprintf(from_file, sizeof from_file, "MAX_PARAMS=7  # from %s line 2\n", path);
	shows(from_file);
	shows("REQUEST_TIMEOUT=90s  # from the environment\n");
	shows("MAX_REQUEST_SIZE=16MiB  # default\n");
	shows("ADMIN_LISTEN=  # default\n");
	shows("LISTEN_MODE=0660  # default\n");
	print_it((char *[]){"DEBUG=1", NULL});
	shows("LOG_LEVEL=DEBUG  # because DEBUG is on\n");
}
END_TEST

START_TEST(hides_secrets)
{
	write_file("ADMIN_TOKEN=sssecret\nDATABASE_URL='host=h password=sssecret user=u'\n");
	print_it((char *[]){"REDIS_URL=redis://u:sssecret@cache:6379/2", NULL});
	ck_assert_ptr_null(strstr(printed, "sss"));
	shows("ADMIN_TOKEN=***REDACTED***  #");
	shows("DATABASE_URL='host=h password=***REDACTED*** user=u'  #");
	shows("REDIS_URL=redis://u:***REDACTED***@cache:6379/2  # from the environment\n");
	print_it((char *[]){"DATABASE_URL=postgresql://u:sssecret@db/x?sslpassword=sssecret&sslmode=require", NULL});
	ck_assert_ptr_null(strstr(printed, "sss"));
	shows("DATABASE_URL=postgresql://u:***REDACTED***@db/x?sslpassword=***REDACTED***&sslmode=require  #");
}
END_TEST

START_TEST(shows_what_modules_declared)
{
	write_file("");
	reader = settings_read(path, (char *[]){"DEMO_KEY=sssecret", "DEMO_TEXT=it's", NULL});
	ck_assert_int_eq(
		settings_declare(reader, &(struct vt_setting){.name = "DEMO_KEY", .secret = true, .help = "K."}), 0);
	ck_assert_int_eq(settings_declare(reader, &(struct vt_setting){.name = "DEMO_TEXT", .help = "T."}), 0);
	ck_assert_int_eq(
		settings_declare(reader, &(struct vt_setting){.name = "TOKEN", .default_value = "sss", .help = "T."}),
		0);
	FILE *f = open_memstream(&printed, &printed_size);
	settings_print(reader, f);
	fclose(f);
	shows("DEMO_KEY=***REDACTED***  # from the environment\n");
	shows("TOKEN=***REDACTED***  # default\n");
	shows("DEMO_TEXT=\"it's\"  # from the environment\n");
	ck_assert_ptr_null(strstr(printed, "sss"));
}
END_TEST

/* Without the comments, which say that all now comes from the file. */
static char *
without_comments(const char *text)
{
	char *copy = strdup(text), *to = copy;
	for (const char *p = text; *p != '\0'; p++) {
		if (strncmp(p, "  # ", 4) == 0)
			p = strchr(p, '\n');
		*to++ = *p;
	}
	*to = '\0';
	return copy;
}

START_TEST(reads_back)
{
	write_file(
		"SERVICE_NAME=\"it's $5 # \\\"now\\\" \\\\\"\nLISTEN=unix:/a,tcp:[::1]:9000\nWORKERS=3\nLOG_LEVEL=warning\n"
		"LOG_FILE=/var/log/a b.log\nDISK_PATHS=/,/var\nCRITICAL_CHECKS=\nIDLE_TIMEOUT=61s\nDEBUG=yes\n"
		"ADMIN_ALLOW=loopback,10.0.0.0/8\nMAX_REQUEST_SIZE=1000001\nLISTEN_MODE=600\n"
		"DATABASE_URL='host=/run/pg dbname=d'\n");
	print_it((char *[]){NULL});
	char *first = without_comments(printed);
	write_file(printed);
	print_it((char *[]){NULL});
	char *second = without_comments(printed);
	ck_assert_str_eq(first, second);
	ck_assert_str_eq(settings_values(reader)->service_name, "it's $5 # \"now\" \\");
	ck_assert_str_eq(settings_values(reader)->log_file, "/var/log/a b.log");
	ck_assert_uint_eq(settings_values(reader)->critical_checks.count, 0);
	ck_assert_int_eq(settings_values(reader)->max_request_bytes, 1000001);
	ck_assert_int_eq(settings_values(reader)->idle_timeout_ms, 61000);
	free(first);
	free(second);
}
END_TEST

START_TEST(helps_with_every_setting)
{
	size_t count;
	const struct setting_def *table = settings_table(&count);
	FILE *f = open_memstream(&printed, &printed_size);
	settings_print_help(f);
	fclose(f);
	for (size_t i = 0; i < count; i++) {
		char head[80];
		snprintf(head, sizeof head, "  %s (default: ", table[i].name);
		shows(head);
		shows(table[i].help);
	}
	shows("      Allowed: a whole number from 1 to 1024 processes.\n");
	shows("  ADMIN_TOKEN (default: none)\n");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("settings_print");
	TCase *tcase = tcase_create("settings_print");
	tcase_add_test(tcase, says_where_a_value_comes_from);
	tcase_add_test(tcase, hides_secrets);
	tcase_add_test(tcase, shows_what_modules_declared);
	tcase_add_test(tcase, reads_back);
	tcase_add_test(tcase, helps_with_every_setting);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
