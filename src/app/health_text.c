/*
 * health_text.c - /health/live and /health/ready with ?verbose: a line for each check, as
 * kube-apiserver's /livez and /readyz write them, for a person with curl.
 */
#include <string.h>

#include "health.h"
#include "strbuf.h"

/* The cause alone; the line says already that it failed. */
static const char *
cause(const struct check_report *check)
{
	static const char prefix[] = "unhealthy: ";
	const char *text = check->result.text;
	return strncmp(text, prefix, sizeof prefix - 1) == 0 ? text + sizeof prefix - 1 : text;
}

static void
write_check(const struct check_report *check, struct strbuf *out)
{
	if (check->importance == CHECK_EXCLUDED)
		strbuf_printf(out, "[+]%s excluded: ok\n", check->name);
	else if (check->result.status == CHECK_NOT_CONFIGURED)
		strbuf_printf(out, "[+]%s not configured: ok\n", check->name);
	else if (check->result.status == CHECK_WARNED)
		strbuf_printf(out, "[+]%s ok (%s)\n", check->name, check->result.text);
	else if (check->result.status == CHECK_HEALTHY)
		strbuf_printf(out, "[+]%s ok\n", check->name);
	else
		strbuf_printf(out, "[-]%s failed%s: %s\n", check->name,
		              check->importance == CHECK_CRITICAL ? "" : " (not critical)", cause(check));
}

static void
write_pool(const struct health_answer *answer, struct strbuf *out)
{
	struct health_verdict pool;
	health_judge(answer->route, answer->facts, NULL, &pool);
	if (answer->facts->pool_excluded) {
		strbuf_puts(out, "[+]pool excluded: ok\n");
		return;
	}
	if (pool.passes)
		strbuf_puts(out, "[+]pool ok");
	else
		strbuf_printf(out, "[-]pool failed: %s", pool.reason);
	if (answer->facts->queue_known)
		strbuf_printf(out, " (%u of %u connections waiting)", answer->facts->queue.pending,
		              answer->facts->queue.capacity);
	strbuf_puts(out, "\n");
}

void
health_write_text(const struct health_answer *answer, struct strbuf *out)
{
	write_pool(answer, out);
	for (size_t i = 0; answer->report != NULL && i < answer->report->count; i++)
		write_check(&answer->report->checks[i], out);
	if (answer->facts->unknown_excluded)
		strbuf_puts(out, "warn: exclude names a check that there is not\n");
	strbuf_printf(out, "%s check %s\n", answer->route == HEALTH_LIVE ? "live" : "ready",
	              answer->verdict.passes ? "passed" : "failed");
}
