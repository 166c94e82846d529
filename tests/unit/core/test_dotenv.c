/* test_dotenv.c - the grammar of .env files, and that what is written reads back. */
#include "dotenv.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "err.h"
#include "run_suite.h"
#include "strbuf.h"

static struct arena *arena;
static struct strbuf seen; /* "1:NAME=<value>" or "1:!sentence", a line each */

static void
setup(void)
{
	arena = arena_create(4096, (size_t)64 << 20);
	strbuf_init_arena(&seen, arena, 256);
}

static void
teardown(void)
{
	arena_destroy(arena);
}

static void
take_entry(void *context, const struct dotenv_entry *entry)
{
	strbuf_printf(context, "%u:%s=<%s>\n", entry->line, entry->name, entry->value);
}

static void
take_fault(void *context, unsigned line, const char *sentence)
{
	strbuf_printf(context, "%u:!%s\n", line, sentence);
}

static const char *
parsed(const char *text, size_t size)
{
	struct strbuf file;
	strbuf_init_arena(&file, arena, size + 1);
	strbuf_append(&file, text, size);
	strbuf_reset(&seen);
	dotenv_parse(arena, &file,
	             &(struct dotenv_handler){.entry = take_entry, .fault = take_fault, .context = &seen});
	ck_assert(!seen.failed);
	return seen.data;
}

static const struct {
	const char *text, *reads;
} good[] = {
	{"", ""},
	{"\n\n  \t\n# comment\n   # comment A=b\n", ""},
	{"A=b", "1:A=<b>\n"},
	{"A=b\n", "1:A=<b>\n"},
	{"A=b\r\nB=c\r\n", "1:A=<b>\n2:B=<c>\n"},
	{"\xEF\xBB\xBF"
         "A=b\n",
         "1:A=<b>\n"},
	{"A=\n", "1:A=<>\n"},
	{"A=   \n", "1:A=<>\n"},
	{"  A = b c  \n", "1:A=<b c>\n"},
	{"export A=b\n", "1:A=<b>\n"},
	{"\texport\tA=b\n", "1:A=<b>\n"},
	{"export=b\n", "1:export=<b>\n"},
	{"_a9=b\n", "1:_a9=<b>\n"},
	{"A=b # comment\n", "1:A=<b>\n"},
	{"A=b\t# comment\n", "1:A=<b>\n"},
	{"A=b#c\n", "1:A=<b#c>\n"},
	{"A=#b\n", "1:A=<#b>\n"},
	{"A= # nothing\n", "1:A=<>\n"},
	{"A=b=c\n", "1:A=<b=c>\n"},
	{"A=it's \"so\"\n", "1:A=<it's \"so\">\n"},
	{"A=$HOME ${X} \\n\n", "1:A=<$HOME ${X} \\n>\n"},
	{"A='b c' # d\n", "1:A=<b c>\n"},
	{"A='$x \\n \"# '\n", "1:A=<$x \\n \"# >\n"},
	{"A=''\n", "1:A=<>\n"},
	{"A=\"b # c\"   \n", "1:A=<b # c>\n"},
	{"A=\"\\n\\t\\\"\\\\\\$\"\n", "1:A=<\n\t\"\\$>\n"},
	{"A=\"$x it's\"\n", "1:A=<$x it's>\n"},
	{"A=\"\" # c\n", "1:A=<>\n"},
	{"A=1\nA=2\n", "1:A=<1>\n2:A=<2>\n"},
	{"A=\xff\xc3\xa4\n", "1:A=<\xff\xc3\xa4>\n"},
};

START_TEST(reads)
{
	ck_assert_str_eq(parsed(good[_i].text, strlen(good[_i].text)), good[_i].reads);
}
END_TEST

