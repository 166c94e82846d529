/*
 * setting_check.h - what a text in a setting must look like beyond its type.
 *
 * Each looks at one text (of a list: one item) and returns 0, or -1 with a sentence that says what is
 * allowed. Pure: nothing is opened, resolved or asked of the system. Those for secrets do not quote the text.
 */
#ifndef CORE_SETTING_CHECK_H
#define CORE_SETTING_CHECK_H

struct err;

typedef int setting_check_fn(const char *text, struct err *err);

setting_check_fn setting_check_printable;    /* without control characters */
setting_check_fn setting_check_address;      /* address.h */
setting_check_fn setting_check_path;         /* absolute */
setting_check_fn setting_check_log_file;     /* log_destination.h */
setting_check_fn setting_check_account;      /* the name or number of a user or group */
setting_check_fn setting_check_owner;        /* "user" or "user:group" */
setting_check_fn setting_check_field_name;   /* of a log field or parameter */
setting_check_fn setting_check_health_check; /* "database", "cache", "memory", "disk", "disk:/path" */
setting_check_fn setting_check_admin_allow;  /* "loopback", "all", an address or block of addresses */
setting_check_fn setting_check_command;      /* command_words.h */
setting_check_fn setting_check_token;        /* visible ASCII: it travels in a header */
setting_check_fn setting_check_database_url;
setting_check_fn setting_check_redis_url;

#endif
