/*
 * check_bounds.h - what a measured value means under a declared check's warn and fail.
 */
#ifndef APP_CHECK_BOUNDS_H
#define APP_CHECK_BOUNDS_H

#include "check_kind.h"
#include "check_spec.h"

/*
 * Sets status and text: healthy, or as in "unhealthy: answered after 700ms; fail is 500ms". said is a format for the
 * value as people say it, with one %s in it.
 */
void check_judge(const struct check_spec *spec, const char *said, int64_t value, struct check_result *result);

#endif