static const struct {
	const char *text;
	const char *says;
} bad[] = {
	{"A", "NAME=value"},
	{"A b=c", "NAME=value"},
	{"=b", "NAME=value"},
	{"9A=b", "NAME=value"},
	{"A-B=c", "NAME=value"},
	{"\xc3\xa4=c", "NAME=value"},
	{"export", "NAME=value"},
	{"export ", "NAME=value"},
	{"export A", "NAME=value"},
	{"A='b", "single quote"},
	{"A='", "single quote"},
	{"A=\"b", "double quote"},
	{"A=\"", "double quote"},
	{"A=\"b\\\"", "double quote"},
	{"A=\"b\\", "backslash"},
	{"A=\"\\x41\"", "backslash"},
	{"A='b'c", "closing quote"},
	{"A='b'#c", "closing quote"},
	{"A=\"b\" c", "closing quote"},
	{"A='b' 'c'", "closing quote"},
};

/* The lines around a wrong one are read all the same. */
START_TEST(refuses)
{
	char text[128];
	snprintf(text, sizeof text, "X=1\n%s\nY=2", bad[_i].text);
	const char *got = parsed(text, strlen(text));
	ck_assert_msg(strncmp(got, "1:X=<1>\n2:!", 11) == 0, "%s: %s", bad[_i].text, got);
	ck_assert_msg(strstr(got, bad[_i].says) != NULL, "%s: %s", bad[_i].text, got);
	ck_assert_msg(strstr(got, ".\n3:Y=<2>\n") != NULL, "%s: %s", bad[_i].text, got);
}
END_TEST

START_TEST(refuses_nul)
{
	ck_assert_str_eq(parsed("A=1\nB=\0002\nC=3\n", 13), "1:A=<1>\n2:!The line holds a NUL byte.\n3:C=<3>\n");
	ck_assert_str_eq(parsed("\0", 1), "1:!The line holds a NUL byte.\n");
}
END_TEST

static const char *const values[] = {
	"",   "plain", "a b", " a ", "a#b", "#a",   "a #b",     "it's", "\"q\"", "'",   "a\nb", "\n", "it's\n\"$x\\\"",
	"$x", "\\",    "\t",  "a\r", "\r",  "\xff", "\xc3\xa4", "a=b",  "`x`",   "'\"", "  ",
};

START_TEST(reads_back_what_it_writes)
{
	struct strbuf text, want;
	strbuf_init_arena(&text, arena, 64);
	strbuf_init_arena(&want, arena, 64);
	strbuf_puts(&text, "A=");
	dotenv_write_value(&text, values[_i]);
	strbuf_puts(&text, "  # from somewhere\r\n");
	strbuf_printf(&want, "1:A=<%s>\n", values[_i]);
	ck_assert_str_eq(parsed(text.data, text.length), want.data);
}
END_TEST

static char path[64];

static void
make_file(size_t size)
{
	strcpy(path, "/tmp/test_dotenv.XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

START_TEST(reads_files_up_to_their_bound)
{
	struct strbuf text;
	struct err err = {""};
	make_file(DOTENV_MAX_BYTES);
	ck_assert_int_eq(dotenv_read(arena, path, &text, &err), 0);
	ck_assert_uint_eq(text.length, DOTENV_MAX_BYTES);
	ck_assert_int_eq(truncate(path, (off_t)DOTENV_MAX_BYTES + 1), 0);
	ck_assert_int_eq(dotenv_read(arena, path, &text, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "1 MiB"));
	unlink(path);
}
END_TEST

START_TEST(says_why_a_file_cannot_be_read)
{
	struct strbuf text;
	struct err err = {""};
	ck_assert_int_eq(dotenv_read(arena, "/nowhere/at/all", &text, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "No such file"));
	ck_assert_int_eq(dotenv_read(arena, "/tmp", &text, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "directory"));
	ck_assert_int_eq(dotenv_read(arena, "/dev/zero", &text, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "1 MiB"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dotenv");
	TCase *tcase = tcase_create("dotenv");
	tcase_add_loop_test(tcase, reads, 0, sizeof good / sizeof good[0]);
	tcase_add_loop_test(tcase, refuses, 0, sizeof bad / sizeof bad[0]);
	tcase_add_test(tcase, refuses_nul);
	tcase_add_loop_test(tcase, reads_back_what_it_writes, 0, sizeof values / sizeof values[0]);
	tcase_add_test(tcase, reads_files_up_to_their_bound);
	tcase_add_test(tcase, says_why_a_file_cannot_be_read);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
