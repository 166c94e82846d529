/*
 * ctl_screen.c - see ctl_screen.h. Used by vitalsctl top alone.
 *
 * A handful of control sequences that every terminal of the last decades knows (ECMA-48, and xterm's alternate screen)
 * instead of a library: doc/decisions/0013-the-status-page-and-top.md. Lines are not wrapped by the terminal, so that a
 * character that is two columns wide costs the end of its line and nothing else. Signals are read from a descriptor; only
 * what ends us unasked (SIGKILL) leaves the terminal as it is.
 */
#include "ctl_screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"

#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_BELOW "\033[J"
#define DEFAULT_COLUMNS 80
#define DEFAULT_LINES 24

static bool
put(const char *text, size_t size_bytes)
{
	while (size_bytes > 0) {
		ssize_t n = write(STDOUT_FILENO, text, size_bytes);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		if (n > 0) {
			text += n;
			size_bytes -= (size_t)n;
		}
	}
	return true;
}

static void
enter(const struct ctl_screen *screen)
{
	struct termios raw = screen->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (screen->reads_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	put(ENTER, sizeof ENTER - 1);
}

static void
leave(const struct ctl_screen *screen)
{
	put(LEAVE, sizeof LEAVE - 1);
	if (screen->reads_keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &screen->before);
}

static void
signals_of_ours(sigset_t *set)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};
	sigemptyset(set);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaddset(set, signals[i]);
}

int
ctl_screen_open(struct ctl_screen *screen, struct err *err)
{
	sigset_t set;
	signals_of_ours(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*screen = (struct ctl_screen){.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
	if (screen->signal_fd < 0)
		return err_set(err, "The terminal cannot be watched: %s.", strerror(errno));
	screen->reads_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &screen->before) == 0;
	enter(screen);
	return 0;
}

void
ctl_screen_close(struct ctl_screen *screen)
{
	leave(screen);
	close(screen->signal_fd);
}

struct ctl_frame
ctl_screen_size(void)
{
	struct winsize size;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
		return (struct ctl_frame){.columns = DEFAULT_COLUMNS, .lines = DEFAULT_LINES};
	return (struct ctl_frame){.columns = size.ws_col, .lines = size.ws_row};
}

bool
ctl_screen_show(const char *text)
{
	bool shown = put(HOME, sizeof HOME - 1);
	for (const char *end; shown && (end = strchr(text, '\n')) != NULL; text = end + 1)
		shown = put(text, (size_t)(end - text)) && put(CLEAR_LINE "\n", sizeof CLEAR_LINE);
	return shown && put(CLEAR_BELOW, sizeof CLEAR_BELOW - 1);
}

/* Stopped by Ctrl-Z, the terminal is the shell's. */
static enum ctl_screen_event
stop(const struct ctl_screen *screen)
{
	leave(screen);
	raise(SIGSTOP);
	enter(screen);
	return SCREEN_AGAIN;
}

static enum ctl_screen_event
take_signal(const struct ctl_screen *screen)
{
	struct signalfd_siginfo info;
	if (read(screen->signal_fd, &info, sizeof info) != (ssize_t)sizeof info || info.ssi_signo == SIGWINCH)
		return SCREEN_AGAIN;
	return info.ssi_signo == SIGTSTP ? stop(screen) : SCREEN_END;
}

/* False: q, or nobody can press a key any more. */
static bool
take_keys(short revents)
{
	char keys[64];
	ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
	if (n <= 0)
		return (revents & (POLLHUP | POLLERR)) == 0 && (n == 0 || errno == EINTR || errno == EAGAIN);
	return memchr(keys, 'q', (size_t)n) == NULL && memchr(keys, 'Q', (size_t)n) == NULL;
}

enum ctl_screen_event
ctl_screen_wait(struct ctl_screen *screen, int64_t deadline_ns)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = screen->signal_fd, .events = POLLIN},
		                       {.fd = screen->reads_keys ? STDIN_FILENO : -1, .events = POLLIN}};
		int64_t left_ns = deadline_ns - clock_mono_ns();
		if (left_ns <= 0)
			return SCREEN_AGAIN;
		if (poll(fds, 2, (int)(left_ns / NS_PER_MS) + 1) < 0 && errno != EINTR)
			return SCREEN_END;
		if (fds[0].revents != 0)
			return take_signal(screen);
		if (fds[1].revents != 0 && !take_keys(fds[1].revents))
			return SCREEN_END;
	}
}
