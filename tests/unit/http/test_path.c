/* test_path.c - splitting, decoding once, dot segments, encoded slashes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "path.h"
#include "run_suite.h"

/* segments are joined by '|', so that a slash inside one can be seen; NULL: refused. */
static const struct {
	const char *text, *segments, *joined;
} cases[] = {
	{"/", "", "/"},
	{"/a", "a", "/a"},
	{"/a/", "a|", "/a/"},
	{"/a/b/c", "a|b|c", "/a/b/c"},
	{"//", "|", "//"},
	{"//a//b", "|a||b", "//a//b"},
	/* Decoding, once */
	{"/a%20b", "a b", "/a b"},
	{"/a+b", "a+b", "/a+b"},
	{"/%41%7a", "Az", "/Az"},
	{"/100%25", "100%", "/100%"},
	{"/%2525", "%25", "/%25"},
	{"/%252e%252e/x", "%2e%2e|x", "/%2e%2e/x"},
	{"/%C3%A4", "\xc3\xa4", "/\xc3\xa4"},
	{"/\xc3\xa4", "\xc3\xa4", "/\xc3\xa4"},
	{"/%ff", "\xff", "/\xff"},
	{"/a%0Ab", "a\nb", "/a\nb"},
	{"/a?b", "a?b", "/a?b"},
	{"/a%3Fb%23", "a?b#", "/a?b#"},
	/* Dot segments, RFC 3986 section 5.2.4 */
	{"/.", "", "/"},
	{"/./", "", "/"},
	{"/./a", "a", "/a"},
	{"/a/.", "a|", "/a/"},
	{"/a/./b", "a|b", "/a/b"},
	{"/a/..", "", "/"},
	{"/a/../", "", "/"},
	{"/a/../b", "b", "/b"},
	{"/a/b/../../c", "c", "/c"},
	{"/a/b/..", "a|", "/a/"},
	{"/a//../b", "a|b", "/a/b"},
	{"/mid/content=5/../6", "mid|6", "/mid/6"},
	{"/...", "...", "/..."},
	{"/.a/..b/c..", ".a|..b|c..", "/.a/..b/c.."},
	{"/a/..;x=1/b", "a|..;x=1|b", "/a/..;x=1/b"},
	/* Encoded ones are dot segments as well */
	{"/%2e/a", "a", "/a"},
	{"/a/%2e%2e/b", "b", "/b"},
	{"/a/%2E./b", "b", "/b"},
	{"/a/.%2e", "", "/"},
	/* Above the root */
	{"/..", NULL, NULL},
	{"/../", NULL, NULL},
	{"/../etc/passwd", NULL, NULL},
	{"/a/../../etc", NULL, NULL},
	{"/./../a", NULL, NULL},
	{"/%2e%2e/etc", NULL, NULL},
	{"/%2E%2E", NULL, NULL},
	{"/.%2e/a", NULL, NULL},
	{"/a/%2e%2e/%2e%2e/b", NULL, NULL},
	/* Encoded slashes are data, but not a way up */
	{"/a%2Fb", "a/b", "/a%2Fb"},
	{"/a%2fb/c", "a/b|c", "/a%2Fb/c"},
	{"/%2F", "/", "/%2F"},
	{"/%2F%2Fa", "//a", "/%2F%2Fa"},
	{"/a%2F./b", "a/.|b", "/a%2F./b"},
	{"/a%2F..b", "a/..b", "/a%2F..b"},
	{"/x/..%2Fetc", NULL, NULL},
	{"/x/%2e%2e%2fetc%2fpasswd", NULL, NULL},
	{"/x/a%2F..", NULL, NULL},
	{"/x/a%2F..%2Fb", NULL, NULL},
	{"/x/%2F..", NULL, NULL},
	{"/..%2f..%2f..%2fetc/passwd", NULL, NULL},
	{"/x/..%252fetc", "x|..%2fetc", "/x/..%2fetc"},
	{"/x/..%5cetc", "x|..\\etc", "/x/..\\etc"},
	{"/x/%c0%ae%c0%ae/y", "x|\xc0\xae\xc0\xae|y", "/x/\xc0\xae\xc0\xae/y"},
	/* Malformed */
	{"", NULL, NULL},
	{"a", NULL, NULL},
	{"*", NULL, NULL},
	{"/%", NULL, NULL},
	{"/%4", NULL, NULL},
	{"/a%", NULL, NULL},
	{"/%zz", NULL, NULL},
	{"/%4/1", NULL, NULL},
	{"/%u0041", NULL, NULL},
	{"/%00", NULL, NULL},
	{"/a%00b", NULL, NULL},
	{"/a/b%00/..", NULL, NULL},
	{"/%zz/..", NULL, NULL},
	{"/a\nb", NULL, NULL},
	{"/a\x1b[0m", NULL, NULL},
	{"/a\x7f", NULL, NULL},
	{"/a#b", NULL, NULL},
};

