/* test_log_destination.c - what LOG_FILE may say, and what it then means. */
#include "log_destination.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"
#include "run_suite.h"

#define LONG_PATH                                                                                                      \
	"/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

static const struct {
	const char *text;
	enum log_place place;
	const char *socket;
	int facility;
	enum syslog_format format;
	size_t max_bytes;
} read_as[] = {
	{NULL, LOG_TO_STDERR, "", 0, SYSLOG_RFC5424, 8096},
	{"stderr", LOG_TO_STDERR, "", 0, SYSLOG_RFC5424, 8096},
	{"/var/log/a", LOG_TO_FILE, "", 0, SYSLOG_RFC5424, 8096},
	{"/syslog:facility=x", LOG_TO_FILE, "", 0, SYSLOG_RFC5424, 8096},
	{"syslog", LOG_TO_SYSLOG, "/dev/log", 3, SYSLOG_RFC5424, 8096},
	{"syslog:server=unix:/a/b", LOG_TO_SYSLOG, "/a/b", 3, SYSLOG_RFC5424, 8096},
	{"syslog:facility=kern", LOG_TO_SYSLOG, "/dev/log", 0, SYSLOG_RFC5424, 8096},
	{"syslog:facility=local7,size=1024", LOG_TO_SYSLOG, "/dev/log", 23, SYSLOG_RFC5424, 1024},
	{"syslog:format=rfc5424,size=32768", LOG_TO_SYSLOG, "/dev/log", 3, SYSLOG_RFC5424, 32768},
	{"syslog:format=rfc3164,server=unix:/x", LOG_TO_SYSLOG, "/x", 3, SYSLOG_RFC3164, 8096},
	{"journald", LOG_TO_JOURNAL, "/run/systemd/journal/socket", 3, SYSLOG_RFC5424, 8096},
	{"journald:server=unix:/j,facility=ftp", LOG_TO_JOURNAL, "/j", 11, SYSLOG_RFC5424, 8096},
};

START_TEST(is_read)
{
	struct err err = {""};
	struct log_destination found;
	ck_assert_msg(log_destination_parse(&found, read_as[_i].text, &err) == 0, "%s", err.text);
	ck_assert_int_eq(found.place, read_as[_i].place);
	ck_assert_str_eq(found.socket.sun_path, read_as[_i].socket);
	ck_assert_int_eq(found.facility, read_as[_i].facility);
	ck_assert_int_eq(found.format, read_as[_i].format);
	ck_assert_uint_eq(found.max_bytes, read_as[_i].max_bytes);
	ck_assert(found.place != LOG_TO_FILE || strcmp(found.file, read_as[_i].text) == 0);
	ck_assert(found.place < LOG_TO_SYSLOG || found.socket.sun_family == AF_UNIX);
}
END_TEST

static const char *const refused[] = {
	"vitals.log",
	"Syslog",
	"syslogd",
	"syslog,facility=daemon",
	"syslog:",
	"syslog:,",
	"syslog:facility",
	"syslog:facility=",
	"syslog:facility=local8",
	"syslog:facility=daemon,",
	"syslog:facility= daemon",
	"syslog:server=/dev/log",
	"syslog:server=unix:log",
	"syslog:server=unix:" LONG_PATH "/01234567890",
	"syslog:server=127.0.0.1:514",
	"syslog:server=tcp:127.0.0.1:514",
	"syslog:tag=x",
	"syslog:format=json",
	"syslog:size=1023",
	"syslog:size=32769",
	"syslog:size=99999999999999999999",
	"syslog:size=8K",
	"syslog:size=-1",
	"journald:size=2048",
	"journald:format=rfc3164",
	"journal",
	"syslog:server=unix:" LONG_PATH LONG_PATH LONG_PATH LONG_PATH LONG_PATH LONG_PATH,
};

START_TEST(is_refused)
{
	struct err err = {""};
	struct log_destination found;
	ck_assert_int_eq(log_destination_parse(&found, refused[_i], &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "server=unix:/path"));
	ck_assert_ptr_nonnull(strstr(err.text, "in between."));
}
END_TEST

START_TEST(is_proved)
{
	char dir[] = "/tmp/test_log_destination.XXXXXX", path[64], text[128];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct err err = {""};
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/s", dir);
	snprintf(text, sizeof text, "syslog:server=unix:%s", path);
	ck_assert_int_eq(log_destination_prove(text, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	fclose(fopen(path, "w"));
	ck_assert_int_eq(log_destination_prove(text, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "is no socket"));
	unlink(path);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	strcpy(address.sun_path, path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(log_destination_prove(text, &err), 0);
	close(fd);
	/* Nobody listens there now, but somebody has: a syslogd that is being restarted. */
	ck_assert_int_eq(log_destination_prove(text, &err), 0);
	ck_assert_int_eq(log_destination_prove("/nowhere/log", &err), 0);
	ck_assert_int_eq(log_destination_prove(NULL, &err), 0);
	unlink(path);
	rmdir(dir);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_destination");
	TCase *tcase = tcase_create("log_destination");
	tcase_add_loop_test(tcase, is_read, 0, sizeof read_as / sizeof *read_as);
	tcase_add_loop_test(tcase, is_refused, 0, sizeof refused / sizeof *refused);
	tcase_add_test(tcase, is_proved);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
