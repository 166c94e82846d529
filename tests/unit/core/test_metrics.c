/* test_metrics.c - counting from several processes and what a scrape makes of it, in both forms. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "err.h"
#include "metric_total.h"
#include "metrics.h"
#include "metrics_text.h"
#include "run_suite.h"
#include "scoreboard.h"
#include "strbuf.h"

#define SLOTS 4
#define SERIES 100
#define EACH 20000
#define DURATION "http_server_request_duration_seconds"
#define VALUES(...) ((const char *const[METRIC_LABELS]){__VA_ARGS__})

static char folder[64], path[96];
static struct scoreboard *board;
static struct metric_registry *registry;
static struct metrics *metrics;
static struct arena *arena;
static int gauge, reals, few;

static void
setup(void)
{
	static const double bounds[] = {0.5, 2, 1e6};
	struct err err = {.text = ""};
	bool was_there;
	snprintf(folder, sizeof folder, "/tmp/vt_metrics_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
	board = scoreboard_create(path, &(struct scoreboard_shape){.slots = SLOTS, .series = SERIES}, &was_there, &err);
	ck_assert_msg(board != NULL, "%s", err.text);
	registry = metric_registry_create();
	gauge = metric_registry_add(registry,
	                            &(struct metric_def){.name = "depth",
	                                                 .help = "A \"depth\"\\.",
	                                                 .type = METRIC_GAUGE,
	                                                 .unit = METRIC_REAL,
	                                                 .source = SOURCE_SHARED},
	                            &err);
	reals = metric_registry_add(registry,
	                            &(struct metric_def){.name = "price",
	                                                 .help = "Prices.",
	                                                 .type = METRIC_HISTOGRAM,
	                                                 .unit = METRIC_REAL,
	                                                 .bounds = bounds,
	                                                 .bound_count = 3},
	                            &err);
	few = metric_registry_add(
		registry,
		&(struct metric_def){.name = "few_total", .help = "Few.", .labels = {"kind"}, .max_series = 3}, &err);
	ck_assert_int_gt(few, 0);
	slot_claim(scoreboard_slot(board, 0), ROLE_WORKER, 1);
	metrics = metrics_create(board, registry, 0);
	ck_assert_ptr_nonnull(metrics);
	arena = arena_create(65536, 16U << 20);
}

static void
teardown(void)
{
	arena_destroy(arena);
	metrics_destroy(metrics);
	metric_registry_destroy(registry);
	scoreboard_close(board);
	unlink(path);
	rmdir(folder);
}

static const char *
scrape(enum metrics_form form)
{
	struct strbuf out;
	strbuf_init_arena(&out, arena, 4096);
	const struct metrics_page page = {.board = board, .registry = registry, .form = form, .arena = arena};
	ck_assert_int_eq(metrics_write(&page, &out), 0);
	return out.data;
}

#define ck_assert_has(text, part) ck_assert_msg(strstr((text), (part)) != NULL, "no %s in\n%s", (part), (text))
#define ck_assert_lacks(text, part) ck_assert_msg(strstr((text), (part)) == NULL, "%s in\n%s", (part), (text))

static void
observe(double ns, const struct exemplar *exemplar)
{
	metrics_observe(metrics, METRIC_REQUEST_DURATION, VALUES("GET", "/x/{id}", "200"),
	                &(struct observation){.value = ns, .exemplar = exemplar});
}

START_TEST(test_histogram)
{
	observe(5e6, NULL); /* a bound belongs to its bucket */
	observe(5e6 + 1, NULL);
	observe(11e9, NULL);
	const char *text = scrape(METRICS_PROMETHEUS);
	const char *labels = "{method=\"GET\",route=\"/x/{id}\",status_code=\"200\"";
	char line[256];
	static const char *const expected[] = {"_bucket%s,le=\"0.005\"} 1\n",
	                                       "_bucket%s,le=\"0.01\"} 2\n",
	                                       "_bucket%s,le=\"1.0\"} 2\n",
	                                       "_bucket%s,le=\"10.0\"} 2\n",
	                                       "_bucket%s,le=\"+Inf\"} 3\n",
	                                       "_sum%s} 11.010000001\n",
	                                       "_count%s} 3\n"};
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		size_t size = (size_t)snprintf(line, sizeof line, "\n" DURATION);
		const char *rest = strstr(expected[i], "%s") + 2;
		snprintf(line + size, sizeof line - size, "%.*s%s%s", (int)(rest - 2 - expected[i]), expected[i],
		         labels, rest);
		ck_assert_has(text, line);
	}
	ck_assert_has(text, "# TYPE " DURATION " histogram\n");
	ck_assert_lacks(text, "# EOF");
	ck_assert_lacks(text, "# UNIT");
}
END_TEST

