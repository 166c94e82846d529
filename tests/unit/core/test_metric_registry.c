/* test_metric_registry.c - the built-in table keeps its rules; what a module may not declare, and in which words. */
#include <check.h>
#include <string.h>

#include "err.h"
#include "metric_registry.h"
#include "run_suite.h"

static struct metric_registry *registry;

static void
setup(void)
{
	registry = metric_registry_create();
	ck_assert_ptr_nonnull(registry);
}

static void
teardown(void)
{
	metric_registry_destroy(registry);
}

static bool
has_suffix(const char *text, const char *suffix)
{
	size_t size = strlen(text), suffix_size = strlen(suffix);
	return size > suffix_size && strcmp(text + size - suffix_size, suffix) == 0;
}

/* By the very checks that a module's metrics pass, each after those before it. */
START_TEST(test_table)
{
	for (size_t i = 0; i < METRICS_BUILT_IN; i++) {
		const struct metric_def *def = &metric_table[i];
		ck_assert_msg(def->name != NULL, "metric %zu is missing", i);
		ck_assert_msg(def->help[strlen(def->help) - 1] == '.', "%s: its help is no sentence", def->name);
		ck_assert_int_eq((def->type == METRIC_COUNTER), has_suffix(def->name, "_total"));
		if (def->unit == METRIC_SECONDS)
			ck_assert_msg(strstr(def->name, "_seconds") != NULL, "%s: no unit", def->name);
		if (def->unit == METRIC_BYTES)
			ck_assert_msg(has_suffix(def->name, "_bytes"), "%s: no unit", def->name);
		ck_assert_int_eq(def->bound_count > 0, def->type == METRIC_HISTOGRAM);
		ck_assert_uint_le(def->bound_count, METRIC_BOUNDS);
		for (size_t k = 1; k < def->bound_count; k++)
			ck_assert(def->bounds[k] > def->bounds[k - 1]);
		for (size_t k = 0; k < i; k++) {
			ck_assert_str_ne(metric_table[k].name, def->name);
			ck_assert_uint_ne(metric_registry_at(registry, k)->shape,
			                  metric_registry_at(registry, i)->shape);
		}
	}
	ck_assert_uint_eq(metric_registry_count(registry), METRICS_BUILT_IN);
}
END_TEST

START_TEST(test_raw_bounds)
{
	const struct metric *metric = metric_registry_at(registry, METRIC_REQUEST_DURATION);
	ck_assert_double_eq(metric->raw_bounds[0], 5e6);
	ck_assert_double_eq(metric->raw_bounds[13], 1e10);
	ck_assert_uint_eq(metric->label_count, 3);
}
END_TEST

static const double rising[] = {1, 2}, negative[] = {-1, 2}, falling[] = {2, 1}, many[METRIC_BOUNDS + 1] = {1, 2};

START_TEST(test_refused)
{
	static const struct {
		struct metric_def def;
		const char *why;
	} table[] = {
		{{.name = "", .help = "x."}, "is none"},
		{{.name = "1a", .help = "x."}, "is none"},
		{{.name = "a-b", .help = "x."}, "is none"},
		{{.name = "a\n", .help = "x."}, "is none"},
		{{.name = NULL, .help = "x."}, "is none"},
		{{.name = "orders", .help = "x.", .type = METRIC_COUNTER}, "ends in _total"},
		{{.name = "orders_total", .help = "x.", .type = METRIC_GAUGE}, "ends in _total"},
		{{.name = "orders_count", .help = "x.", .type = METRIC_GAUGE}, "made by Prometheus"},
		{{.name = "vitals_ready", .help = "x.", .type = METRIC_GAUGE}, "already"},
		{{.name = "vitals_reloads", .help = "x.", .type = METRIC_GAUGE}, "already"},
		{{.name = "orders", .type = METRIC_GAUGE}, "no help"},
		{{.name = "orders", .help = "", .type = METRIC_GAUGE}, "no help"},
		{{.name = "orders", .help = "x.", .type = METRIC_GAUGE, .labels = {"le"}}, "its label"},
		{{.name = "orders", .help = "x.", .type = METRIC_GAUGE, .labels = {"__a"}}, "its label"},
		{{.name = "orders", .help = "x.", .type = METRIC_GAUGE, .labels = {"a b"}}, "its label"},
		{{.name = "orders", .help = "x.", .type = METRIC_GAUGE, .labels = {"a", "a"}}, "twice"},
		{{.name = "orders", .help = "x.", .type = METRIC_HISTOGRAM}, "buckets"},
		{{.name = "orders", .help = "x.", .type = METRIC_HISTOGRAM, .bounds = falling, .bound_count = 2},
	         "buckets"},
		{{.name = "orders", .help = "x.", .type = METRIC_HISTOGRAM, .bounds = negative, .bound_count = 2},
	         "buckets"},
		{{.name = "orders", .help = "x.", .type = METRIC_HISTOGRAM, .bounds = many, .bound_count = 15},
	         "buckets"},
		{{.name = "orders", .help = "x.", .type = METRIC_GAUGE, .bounds = rising, .bound_count = 2}, "buckets"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct err err = {.text = ""};
		ck_assert_msg(metric_registry_add(registry, &table[i].def, &err) == -1, "row %zu was taken", i);
		ck_assert_msg(strstr(err.text, table[i].why) != NULL, "row %zu: %s", i, err.text);
	}
	ck_assert_uint_eq(metric_registry_count(registry), METRICS_BUILT_IN);
}
END_TEST

/* The texts are the registry's own, and the shape tells definitions apart. */
START_TEST(test_added)
{
	char name[] = "orders_total", help[] = "Orders.", label[] = "kind";
	struct err err;
	int number = metric_registry_add(registry, &(struct metric_def){.name = name, .help = help, .labels = {label}},
	                                 &err);
	ck_assert_int_eq(number, METRICS_BUILT_IN);
	memset(name, 'x', sizeof name - 1);
	memset(label, 'x', sizeof label - 1);
	const struct metric *metric = metric_registry_at(registry, (size_t)number);
	ck_assert_str_eq(metric->def.name, "orders_total");
	ck_assert_str_eq(metric->def.labels[0], "kind");
	uint64_t shape = metric->shape;
	struct metric_registry *other = metric_registry_create();
	struct metric_def def = {.name = "orders_total", .help = "Said better.", .labels = {"kind"}};
	ck_assert_int_eq(metric_registry_add(other, &def, &err), METRICS_BUILT_IN);
	ck_assert_uint_eq(metric_registry_at(other, METRICS_BUILT_IN)->shape, shape);
	metric_registry_destroy(other);
	other = metric_registry_create();
	def.labels[0] = "sort";
	ck_assert_int_eq(metric_registry_add(other, &def, &err), METRICS_BUILT_IN);
	ck_assert_uint_ne(metric_registry_at(other, METRICS_BUILT_IN)->shape, shape);
	metric_registry_destroy(other);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("metric_registry");
	TCase *tc = tcase_create("metric_registry");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_table);
	tcase_add_test(tc, test_raw_bounds);
	tcase_add_test(tc, test_refused);
	tcase_add_test(tc, test_added);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
