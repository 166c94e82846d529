/* pid_file.h - the supervisor's pid in a file, for scripts. */
#ifndef PROC_PID_FILE_H
#define PROC_PID_FILE_H

struct err;

/* Written whole under another name and renamed, so that nobody reads half of it. path NULL: nothing to do. */
int pid_file_write(const char *path, struct err *err);
/* Only where it still names this process. */
void pid_file_remove(const char *path);

#endif
