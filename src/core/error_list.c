/* error_list.c - see error_list.h. Reads the table without anybody's help; whoever writes it goes on. */
#include "error_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "jsonw.h"
#include "jsonw_member.h"

static int
compare_last(const void *a, const void *b)
{
	const struct error_row *x = a, *y = b;
	return (x->last_ns < y->last_ns) - (x->last_ns > y->last_ns);
}

static int
compare_count(const void *a, const void *b)
{
	const struct error_row *x = a, *y = b;
	return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : compare_last(a, b);
}

void
error_list_take(struct error_list *list, const struct error_table *table, enum error_order order, unsigned limit)
{
	list->totals = error_table_totals(table);
	list->count = error_table_copy(table, list->rows);
	qsort(list->rows, list->count, sizeof list->rows[0], order == ERRORS_BY_LAST ? compare_last : compare_count);
	if (list->count > limit)
		list->count = limit;
}

static void
write_row(struct jsonw *w, const struct error_row *row)
{
	char fingerprint[17];
	snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, row->fingerprint);
	jsonw_begin_object(w);
	jsonw_member_string(w, "fingerprint", fingerprint);
	jsonw_member_uint(w, "count", row->count);
	jsonw_member_time(w, "first_seen", row->first_ns);
	jsonw_member_time(w, "last_seen", row->last_ns);
	jsonw_member_string(w, "last_correlation_id", row->correlation_id);
	jsonw_member_string(w, "level", row->kind.level);
	jsonw_member_string(w, "message", row->kind.message);
	jsonw_member_string(w, "code", row->kind.code);
	jsonw_member_string(w, "route", row->kind.route);
	jsonw_member_string(w, "place", row->kind.place);
	jsonw_end_object(w);
}

void
error_list_write(struct jsonw *w, const struct error_list *list)
{
	jsonw_begin_array(w);
	for (unsigned i = 0; i < list->count; i++)
		write_row(w, &list->rows[i]);
	jsonw_end_array(w);
}
