/* test_settings.c - settings as a whole: what wins, what follows, and that all problems are said at once. */
#include "run_suite.h"
#include "settings.h"

#include <check.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64];
static struct settings_reader *reader;
static const struct settings *values;

static void
setup(void)
{
	strcpy(dir, "/tmp/test_settings.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
}

static void
teardown(void)
{
	settings_destroy(reader);
	unlink("vitals.env");
	unlink(".env");
	ck_assert_int_eq(chdir("/"), 0);
	rmdir(dir);
}

static void
write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void
read_with(const char *text, char *const *environment)
{
	write_file("vitals.env", text);
	settings_destroy(reader);
	reader = settings_read("vitals.env", environment);
	ck_assert_ptr_nonnull(reader);
	values = settings_values(reader);
}

static void
no_problems(void)
{
	const char *problem = settings_problem(reader, 0);
	ck_assert_msg(problem == NULL, "%s", problem);
}

static void
only_problem(const char *sentence)
{
	ck_assert_ptr_nonnull(settings_problem(reader, 0));
	ck_assert_str_eq(settings_problem(reader, 0), sentence);
	ck_assert_ptr_null(settings_problem(reader, 1));
}

START_TEST(defaults_hold)
{
	reader = settings_read(NULL, (char *[]){NULL});
	values = settings_values(reader);
	settings_finish(reader);
	no_problems();
	ck_assert_str_eq(values->service_name, "vitals");
	ck_assert_uint_gt(strlen(values->service_version), 0); /* the build's */
	ck_assert_uint_eq(values->listen.count, 1);
	ck_assert_str_eq(values->listen.items[0], "unix:/run/vitals/vitals.sock");
	ck_assert_uint_eq(values->admin_listen.count, 0);
	ck_assert_int_eq(values->listen_mode, 0660);
	ck_assert_ptr_null(values->run_user);
	ck_assert_int_eq(values->request_timeout_ms, 30000);
	ck_assert_int_eq(values->max_request_bytes, 16 << 20);
	ck_assert_int_eq(values->log_level, VT_INFO);
	ck_assert_ptr_null(values->log_file);
	ck_assert(!values->log_bodies);
	ck_assert_int_eq(values->log_body_bytes, 4096);
	ck_assert(values->log_probes && values->enable_health_checks && !values->debug);
	ck_assert_int_eq(values->log_format, LOG_FORMAT_JSON);
	ck_assert_int_eq(values->log_sample_millionths, RATIO_WHOLE);
	ck_assert_int_eq(values->slow_request_ms, 1000);
	ck_assert_int_eq(values->db_comment_sample_millionths, RATIO_WHOLE);
	ck_assert_int_eq(values->health_check_timeout_ms, 800);
	ck_assert_int_eq(values->queue_timeout_ms, 0);
	ck_assert_int_eq(values->saturated_after_ms, 1000);
	ck_assert_int_eq(values->ready_max_queue_percent, 50);
	ck_assert(text_list_has(&values->critical_checks, "database"));
	ck_assert_int_eq(values->db_pool_recycle_ms, 3600000);
	ck_assert_int_eq(values->redis_timeout_ms, 50);
	ck_assert_ptr_null(values->database_url);
	ck_assert_ptr_null(values->trace_file);
	ck_assert_int_eq(values->trace_sample, 1000000);
	ck_assert(values->enable_metrics);
	ck_assert_int_eq(values->metrics_series_max, 1000);
}
END_TEST

START_TEST(environment_wins_over_file_over_default)
{
	read_with("MAX_PARAMS=10\nMAX_JSON_DEPTH=9\nRUN_USER=filer\n",
	          (char *[]){"UNRELATED=1", "MAX_PARAMS=20", "MAX_PARAMS=30", "RUN_USER=", NULL});
	no_problems();
	ck_assert_int_eq(values->max_params, 20);
	ck_assert_int_eq(values->max_json_depth, 9);
	ck_assert_int_eq(values->max_connections, 1024);
	ck_assert_ptr_null(values->run_user);
}
END_TEST

START_TEST(reads_dotenv_of_the_directory)
{
	write_file(".env", "MAX_PARAMS=11\nOOPS=1\n");
	reader = settings_read(NULL, (char *[]){NULL});
	ck_assert_int_eq(settings_values(reader)->max_params, 11);
	settings_finish(reader);
	only_problem(".env line 2: OOPS is not a setting; --help lists all of them.");
}
END_TEST

START_TEST(a_named_file_must_be_there)
{
	reader = settings_read("missing.env", (char *[]){NULL});
	only_problem("missing.env: The file cannot be opened: No such file or directory.");
}
END_TEST

START_TEST(says_all_problems_at_once)
{
	read_with("WORKERS=many\n"
	          "what is this\n"
	          "REQUEST_TIMEOUT=1 hour\n"
	          "LISTEN=tcp::9000\n"
	          "HEALTH_CHECK_TIMEOUT=2s\n"
	          "LOG_LEVEL=loud\n"
	          "WORKRES=2\n"
	          "MAX_PARAMS=5\n"
	          "MAX_PARAMS=6\n",
	          (char *[]){"DEBUG=perhaps", "UNKNOWN_HERE=1", "ADMIN_TOKEN=se cret", NULL});
	settings_finish(reader);
	static const char *const expected[] = {
		"vitals.env line 2: The line is neither NAME=value nor a comment that starts with '#'.",
		"vitals.env line 9: MAX_PARAMS is set again; line 8 sets it already. Remove one of the two.",
		"vitals.env line 4: LISTEN is \"tcp::9000\"; \"tcp::9000\" names no host; write tcp:127.0.0.1:9000, or "
		"tcp:0.0.0.0:9000 if the service is to be reachable from everywhere.",
		"vitals.env line 1: WORKERS is \"many\"; allowed is a whole number from 0 to 1024 processes.",
		"vitals.env line 3: REQUEST_TIMEOUT is \"1 hour\"; allowed is a duration such as 800ms, 30s, 5m, 1h or 1d "
		"from 10ms to 1d.",
		"vitals.env line 6: LOG_LEVEL is \"loud\"; allowed is DEBUG, INFO, WARNING, ERROR or CRITICAL.",
		"vitals.env line 5: HEALTH_CHECK_TIMEOUT is \"2s\"; allowed is a duration such as 800ms, 30s, 5m, 1h or 1d "
		"from 10ms to 999ms.",
		"environment: ADMIN_TOKEN is \"***REDACTED***\"; allowed are visible ASCII characters without blanks.",
		"environment: DEBUG is \"perhaps\"; allowed is true or false, yes or no, on or off, 1 or 0.",
		"vitals.env line 7: WORKRES is not a setting; did you mean WORKERS?",
	};
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		ck_assert_msg(settings_problem(reader, i) != NULL, "no %s", expected[i]);
		ck_assert_str_eq(settings_problem(reader, i), expected[i]);
	}
	ck_assert_ptr_null(settings_problem(reader, sizeof expected / sizeof expected[0]));
	ck_assert_int_eq(values->max_params, 6);
	ck_assert_int_eq(values->request_timeout_ms, 30000);
}
END_TEST

