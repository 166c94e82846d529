/*
 * log_destination.h - what LOG_FILE says: a file, standard error, syslog or the journal.
 *
 *   (nothing), stderr      standard error
 *   /var/log/vitals.log    a file
 *   syslog                 the local syslog, in RFC 5424
 *   journald               systemd's journal, in its native protocol
 *
 * Behind "syslog:" and "journald:" may stand, with commas in between, server=unix:/path, facility=daemon, and for
 * syslog format=rfc3164 and size=8096.
 */
#ifndef CORE_LOG_DESTINATION_H
#define CORE_LOG_DESTINATION_H

#include <stddef.h>
#include <sys/un.h>

struct err;

enum log_place { LOG_TO_STDERR, LOG_TO_FILE, LOG_TO_SYSLOG, LOG_TO_JOURNAL };
enum syslog_format { SYSLOG_RFC5424, SYSLOG_RFC3164 };

struct log_destination {
	enum log_place place;
	const char *file;          /* LOG_TO_FILE: the text itself */
	struct sockaddr_un socket; /* LOG_TO_SYSLOG, LOG_TO_JOURNAL */
	int facility;              /* RFC 5424 section 6.2.1 */
	enum syslog_format format;
	size_t max_bytes; /* of a message; a longer record loses its last fields */
};

/* text NULL: standard error. -1: the sentence says what is allowed, as those of setting_check.h do. */
int log_destination_parse(struct log_destination *destination, const char *text, struct err *err);
/*
 * Whether there is a socket of syslog or of the journal, which a service that has just been told to use it is better
 * off to know; waits a moment for one that is being restarted. -1: the sentence names setting and path.
 */
int log_destination_prove(const char *text, struct err *err);

#endif
