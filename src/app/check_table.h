/*
 * check_table.h - the kinds of checks; one declaration for each check_*.c.
 */
#ifndef APP_CHECK_TABLE_H
#define APP_CHECK_TABLE_H

#include "check_kind.h"

extern const struct check_kind check_database, check_cache, check_memory, check_disk;
/* Those that CHECKS declares. */
extern const struct check_kind check_connect, check_http, check_fastcgi, check_file, check_certificate, check_pressure,
	check_postgres, check_redis, check_command;

/* The kinds in the order in which their results are shown; NULL past the last. */
const struct check_kind *check_table_kind(size_t n);

#endif