/* No problem shows a password, wherever it was put by mistake, or a control character. */
START_TEST(problems_hold_no_secrets)
{
	char password[800], url[900];
	memset(password, 's', sizeof password - 1);
	password[sizeof password - 1] = '\0';
	snprintf(url, sizeof url, "MODULES=postgresql://u:%s@host/d", password);
	read_with("DATABASE_URL=mysql://u:sssecret@h/d\nREDIS_URL=rediss://u:sssecret@h\n"
	          "LISTEN=postgresql://u:sssecret@h/d\nRUN_USER=\"a\\n\x1b[2J\"\n",
	          (char *[]){url, NULL});
	for (size_t i = 0; i < 5; i++) {
		const char *problem = settings_problem(reader, i);
		ck_assert_ptr_nonnull(problem);
		ck_assert_msg(strstr(problem, "sss") == NULL, "%s", problem);
		ck_assert_ptr_null(strpbrk(problem, "\n\x1b"));
	}
	ck_assert_ptr_null(settings_problem(reader, 5));
}
END_TEST

START_TEST(long_values_are_cut)
{
	char text[3000] = "WORKERS=";
	memset(text + 8, '9', sizeof text - 9);
	read_with(text, (char *[]){NULL});
	ck_assert_uint_lt(strlen(settings_problem(reader, 0)), 400);
	ck_assert_ptr_nonnull(strstr(settings_problem(reader, 0), "999...\"; allowed is"));
}
END_TEST