START_TEST(test_openmetrics)
{
	observe(6e6, &(struct exemplar){.trace_high = 0xabc,
	                                .trace_low = 1,
	                                .span = 2,
	                                .value = 6000000,
	                                .real_ns = 1234567890123456789});
	/* One that says to be in a bucket that it is not in. */
	observe(11e9, &(struct exemplar){.trace_high = 0xdead, .trace_low = 1, .span = 2, .value = 5, .real_ns = 1});
	const char *text = scrape(METRICS_OPENMETRICS);
	ck_assert_has(text,
	              "le=\"0.01\"} 1 # {trace_id=\"0000000000000abc0000000000000001\",span_id=\"0000000000000002\"} "
	              "0.006000000 1234567890.123\n");
	ck_assert_lacks(text, "dead");
	ck_assert_has(text, "# UNIT " DURATION " seconds\n");
	ck_assert_has(text, "# TYPE vitals_metrics_overflow counter\nvitals_metrics_overflow_total 0\n");
	ck_assert_str_eq(text + strlen(text) - 6, "# EOF\n");
	ck_assert_lacks(scrape(METRICS_PROMETHEUS), "trace_id");
}
END_TEST

START_TEST(test_reals)
{
	metrics_set(metrics, (size_t)gauge, NULL, -1.5);
	metrics_observe(metrics, (size_t)reals, NULL, &(struct observation){.value = 0.25});
	metrics_observe(metrics, (size_t)reals, NULL, &(struct observation){.value = 1e7});
	struct metrics *second = metrics_create(board, registry, 1);
	slot_claim(scoreboard_slot(board, 1), ROLE_WORKER, 1);
	metrics_observe(second, (size_t)reals, NULL, &(struct observation){.value = 0.5});
	metrics_set(second, (size_t)gauge, NULL, 2.5);
	const char *text = scrape(METRICS_PROMETHEUS);
	ck_assert_has(text, "# HELP depth A \"depth\"\\\\.\n");
	ck_assert_has(text, "\ndepth 2.5\n");
	ck_assert_has(text, "price_bucket{le=\"0.5\"} 2\n");
	ck_assert_has(text, "price_bucket{le=\"1e+06\"} 2\n");
	ck_assert_has(text, "price_bucket{le=\"+Inf\"} 3\n");
	ck_assert_has(text, "price_sum 10000000.75\n");
	metrics_destroy(second);
}
END_TEST

START_TEST(test_label_values)
{
	char longer[METRIC_VALUE_BYTES + 20] = "";
	static const char *const values[][2] = {
		{"a\"b\\c\nd", "kind=\"a\\\"b\\\\c\\nd\""},
		{"\xff\x01\x7f\r", "kind=\"????\""},
		{"\xc3\xa4", "kind=\"\xc3\xa4\""},
	};
	for (size_t i = 0; i < 3; i++) {
		char storage[512];
		struct strbuf out;
		strbuf_init_fixed(&out, storage, sizeof storage);
		metric_labels_write(&out, VALUES("kind"), VALUES(values[i][0]));
		ck_assert_str_eq(out.data, values[i][1]);
	}
	memset(longer, 'x', sizeof longer - 1);
	char storage[512];
	struct strbuf out;
	strbuf_init_fixed(&out, storage, sizeof storage);
	metric_labels_write(&out, VALUES("kind"), VALUES(longer));
	ck_assert_uint_eq(out.length, METRIC_VALUE_BYTES + strlen("kind=\"\""));
}
END_TEST

START_TEST(test_overflow_of_a_metric)
{
	char value[16];
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(value, sizeof value, "%u", i);
		metrics_count(metrics, (size_t)few, VALUES(value), 1);
	}
	metrics_count(metrics, (size_t)few, VALUES("1"), 1);
	const char *text = scrape(METRICS_PROMETHEUS);
	ck_assert_has(text, "few_total{kind=\"0\"} 1\n");
	ck_assert_has(text, "few_total{kind=\"1\"} 2\n");
	ck_assert_has(text, "few_total{kind=\"_overflow\"} 997\n");
	ck_assert_has(text, "vitals_metrics_overflow_total 997\n");
	/* The others have room. */
	observe(1, NULL);
	ck_assert_has(scrape(METRICS_PROMETHEUS), "/x/{id}");
}
END_TEST

