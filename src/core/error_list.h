/* error_list.h - a copy of the table of errors, in order: for vitalsctl and /status. */
#ifndef CORE_ERROR_LIST_H
#define CORE_ERROR_LIST_H

#include "error_table.h"

struct jsonw;

enum error_order { ERRORS_BY_COUNT, ERRORS_BY_LAST };

struct error_list {
	struct error_totals totals;
	unsigned count; /* of rows */
	struct error_row rows[ERRORS_MAX];
};

/* A copy in that order, cut after limit rows. */
void error_list_take(struct error_list *list, const struct error_table *table, enum error_order order, unsigned limit);
/* The rows as an array, an object an error. */
void error_list_write(struct jsonw *w, const struct error_list *list);

#endif
