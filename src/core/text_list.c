/* text_list.c - splits "a, b,c" into its parts. Used for the settings that take several values. */
#include "text_list.h"

#include <stdlib.h>
#include <string.h>

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t
parts_at_most(const char *text)
{
	size_t count = 1;
	for (; *text != '\0'; text++)
		if (*text == ',')
			count++;
	return count;
}

/* Adds a copy of the part without the blanks around it; an empty one is left out. */
static int
add(struct text_list *list, const char *part, size_t size)
{
	while (size > 0 && blank(part[0])) {
		part++;
		size--;
	}
	while (size > 0 && blank(part[size - 1]))
		size--;
	if (size == 0)
		return 0;
	char *copy = strndup(part, size);
	if (copy == NULL)
		return -1;
	list->items[list->count++] = copy;
	return 0;
}

int
text_list_split(struct text_list *list, const char *text)
{
	*list = (struct text_list){0};
	list->items = calloc(parts_at_most(text), sizeof *list->items);
	if (list->items == NULL)
		return -1;
	for (;;) {
		size_t size = strcspn(text, ",");
		if (add(list, text, size) != 0) {
			text_list_fini(list);
			return -1;
		}
		if (text[size] == '\0')
			return 0;
		text += size + 1;
	}
}

bool
text_list_has(const struct text_list *list, const char *item)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], item) == 0)
			return true;
	return false;
}

void
text_list_fini(struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct text_list){0};
}
