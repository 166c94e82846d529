/* text_list.h - a few texts in order: the value of a setting that takes several. */
#ifndef CORE_TEXT_LIST_H
#define CORE_TEXT_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct text_list {
	size_t count;
	char **items;
};

/* Splits at commas, trims blanks, leaves out empty parts. 0, or -1 for want of memory. */
int text_list_split(struct text_list *list, const char *text);
bool text_list_has(const struct text_list *list, const char *item);
void text_list_fini(struct text_list *list);

#endif
