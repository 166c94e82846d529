/* test_plain.c - every byte at every place of texts of every size that is looked at in another way. */
#include "plain.h"

#include <check.h>
#include <stdlib.h>

#include "run_suite.h"

#define SIZES 50

static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

START_TEST(tells_every_byte_everywhere)
{
	for (size_t size = 0; size < SIZES; size++) {
		/* Of its own size, so that a look past its end is seen by a sanitizer. */
		char *text = malloc(size > 0 ? size : 1);
		ck_assert_ptr_nonnull(text);
		for (int fill = ' '; fill <= '~'; fill += '~' - ' ') {
			memset(text, fill, size);
			ck_assert(plain_text(text, size));
			for (size_t at = 0; at < size; at++) {
				for (int c = 0; c < 256; c++) {
					text[at] = (char)c;
					if (plain_text(text, size) != is_plain((unsigned char)c))
						ck_abort_msg("%#x at %zu of %zu", c, at, size);
				}
				text[at] = (char)fill;
			}
		}
		free(text);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("plain");
	TCase *tcase = tcase_create("plain");
	tcase_add_test(tcase, tells_every_byte_everywhere);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
