# common.sh - what every script here needs: sentences, waiting with a deadline, processes by identity.
#
# Sourced, never run. A process is named by its pid together with its start time (field 22 of
# /proc/PID/stat), since pids are used again: no script here may signal a process that it did not start.
# shellcheck shell=bash

# One sentence on standard error, and the end.
die() {
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	exit 1
}

say() {
	printf '%s\n' "$*"
}

# Runs a command silently; if it fails, shows what it said and ends with the sentence $1.
quietly() {
	local sentence=$1 log
	shift
	log=$(mktemp)
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 60 "$log" >&2
		rm -f "$log"
		die "$sentence"
	fi
	rm -f "$log"
}

# wait_until SECONDS COMMAND …: 0 as soon as the command succeeds, 1 when the time is over.
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < deadline)) || return 1
		sleep 0.05
	done
}

# Prints the start time of process $1; fails where there is none, or only its remains.
start_time() {
	local stat fields
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	read -ra fields <<<"${stat##*) }"
	[[ ${fields[0]} != [ZX] ]] || return 1
	printf '%s\n' "${fields[19]}"
}

# Whether process $1 still runs and is the one that started at $2.
runs() {
	[[ $1 =~ ^[0-9]+$ && $(start_time "$1") == "$2" ]]
}

gone() {
	! runs "$1" "$2"
}

group_gone() {
	! kill -s 0 -- "-$1" 2>/dev/null
}

# end_process PID START SIGNAL SECONDS: asks with the signal, and kills the process and its group when the
# time is over. The group may outlive its leader; its number is not given away as long as it does.
end_process() {
	if runs "$1" "$2"; then
		kill -s "$3" "$1" 2>/dev/null || true
		wait_until "$4" gone "$1" "$2" || kill -s KILL -- "-$1" 2>/dev/null || kill -s KILL "$1" 2>/dev/null || true
		wait_until 5 gone "$1" "$2" || return 1
	fi
	if [[ ! -e /proc/$1 ]] && ! wait_until 3 group_gone "$1"; then
		kill -s KILL -- "-$1" 2>/dev/null || true
	fi
}
