/*
 * check_spec.h - a check that is declared in the setting CHECKS, with no code.
 *
 *   NAME=TARGET[;option=value]…          for example  backup=file:/var/backups/db.dump;warn=26h;fail=50h
 *
 * The target begins with the kind. A ',' or ';' inside of a target or value is written %2C or %3B, a '%' %25; of an
 * http: or fastcgi: path they stay as they are. Parsed and proved once at the start; never resolves a name.
 */
#ifndef CORE_CHECK_SPEC_H
#define CORE_CHECK_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"

struct err;
struct strbuf;

enum check_spec_kind {
	SPEC_CONNECT,     /* tcp:127.0.0.1:25, unix:/run/x.sock */
	SPEC_HTTP,        /* http://127.0.0.1:8080/health */
	SPEC_FASTCGI,     /* fastcgi:unix:/run/php.sock, fastcgi:tcp:127.0.0.1:9000 */
	SPEC_FILE,        /* file:/var/backups/db.dump; may hold a pattern, glob(7) */
	SPEC_CERTIFICATE, /* certificate:/etc/ssl/site.pem */
	SPEC_PRESSURE,    /* pressure:cpu, pressure:memory, pressure:io */
	SPEC_POSTGRES,    /* postgres:lag, postgres:connections */
	SPEC_REDIS,       /* redis:memory, redis:role */
	SPEC_COMMAND,     /* command:/usr/lib/nagios/plugins/check_load -w 4 */
	SPEC_KINDS
};

/* What a check's bounds count. */
enum check_unit { UNIT_MS, UNIT_PERCENT, UNIT_COUNT };

/* The subject of postgres: and redis: checks; pressure's are those of enum pressure_resource. */
enum check_subject { SUBJECT_LAG, SUBJECT_CONNECTIONS };
enum check_redis_subject { SUBJECT_MEMORY, SUBJECT_ROLE };
enum check_role { CHECK_ROLE_PRIMARY, CHECK_ROLE_REPLICA };

#define CHECK_NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_-"
#define CHECK_SPEC_NAME_BYTES 64
#define CHECK_SPEC_TEXT_BYTES 1024
#define CHECK_SPEC_NO_BOUND INT64_C(-1)

struct check_spec {
	enum check_spec_kind kind;
	enum check_unit unit;
	bool less_is_worse; /* the bounds are the least that is well */
	char name[CHECK_SPEC_NAME_BYTES];
	uint64_t identity; /* of the whole text: another check has another one */
	struct address address;
	char target[CHECK_SPEC_TEXT_BYTES]; /* behind the kind: a path, a pattern, a command, host:port for http */
	char path[CHECK_SPEC_TEXT_BYTES];   /* what http and fastcgi ask for */
	char script[CHECK_SPEC_TEXT_BYTES]; /* fastcgi: SCRIPT_FILENAME; empty: the path */
	char host[256];
	char contains[256];
	char url[CHECK_SPEC_TEXT_BYTES]; /* empty: DATABASE_URL or REDIS_URL */
	int64_t warn, fail;              /* in unit; CHECK_SPEC_NO_BOUND: there is none */
	int64_t status;                  /* the code that is well */
	int64_t replicas;                /* that a primary must have */
	int64_t every_ms, timeout_ms;    /* of a command */
	int subject, role;
	bool full; /* pressure: all tasks wait, not some */
};

/* 0, or -1 with a sentence that names check and option and says what is allowed. It holds no value of url. */
int check_spec_parse(struct check_spec *spec, const char *text, struct err *err);
/* The name alone, also of a text that is otherwise wrong. False: there is none. */
bool check_spec_name(const char *text, char name[CHECK_SPEC_NAME_BYTES]);
/* A value as people say it: "26h", "80 %", "3". */
void check_spec_write_value(struct strbuf *out, enum check_unit unit, int64_t value);

#endif
