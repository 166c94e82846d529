/* ctl_errors.h - the errors that there were, for people and for programs. */
#ifndef CTL_CTL_ERRORS_H
#define CTL_CTL_ERRORS_H

#include <stdint.h>
#include <stdio.h>

#include "error_list.h"

struct err;

/* Two lines an error, within 100 columns; ages are counted back from now_ns (real time). */
void ctl_show_errors_text(const struct error_list *errors, int64_t now_ns, FILE *out);
int ctl_show_errors_json(const struct error_list *errors, FILE *out, struct err *err);

#endif
