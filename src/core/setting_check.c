/* setting_check.c - the checks that the table of settings names. */
#include "setting_check.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "address_block.h"
#include "check_spec.h"
#include "command_words.h"
#include "err.h"
#include "log_destination.h"

static const char letters_and_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* True where text is at least one byte long and made of letters, digits and more. */
static bool
made_of(const char *text, size_t size, const char *more)
{
	for (size_t i = 0; i < size; i++)
		if (strchr(letters_and_digits, text[i]) == NULL && strchr(more, text[i]) == NULL)
			return false;
	return size > 0;
}

static bool
in_range(const char *text, char low, char high)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < (unsigned char)low || (unsigned char)*text > (unsigned char)high)
			return false;
	return true;
}

static bool
starts_with(const char *text, const char *prefix)
{
	return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

int
setting_check_printable(const char *text, struct err *err)
{
	if (in_range(text, ' ', '~'))
		return 0;
	return err_set(err, "allowed are printable ASCII characters.");
}

int
setting_check_address(const char *text, struct err *err)
{
	struct address address;
	return address_parse(&address, text, err);
}

int
setting_check_path(const char *text, struct err *err)
{
	if (text[0] == '/')
		return 0;
	return err_set(err, "allowed is an absolute path, which starts with '/'.");
}

int
setting_check_log_file(const char *text, struct err *err)
{
	struct log_destination destination;
	return log_destination_parse(&destination, text, err);
}

int
setting_check_account(const char *text, struct err *err)
{
	if (made_of(text, strlen(text), "_.-"))
		return 0;
	return err_set(err, "allowed is one name or number of letters, digits, '_', '.' and '-'.");
}

int
setting_check_owner(const char *text, struct err *err)
{
	size_t user = strcspn(text, ":");
	const char *group = text[user] == ':' ? text + user + 1 : "none";
	if (made_of(text, user, "_.-") && made_of(group, strlen(group), "_.-"))
		return 0;
	return err_set(err, "allowed is user or user:group, each a name or number.");
}

int
setting_check_field_name(const char *text, struct err *err)
{
	if (strlen(text) <= 128 && in_range(text, '!', '~'))
		return 0;
	return err_set(err, "allowed are names of up to 128 visible ASCII characters, with commas between them.");
}

int
setting_check_health_check(const char *text, struct err *err)
{
	static const char *const names[] = {"database", "cache", "memory", "disk"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(text, names[i]) == 0)
			return 0;
	if (strncmp(text, "disk:/", 6) == 0 || (text[0] != '\0' && text[strspn(text, CHECK_NAME_LETTERS)] == '\0'))
		return 0; /* whether CHECKS has that name is a rule: settings_rules.c */
	return err_set(err,
	               "allowed are database, cache, memory, disk, disk:/path and the names of CHECKS, with commas "
	               "between them.");
}

int
setting_check_admin_allow(const char *text, struct err *err)
{
	struct address_block block;
	if (strcmp(text, "loopback") == 0 || strcmp(text, "all") == 0 || address_block_parse(&block, text, NULL) == 0)
		return 0;
	return err_set(err,
	               "allowed are loopback, all, addresses and blocks such as 10.0.0.0/8, with commas between them.");
}

int
setting_check_command(const char *text, struct err *err)
{
	struct command_words words;
	return command_words_split(&words, text, err);
}

int
setting_check_token(const char *text, struct err *err)
{
	if (in_range(text, '!', '~'))
		return 0;
	return err_set(err, "allowed are visible ASCII characters without blanks.");
}

int
setting_check_database_url(const char *text, struct err *err)
{
	if (starts_with(text, "postgresql://") || starts_with(text, "postgres://"))
		return 0;
	if (strstr(text, "://") == NULL && strchr(text, '=') != NULL)
		return 0;
	return err_set(err, "allowed is postgresql://user@host/database, or libpq's keyword form, host=… dbname=….");
}

/* "unix://:password@/path", which redis_address.c reads. */
static bool
password_before_path(const char *text, const char *scheme)
{
	return starts_with(text, scheme) && strstr(text, "@/") != NULL;
}

int
setting_check_redis_url(const char *text, struct err *err)
{
	if (starts_with(text, "redis://") || starts_with(text, "redis+sentinel://") || starts_with(text, "unix:///") ||
	    starts_with(text, "redis+unix:///") || password_before_path(text, "unix://") ||
	    password_before_path(text, "redis+unix://"))
		return 0;
	if (starts_with(text, "rediss://"))
		return err_set(
			err,
			"rediss:// asks for TLS, which this build cannot speak to Redis; use redis:// in a trusted "
			"network, or a local TLS proxy such as stunnel.");
	return err_set(err, "allowed is redis://host:6379/0, unix:///path, redis+unix:///path or "
	                    "redis+sentinel://host:26379,host:26379/service.");
}