START_TEST(workers_go_by_processors)
{
	cpu_set_t set;
	ck_assert_int_eq(sched_getaffinity(0, sizeof set, &set), 0);
	int wanted = 2 * CPU_COUNT(&set) < 4 ? 4 : 2 * CPU_COUNT(&set);
	read_with("", (char *[]){NULL});
	ck_assert_int_eq(values->workers, wanted > 1024 ? 1024 : wanted);
	ck_assert_int_eq(values->workers_max, values->workers);
	read_with("WORKERS=0\n", (char *[]){NULL});
	ck_assert_ptr_null(settings_problem(reader, 0));
	ck_assert_int_eq(values->workers_max, WORKERS_ALONE_MAX);
	read_with("WORKERS=4\nWORKERS_MAX=9\n", (char *[]){NULL});
	ck_assert_int_eq(values->workers, 4);
	ck_assert_int_eq(values->workers_max, 9);
	read_with("WORKERS=1\n", (char *[]){NULL});
	ck_assert_int_eq(values->workers, 1);
	ck_assert_int_eq(values->workers_max, 1);
}
END_TEST

START_TEST(debug_lowers_the_level_unless_it_is_set)
{
	read_with("DEBUG=on\n", (char *[]){NULL});
	ck_assert_int_eq(values->log_level, VT_DEBUG);
	read_with("DEBUG=on\n", (char *[]){"LOG_LEVEL=error", NULL});
	ck_assert_int_eq(values->log_level, VT_ERROR_LEVEL);
}
END_TEST

static const struct {
	const char *text, *sentence;
} rules[] = {
	{"RUN_GROUP=www-data\n",
         "vitals.env line 1: RUN_GROUP is \"www-data\", but RUN_USER is not set; set both, or neither."},
	{"CRITICAL_CHECKS=disk:/var,disk:/\n",
         "vitals.env line 1: CRITICAL_CHECKS names disk:/var, but DISK_PATHS does not name /var."},
	{"MAX_REQUEST_SIZE=64MiB\n", "vitals.env line 1: MAX_REQUEST_MEMORY is 64MiB; it must hold a body of "
                                     "MAX_REQUEST_SIZE, 64MiB, and parameters of MAX_PARAMS_SIZE."},
	{"BODY_BUFFER_SIZE=32MiB\n", "vitals.env line 1: MAX_PENDING_SIZE is 64MiB; it must be twice BODY_BUFFER_SIZE, "
                                     "32MiB, and 1MiB more."},
	{"\nMAX_PENDING_SIZE=2MiB\n", "vitals.env line 2: MAX_PENDING_SIZE is 2MiB; it must be twice BODY_BUFFER_SIZE, "
                                      "16MiB, and 1MiB more."},
	{"\nMAX_REQUEST_MEMORY=1MiB\n", "vitals.env line 2: MAX_REQUEST_MEMORY is 1MiB; it must hold a body of "
                                        "MAX_REQUEST_SIZE, 16MiB, and parameters of MAX_PARAMS_SIZE."},
	{"LISTEN=unix:/a\nADMIN_LISTEN=unix:/a\n",
         "vitals.env line 2: ADMIN_LISTEN names unix:/a, which LISTEN names too; it needs an address of its own."},
	{"LISTEN=unix:/a,unix:/a\n", "vitals.env line 1: LISTEN names unix:/a twice."},
	{"WORKERS=9\nWORKERS_MAX=8\n", "vitals.env line 2: WORKERS_MAX is 8; it must be at least WORKERS, 9."},
	{"WORKERS=0\nADMIN_LISTEN=unix:/a\n",
         "vitals.env line 2: ADMIN_LISTEN is set, but with WORKERS=0 there is no admin worker; leave it out."},
	{"LISTEN=\n",
         "vitals.env line 1: LISTEN is \"\"; allowed is a list, with commas in between, of 1 to 16 items."},
	{"WORKERS=\n", "vitals.env line 1: WORKERS is \"\"; allowed is a whole number from 0 to 1024 processes."},
};