START_TEST(test_overflow_of_all)
{
	char value[16];
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(value, sizeof value, "%u", i);
		metrics_count(metrics, METRIC_CACHE_OPERATIONS, VALUES("get", value), 1);
	}
	observe(1, NULL);
	const char *text = scrape(METRICS_PROMETHEUS);
	ck_assert_has(text, "vitals_cache_operations_total{operation=\"_overflow\",result=\"_overflow\"} 900\n");
	ck_assert_has(text, DURATION "_count{method=\"_overflow\",route=\"_overflow\",status_code=\"_overflow\"} 1\n");
	ck_assert_has(text, "vitals_metrics_overflow_total 901\n");
}
END_TEST

/* Known again by their addresses; what overflows is told each time all the same. */
START_TEST(test_series_of_constants)
{
	static const char first[] = "first", second[] = "second";
	for (int i = 0; i < 3; i++) {
		metrics_count_in(metrics, metrics_series(metrics, (size_t)few, VALUES(first)), 1);
		metrics_count_in(metrics, metrics_series(metrics, (size_t)few, VALUES(second)), 2);
		metrics_count_in(metrics, metrics_series(metrics, METRIC_OVERFLOW, NULL), 0);
	}
	ck_assert_uint_eq(metrics_series(metrics, (size_t)few, VALUES(first)),
	                  metrics_series(metrics, (size_t)few, VALUES("first")));
	ck_assert_uint_ne(metrics_series(metrics, (size_t)few, VALUES(first)),
	                  metrics_series(metrics, METRIC_CACHE_HITS, VALUES(first)));
	metrics_count(metrics, (size_t)few, VALUES("third"), 1);
	for (int i = 0; i < 3; i++)
		metrics_count_in(metrics, metrics_series(metrics, (size_t)few, VALUES("one too many")), 1);
	const char *text = scrape(METRICS_PROMETHEUS);
	ck_assert_has(text, "few_total{kind=\"first\"} 3\n");
	ck_assert_has(text, "few_total{kind=\"second\"} 6\n");
	ck_assert_has(text, "few_total{kind=\"_overflow\"} 3\n");
	ck_assert_has(text, "vitals_metrics_overflow_total 3\n");
	ck_assert_uint_eq(metrics_series(NULL, (size_t)few, VALUES(first)), SERIES_NONE);
	metrics_count_in(NULL, SERIES_NONE, 1);
}
END_TEST

static void
count_in_child(unsigned slot, bool for_ever)
{
	slot_claim(scoreboard_slot(board, slot), ROLE_WORKER, 1);
	metrics = metrics_create(board, registry, slot);
	for (unsigned i = 0; for_ever || i < EACH; i++) {
		metrics_count(metrics, METRIC_CACHE_OPERATIONS, VALUES("get", i % 2 == 0 ? "hit" : "miss"), 1);
		observe(1e6 * (double)(i % 50), NULL);
	}
	_exit(0);
}

/* By a whole label: neither another label's end nor a longer value is taken for it. */
START_TEST(test_a_part_of_a_metric)
{
	metrics_count(metrics, METRIC_CACHE_OPERATIONS, VALUES("get", "hit"), 3);
	metrics_count(metrics, METRIC_CACHE_OPERATIONS, VALUES("get", "miss"), 4);
	metrics_count(metrics, METRIC_CACHE_OPERATIONS, VALUES("set", "ok"), 5);
	metrics_set(metrics, METRIC_DATABASE_CONNECTIONS, VALUES("connected"), 1);
	ck_assert_uint_eq(metric_total(board, registry, METRIC_CACHE_OPERATIONS), 12);
	ck_assert_uint_eq(metric_total_of(board, registry, METRIC_CACHE_OPERATIONS, "operation=\"get\""), 7);
	ck_assert_uint_eq(metric_total_of(board, registry, METRIC_CACHE_OPERATIONS, "result=\"ok\""), 5);
	ck_assert_uint_eq(metric_total_of(board, registry, METRIC_CACHE_OPERATIONS, "t=\"ok\""), 0);
	ck_assert_uint_eq(metric_total_of(board, registry, METRIC_CACHE_OPERATIONS, "operation=\"ge"), 0);
	ck_assert_uint_eq(metric_total_of(board, registry, METRIC_DATABASE_CONNECTIONS, "state=\"connected\""), 1);
}
END_TEST

