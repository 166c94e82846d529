/*
 * log_audit.h - the log's own account of who changed its levels, and when that ended.
 *
 * Whichever process is the first to write a record after a change tells it, once; so a change that was undone before
 * anything was logged under it leaves no record. The records are written whatever the levels are.
 */
#ifndef CORE_LOG_AUDIT_H
#define CORE_LOG_AUDIT_H

struct level_control;
struct log;

/* Tells what is due: "Log level set", "Log levels reset", "Log level ended". errno stays as it was. */
void log_audit(struct log *log, struct level_control *levels);

#endif