START_TEST(rules_hold)
{
	read_with(rules[_i].text, (char *[]){NULL});
	only_problem(rules[_i].sentence);
}
END_TEST

START_TEST(an_embedded_cache_has_a_least_size)
{
	read_with("CACHE_MEMORY_BYTES=0\n", (char *[]){NULL});
	no_problems();
	read_with("CACHE_MEMORY_BYTES=1MiB\n", (char *[]){NULL});
	no_problems();
	read_with("CACHE_MEMORY_BYTES=1023KiB\n", (char *[]){NULL});
	ck_assert_ptr_nonnull(strstr(settings_problem(reader, 0), "at least 1MiB"));
	ck_assert_ptr_null(settings_problem(reader, 1));
}
END_TEST

START_TEST(modules_declare)
{
	read_with("DEMO_LIMIT=2KiB\nDEMO_WAIT=\"3s\"\nDEMO_NAME='a b'\nDEMO_ODER=1\n",
	          (char *[]){"DEMO_CRASH=yes", "DEMO_COUNT=-3", NULL});
	static const struct vt_setting settings[] = {
		{.name = "DEMO_LIMIT",
	         .type = VT_SETTING_BYTES,
	         .default_value = "1KiB",
	         .min = 0,
	         .max = 4096,
	         .help = "L."},
		{.name = "DEMO_WAIT", .type = VT_SETTING_DURATION_MS, .default_value = "1s", .help = "W."},
		{.name = "DEMO_NAME", .type = VT_SETTING_TEXT, .help = "N."},
		{.name = "DEMO_NONE", .type = VT_SETTING_TEXT, .help = "N."},
		{.name = "DEMO_CRASH", .type = VT_SETTING_BOOL, .default_value = "off", .help = "C."},
		{.name = "DEMO_COUNT", .type = VT_SETTING_INT, .default_value = "7", .help = "C."},
		{.name = "DEMO_ORDER", .type = VT_SETTING_INT, .default_value = "7", .help = "C."},
	};
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
		ck_assert_int_eq(settings_declare(reader, &settings[i]), 0);
	ck_assert_int_eq(settings_module_int(reader, "DEMO_LIMIT"), 2048);
	ck_assert_int_eq(settings_module_int(reader, "DEMO_WAIT"), 3000);
	ck_assert_str_eq(settings_module_text(reader, "DEMO_NAME"), "a b");
	ck_assert_ptr_null(settings_module_text(reader, "DEMO_NONE"));
	ck_assert(settings_module_bool(reader, "DEMO_CRASH"));
	ck_assert_int_eq(settings_module_int(reader, "DEMO_COUNT"), -3);
	ck_assert_int_eq(settings_module_int(reader, "DEMO_ORDER"), 7);
	ck_assert_int_eq(settings_module_int(reader, "DEMO_NAME"), 0);
	ck_assert_ptr_null(settings_module_text(reader, "DEMO_LIMIT"));
	ck_assert(!settings_module_bool(reader, "DEMO_COUNT"));
	ck_assert_int_eq(settings_module_int(reader, "WORKERS"), 0);
	no_problems();
	settings_finish(reader);
	only_problem("vitals.env line 4: DEMO_ODER is not a setting; did you mean DEMO_ORDER?");
}
END_TEST