/* Over series and processes, also those that have ended; what another histogram has is not in it. */
START_TEST(test_a_histogram_as_a_whole)
{
	struct histogram_total total;
	ck_assert(histogram_total_take(&total, board, registry, METRIC_REQUEST_DURATION));
	ck_assert_uint_eq(total.buckets[0], 0);
	observe(5e6, NULL);
	observe(11e9, NULL);
	metrics_observe(metrics, METRIC_REQUEST_DURATION, VALUES("POST", "/y", "201"),
	                &(struct observation){.value = 6e6});
	metrics_observe(metrics, METRIC_CACHE_DURATION, VALUES("get"), &(struct observation){.value = 1});
	ck_assert(histogram_total_take(&total, board, registry, METRIC_REQUEST_DURATION));
	ck_assert_double_eq(total.bounds[0], 0.005);
	ck_assert_uint_eq(total.buckets[0], 1);
	ck_assert_uint_eq(total.buckets[1], 1);
	ck_assert_uint_eq(total.buckets[total.bound_count], 1);
	if (fork() == 0)
		count_in_child(1, false);
	wait(NULL);
	ck_assert(histogram_total_take(&total, board, registry, METRIC_REQUEST_DURATION));
	uint64_t sum = 0;
	for (size_t i = 0; i <= total.bound_count; i++)
		sum += total.buckets[i];
	ck_assert_uint_eq(sum, 3 + EACH);
}
END_TEST

START_TEST(test_sums_over_processes)
{
	for (unsigned slot = 1; slot < SLOTS; slot++)
		if (fork() == 0)
			count_in_child(slot, false);
	while (wait(NULL) > 0)
		;
	const char *text = scrape(METRICS_PROMETHEUS);
	ck_assert_has(text, "result=\"hit\"} 30000\n");
	ck_assert_has(text, "result=\"miss\"} 30000\n");
	ck_assert_has(text, DURATION "_count{method=\"GET\",route=\"/x/{id}\",status_code=\"200\"} 60000\n");
	/* A successor goes on. */
	if (fork() == 0)
		count_in_child(2, false);
	wait(NULL);
	ck_assert_has(scrape(METRICS_PROMETHEUS), "result=\"hit\"} 40000\n");
}
END_TEST

static unsigned long long
value_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	ck_assert_msg(at != NULL, "no %s", name);
	return strtoull(at + strlen(name), NULL, 10);
}

#define SAID "{method=\"GET\",route=\"/x/{id}\",status_code=\"200\""

/* However often who counts is killed: nothing falls, and the count is what the last bucket says. */
START_TEST(test_kills)
{
	unsigned long long before = 0;
	observe(1, NULL);
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();
		if (pid == 0)
			count_in_child(1, true);
		unsigned long long now = before;
		while (now == before) {
			arena_reset(arena);
			now = value_of(scrape(METRICS_PROMETHEUS), DURATION "_count" SAID "} ");
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		const char *text = scrape(METRICS_PROMETHEUS);
		before = value_of(text, DURATION "_count" SAID "} ");
		ck_assert_uint_ge(before, now);
		ck_assert_uint_eq(value_of(text, DURATION "_bucket" SAID ",le=\"+Inf\"} "), before);
	}
}
END_TEST

START_TEST(test_living)
{
	static const char connected[] = "vitals_database_connections{state=\"connected\"} ";
	metrics_set(metrics, METRIC_DATABASE_CONNECTIONS, VALUES("connected"), 1);
	ck_assert_uint_eq(value_of(scrape(METRICS_PROMETHEUS), connected), 1);
	atomic_store(&scoreboard_service(board)->supervisor, 1);
	slot_release(scoreboard_slot(board, 0));
	ck_assert_uint_eq(value_of(scrape(METRICS_PROMETHEUS), connected), 0);
	/* The next owner has not connected yet. */
	slot_claim(scoreboard_slot(board, 0), ROLE_WORKER, 2);
	struct metrics *next = metrics_create(board, registry, 0);
	ck_assert_uint_eq(value_of(scrape(METRICS_PROMETHEUS), connected), 0);
	metrics_destroy(next);
}
END_TEST

START_TEST(test_off)
{
	metrics_count(NULL, METRIC_OVERFLOW, NULL, 1);
	metrics_set(NULL, (size_t)gauge, NULL, 1);
	metrics_observe(NULL, (size_t)reals, NULL, &(struct observation){.value = 1});
	ck_assert_ptr_null(metrics_cell(NULL, METRIC_OVERFLOW, NULL));
	metrics_destroy(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("metrics");
	TCase *tc = tcase_create("metrics");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_histogram);
	tcase_add_test(tc, test_openmetrics);
	tcase_add_test(tc, test_reals);
	tcase_add_test(tc, test_label_values);
	tcase_add_test(tc, test_overflow_of_a_metric);
	tcase_add_test(tc, test_overflow_of_all);
	tcase_add_test(tc, test_series_of_constants);
	tcase_add_test(tc, test_a_part_of_a_metric);
	tcase_add_test(tc, test_a_histogram_as_a_whole);
	tcase_add_test(tc, test_sums_over_processes);
	tcase_add_test(tc, test_kills);
	tcase_add_test(tc, test_living);
	tcase_add_test(tc, test_off);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
