/*
 * check_certificate.c - certificate:/path.pem: for how long the certificates in the file are still valid; the one that
 * ends first counts, since a chain is as good as its weakest.
 *
 * Read by OpenSSL's libcrypto, in a thread, since a file may be on a dead file system. Without libcrypto at configure
 * the check says so.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_CRYPTO
#include <openssl/asn1.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#endif

#include "check_aside.h"
#include "check_bounds.h"
#include "check_table.h"

#define SECONDS_A_DAY INT64_C(86400)

#ifdef HAVE_CRYPTO

/* Until a certificate ends; less than 0: it has. -1: its time is not readable. */
static int
seconds_left(const X509 *certificate, int64_t *seconds)
{
	int days, rest;
	if (ASN1_TIME_diff(&days, &rest, NULL, X509_get0_notAfter(certificate)) != 1)
		return -1;
	*seconds = days * SECONDS_A_DAY + rest;
	return 0;
}

static int
read_all(FILE *file, int64_t *least)
{
	X509 *certificate;
	int status = -1;
	while ((certificate = PEM_read_X509(file, NULL, NULL, NULL)) != NULL) {
		int64_t seconds;
		bool known = seconds_left(certificate, &seconds) == 0;
		X509_free(certificate);
		if (!known)
			return -1;
		if (status != 0 || seconds < *least)
			*least = seconds;
		status = 0;
	}
	return status;
}

static int
ask(const char *path, union side_answer *answer)
{
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return -1;
	int status = read_all(file, &answer->seconds);
	fclose(file); /* OpenSSL's queue of errors is the thread's, and goes with it */
	errno = EBADMSG;
	return status;
}

#else

static int
ask(const char *path, union side_answer *answer)
{
	(void)path;
	(void)answer;
	errno = ENOSYS;
	return -1;
}

#endif

static void
judge(const struct check_spec *spec, int error, int64_t seconds, struct check_result *result)
{
	if (error == ENOSYS)
		check_fail(result, "this build has no libcrypto to read certificates with");
	else if (error == EBADMSG)
		check_fail(result, "the file holds no certificate that can be read");
	else if (error != 0)
		check_fail(result, "%s", error == ENOENT ? "there is no such file" : strerror(error));
	else if (seconds < 0)
		check_fail(result, "the certificate has expired");
	else
		check_judge(spec, "the certificate ends in %s", seconds * 1000, result);
}

static int
declare(const struct checks_config *config, const struct check_spec *spec, struct check *check)
{
	static const struct check_aside_kind kind = {.ask = ask, .judge = judge};
	(void)config;
	return check_aside_declare(&kind, spec, check);
}

const struct check_kind check_certificate = {
	.name = "certificate",
	.shape = CHECK_SHAPE_TEXT,
	.declare = declare,
	.start = check_aside_start,
	.step = check_aside_step,
	.abandon = check_aside_abandon,
	.destroy = check_aside_destroy,
};
