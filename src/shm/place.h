/* place.h - where the scoreboard's file stands when no setting says. */
#ifndef SHM_PLACE_H
#define SHM_PLACE_H

#include <stddef.h>
#include <sys/types.h>

struct err;

/*
 * On tmpfs: /run/vitals for root, else $XDG_RUNTIME_DIR/vitals, else /dev/shm. The name holds a hash of
 * key (the first listening address), so that two services of one user do not meet. The directory is made
 * where it is missing.
 */
int scoreboard_place(char *path, size_t size_bytes, uid_t uid, const char *key, struct err *err);

#endif