static void
join_with_bars(const struct path *path, char *out)
{
	out[0] = '\0';
	for (size_t i = 0; i < path->count; i++) {
		if (i > 0)
			strcat(out, "|");
		strcat(out, path->segments[i]);
	}
}

START_TEST(raw_paths)
{
	struct arena *arena = arena_create(4096, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct path path;
		enum vt_result result = path_parse(&path, arena, cases[i].text, PATH_RAW);
		if (cases[i].segments == NULL) {
			ck_assert_msg(result == VT_BAD_INPUT, "\"%s\" was taken", cases[i].text);
			ck_assert_uint_eq(path.count, 0);
		} else {
			char bars[256];
			ck_assert_msg(result == VT_OK, "\"%s\" was refused", cases[i].text);
			join_with_bars(&path, bars);
			ck_assert_str_eq(bars, cases[i].segments);
			ck_assert_str_eq(path_join(&path, arena), cases[i].joined);
		}
		arena_reset(arena);
	}
	arena_destroy(arena);
}
END_TEST

START_TEST(decoded_paths_are_not_decoded_again)
{
	static const struct {
		const char *text, *joined;
	} decoded[] = {
		{"/a%20b", "/a%20b"}, {"/50%", "/50%"},     {"/%2e%2e/x", "/%2e%2e/x"},
		{"/a/../b", "/b"},    {"/a#b\n", "/a#b\n"}, {"/..", NULL},
		{"a", NULL},
	};
	struct arena *arena = arena_create(4096, 65536);
	for (size_t i = 0; i < sizeof decoded / sizeof decoded[0]; i++) {
		struct path path;
		enum vt_result result = path_parse(&path, arena, decoded[i].text, PATH_DECODED);
		ck_assert_int_eq(result, decoded[i].joined != NULL ? VT_OK : VT_BAD_INPUT);
		if (result == VT_OK)
			ck_assert_str_eq(path_join(&path, arena), decoded[i].joined);
	}
	arena_destroy(arena);
}
END_TEST

START_TEST(mount_points)
{
	static const struct {
		const char *path, *mount;
		enum path_below below;
		const char *left;
	} mounts[] = {
		{"/a/b", "", PATH_BELOW, "/a/b"},
		{"/a/b", "/", PATH_BELOW, "/a/b"},
		{"/", "", PATH_BELOW, "/"},
		{"/", "/", PATH_IS_MOUNT, "/"},
		{"/a/b", "/a", PATH_BELOW, "/b"},
		{"/a/b", "/a/", PATH_BELOW, "/b"},
		{"/a/b/", "/a", PATH_BELOW, "/b/"},
		{"/a", "/a", PATH_IS_MOUNT, "/"},
		{"/a/", "/a", PATH_BELOW, "/"},
		{"/a/", "/a/", PATH_IS_MOUNT, "/"},
		{"/ab", "/a", PATH_NOT_BELOW, NULL},
		{"/a", "/ab", PATH_NOT_BELOW, NULL},
		{"/a", "/a/b", PATH_NOT_BELOW, NULL},
		{"/b/a", "/a", PATH_NOT_BELOW, NULL},
		{"/A/b", "/a", PATH_NOT_BELOW, NULL},
		{"/a%2Fb", "/a", PATH_NOT_BELOW, NULL},
		{"//a/b", "/a", PATH_NOT_BELOW, NULL},
	};
	struct arena *arena = arena_create(4096, 65536);
	for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
		struct path path;
		ck_assert_int_eq(path_parse(&path, arena, mounts[i].path, PATH_RAW), VT_OK);
		ck_assert_msg(path_compare(&path, mounts[i].mount) == mounts[i].below, "case %zu", i);
		if (mounts[i].below == PATH_NOT_BELOW)
			continue;
		path_unmount(&path, mounts[i].mount);
		ck_assert_str_eq(path_join(&path, arena), mounts[i].left);
	}
	arena_destroy(arena);
}
END_TEST

START_TEST(no_memory)
{
	struct arena *arena = arena_create(16, 16);
	struct path path;
	ck_assert_int_eq(path_parse(&path, arena, "/a/b/c/d/e/f/g/h/i/j", PATH_RAW), VT_NO_MEMORY);
	arena_destroy(arena);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("path");
	TCase *tc = tcase_create("path");
	tcase_add_test(tc, raw_paths);
	tcase_add_test(tc, decoded_paths_are_not_decoded_again);
	tcase_add_test(tc, mount_points);
	tcase_add_test(tc, no_memory);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
