# supervise.sh - starts the servers of a run directory, watches them, and stops them in order.
#
# Each server is a child in a process group of its own, so that Ctrl-C reaches only the script, which
# then stops them in the right order; and each has the kernel end it if the script itself is killed.
# DIR/processes lists them ("name pid start-time") for the next start and for --stop.
# Uses dir of the caller.
# shellcheck shell=bash
# shellcheck disable=SC2154 # dir and pg_home are the caller's

declare -A server_pid=() server_log=() bytes_before=()

# launch NAME SIGNAL LOG [setpriv's options] -- COMMAND …: in the background, with a clean environment.
launch() {
	local name=$1 signal=$2 log=$3 identity=()
	shift 3
	while [[ $1 != -- ]]; do
		identity+=("$1")
		shift
	done
	shift
	remember_size "$log"
	(
		# PostgreSQL's user may not be able to stand in the run directory.
		if [[ $name == postgres ]]; then cd "$pg_home"; else cd "$dir"; fi || exit 1
		exec setsid setpriv "${identity[@]}" --pdeathsig "$signal" env -i PATH="$PATH:/usr/sbin:/sbin" LANG=C.UTF-8 "$@"
	) </dev/null >>"$log" 2>&1 9>&- &
	server_pid[$name]=$!
	server_log[$name]=$log
	printf '%s %s %s\n' "$name" "$!" "$(start_time "$!")" >>"$dir/processes"
}

# await NAME SECONDS COMMAND …: until the command succeeds; the end where the server dies or the time is over.
await() {
	local name=$1 seconds=$2
	shift 2
	wait_until "$seconds" succeeded_or_dead "$@" || die "$name does not answer after $seconds seconds; see ${server_log[$name]}."
	report_first_dead
}

succeeded_or_dead() {
	"$@" || [[ -n $(first_dead) ]]
}

first_dead() {
	local name
	for name in "${!server_pid[@]}"; do
		if ! start_time "${server_pid[$name]}" >/dev/null; then
			printf '%s\n' "$name"
			return
		fi
	done
}

# How long a log was before this run, so that only its own words are shown.
remember_size() {
	bytes_before[$1]=$(stat -c %s "$1" 2>/dev/null || echo 0)
}

# What a server that ended said last.
show_last_words() {
	local log logs=("${server_log[$1]}") words
	[[ $1 != vitalsd ]] || logs+=("$dir/log/vitals.log")
	for log in "${logs[@]}"; do
		words=$(tail -c "+$((${bytes_before[$log]:-0} + 1))" "$log" 2>/dev/null | tail -n 10)
		[[ -n $words ]] || continue
		printf -- '--- the end of %s\n%s\n' "$log" "$words" >&2
	done
}

# Ends the script if a server has ended that must not.
report_first_dead() {
	local name
	name=$(first_dead)
	[[ -n $name ]] || return 0
	show_last_words "$name"
	die "$name has ended unexpectedly; everything is being stopped."
}

# Until told to stop, or a server ends. The service outlives its database and its cache: that is what it
# is for, so their end is said, and the rest goes on.
watch_servers() {
	local name
	while true; do
		wait -n "${server_pid[@]}" || true
		name=$(first_dead)
		case $name in
		'') ;;
		postgres | redis)
			say "$name has ended (see ${server_log[$name]}); the rest goes on without it."
			unset "server_pid[$name]"
			;;
		*) report_first_dead ;;
		esac
	done
}

# stop_server NAME SIGNAL SECONDS: every process of that name in DIR/processes that still is the same one.
stop_server() {
	local name pid start
	while read -r name pid start; do
		[[ $name == "$1" ]] || continue
		end_process "$pid" "$start" "$2" "$3" ||
			printf '%s: %s (process %s) cannot be killed.\n' "${0##*/}" "$name" "$pid" >&2
	done <"$dir/processes"
}

# In this order: nginx takes no more requests, vitalsd finishes its own, then what it used. Also what a
# killed run left, and servers that somebody started anew by hand in this directory.
stop_servers() {
	if [[ -f $dir/processes ]]; then
		stop_server nginx QUIT 5
		stop_server vitalsd TERM 10
		stop_server redis TERM 5
		stop_server postgres INT 15
	fi
	stop_stray_redis
	stop_stray_postgres
	rm -f "$dir/processes" "$dir/ready"
}
