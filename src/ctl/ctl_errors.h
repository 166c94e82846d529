/* ctl_errors.h - the errors that there were, for people and for programs. */
#ifndef CTL_CTL_ERRORS_H
#define CTL_CTL_ERRORS_H

#include <stdint.h>
#include <stdio.h>

#include "error_table.h"

struct err;
struct jsonw;

enum ctl_order { CTL_BY_COUNT, CTL_BY_LAST };

struct ctl_errors {
	struct error_totals totals;
	unsigned count; /* of rows */
	struct error_row rows[ERRORS_MAX];
};

/* A copy in that order, cut after limit rows. */
void ctl_errors_take(struct ctl_errors *errors, const struct error_table *table, enum ctl_order order, unsigned limit);
/* Two lines an error, within 100 columns; ages are counted back from now_ns (real time). */
void ctl_show_errors_text(const struct ctl_errors *errors, int64_t now_ns, FILE *out);
int ctl_show_errors_json(const struct ctl_errors *errors, FILE *out, struct err *err);

#endif
