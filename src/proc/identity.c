/* identity.c - users, groups, and the end of privileges. Called by the service before the fork. */
#include "identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "err.h"

int
identity_resolve(struct identity *identity, const char *user, const char *group, struct err *err)
{
	*identity = (struct identity){.uid = (uid_t)-1, .gid = (gid_t)-1};
	if (user != NULL) {
		const struct passwd *entry = getpwnam(user);
		if (entry == NULL)
			return err_set(err, "There is no user \"%s\" on this machine.", user);
		identity->uid = entry->pw_uid;
		identity->gid = entry->pw_gid;
	}
	if (group != NULL) {
		const struct group *entry = getgrnam(group);
		if (entry == NULL)
			return err_set(err, "There is no group \"%s\" on this machine.", group);
		identity->gid = entry->gr_gid;
	}
	return 0;
}

int
identity_resolve_pair(struct identity *identity, const char *pair, struct err *err)
{
	char user[256];
	if (pair == NULL)
		return identity_resolve(identity, NULL, NULL, err);
	const char *colon = strchr(pair, ':');
	size_t length = colon != NULL ? (size_t)(colon - pair) : strlen(pair);
	if (length >= sizeof user)
		return err_set(err, "\"%s\" is too long for a user.", pair);
	snprintf(user, sizeof user, "%.*s", (int)length, pair);
	return identity_resolve(identity, length > 0 ? user : NULL, colon != NULL ? colon + 1 : NULL, err);
}

int
identity_assume(const struct identity *identity, struct err *err)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (identity->uid == (uid_t)-1)
		return 0;
	if (geteuid() != 0)
		return identity->uid == geteuid()
		               ? 0
		               : err_set(err,
		                         "RUN_USER: only root can become another user; start as root, or leave it out.");
	const struct passwd *entry = getpwuid(identity->uid);
	int groups = entry != NULL ? initgroups(entry->pw_name, identity->gid) : setgroups(1, &identity->gid);
	if (groups != 0 || setresgid(identity->gid, identity->gid, identity->gid) != 0 ||
	    setresuid(identity->uid, identity->uid, identity->uid) != 0)
		return err_set(err, "RUN_USER: the user cannot be taken on: %s.", strerror(errno));
	return 0;
}
