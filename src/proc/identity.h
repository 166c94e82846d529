/*
 * identity.h - as whom the service runs: names resolved while that is allowed to fail, then taken on.
 */
#ifndef PROC_IDENTITY_H
#define PROC_IDENTITY_H

#include <sys/types.h>

struct err;

struct identity {
	uid_t uid; /* (uid_t)-1: not said */
	gid_t gid; /* (gid_t)-1: not said */
};

/* user and group may be NULL; a user alone brings its primary group. */
int identity_resolve(struct identity *identity, const char *user, const char *group, struct err *err);
/* The same for "user" or "user:group". */
int identity_resolve_pair(struct identity *identity, const char *pair, struct err *err);
/* Gives privileges up for good, groups included, and forbids new ones. Nothing to do where no user is said. */
int identity_assume(const struct identity *identity, struct err *err);

#endif