static const struct {
	struct vt_setting setting;
	const char *says;
} refused[] = {
	{{.name = "lower", .help = "H."}, "[A-Z]"},
	{{.name = "9X", .help = "H."}, "[A-Z]"},
	{{.name = "", .help = "H."}, "[A-Z]"},
	{{.name = NULL, .help = "H."}, "[A-Z]"},
	{{.name = "A_NAME_OF_SIXTY_FIVE_CHARACTERS_THAT_GOES_ON_AND_ON_AND_ON_AND_ON", .help = "H."}, "[A-Z]"},
	{{.name = "WORKERS", .help = "H."}, "of the service"},
	{{.name = "TWICE", .help = "H."}, "declared already"},
	{{.name = "X", .type = (enum vt_setting_type)9, .help = "H."}, "type"},
	{{.name = "X", .help = ""}, "no help"},
	{{.name = "X", .type = VT_SETTING_INT, .help = "H."}, "default"},
	{{.name = "X", .type = VT_SETTING_INT, .default_value = "9", .max = 8, .help = "H."}, "default"},
	{{.name = "X", .type = VT_SETTING_BYTES, .default_value = "-1", .help = "H."}, "default"},
};

START_TEST(refuses_declarations)
{
	read_with("", (char *[]){NULL});
	ck_assert_int_eq(settings_declare(reader, &(struct vt_setting){.name = "TWICE", .help = "H."}), 0);
	ck_assert_int_eq(settings_declare(reader, &refused[_i].setting), -1);
	ck_assert_msg(strstr(settings_problem(reader, 0), refused[_i].says) != NULL, "%s", settings_problem(reader, 0));
}
END_TEST

START_TEST(refuses_values_of_modules)
{
	read_with("DEMO_KEY=abc\n", (char *[]){NULL});
	ck_assert_int_eq(settings_declare(reader, &(struct vt_setting){.name = "DEMO_KEY",
	                                                               .type = VT_SETTING_INT,
	                                                               .default_value = "1",
	                                                               .secret = true,
	                                                               .help = "K."}),
	                 -1);
	only_problem("vitals.env line 1: DEMO_KEY is \"***REDACTED***\"; allowed is a whole number.");
	ck_assert_int_eq(settings_module_int(reader, "DEMO_KEY"), 1);
}
END_TEST

START_TEST(takes_problems_of_others)
{
	read_with("", (char *[]){NULL});
	settings_add_problem(reader, "The module refuses.");
	only_problem("The module refuses.");
}
END_TEST

START_TEST(too_many_entries)
{
	FILE *f = fopen("vitals.env", "w");
	for (int i = 0; i < 5000; i++)
		fprintf(f, "N%d=1\n", i);
	fclose(f);
	reader = settings_read("vitals.env", (char *[]){NULL});
	only_problem("vitals.env line 4097: The file has more than 4096 settings.");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("settings");
	TCase *tcase = tcase_create("settings");
	tcase_add_test(tcase, defaults_hold);
	tcase_add_test(tcase, environment_wins_over_file_over_default);
	tcase_add_test(tcase, reads_dotenv_of_the_directory);
	tcase_add_test(tcase, a_named_file_must_be_there);
	tcase_add_test(tcase, says_all_problems_at_once);
	tcase_add_test(tcase, problems_hold_no_secrets);
	tcase_add_test(tcase, long_values_are_cut);
	tcase_add_test(tcase, workers_go_by_processors);
	tcase_add_test(tcase, debug_lowers_the_level_unless_it_is_set);
	tcase_add_loop_test(tcase, rules_hold, 0, sizeof rules / sizeof rules[0]);
	tcase_add_test(tcase, an_embedded_cache_has_a_least_size);
	tcase_add_test(tcase, modules_declare);
	tcase_add_loop_test(tcase, refuses_declarations, 0, sizeof refused / sizeof refused[0]);
	tcase_add_test(tcase, refuses_values_of_modules);
	tcase_add_test(tcase, takes_problems_of_others);
	tcase_add_test(tcase, too_many_entries);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
