# postgres.sh - a private PostgreSQL: its own data, its own user, a Unix socket and nothing else.
#
# PostgreSQL refuses to run as root. As root it therefore runs as "postgres" or "nobody", which may not
# be able to reach the run directory (a checkout below /root). Its data then stands in a directory of its
# own under /var/tmp, and DIR/postgres is a symbolic link to it. Nobody else's directory is changed.
# Uses dir, pg_home, pg_bin, pg_user of the caller. Trust is safe here: the directory is the user's alone.
# shellcheck shell=bash
# shellcheck disable=SC2154 # dir is the caller's

# The newest server on this machine.
find_postgres() {
	local found
	found=$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)
	[[ -x $found ]] || die "PostgreSQL's server is not installed; scripts/install-deps run installs it."
	pg_bin=${found%/postgres}
	pg_user=''
	if [[ $(id -u) -eq 0 ]]; then
		pg_user=nobody
		id postgres >/dev/null 2>&1 && pg_user=postgres
	fi
	return 0
}

# The words that run a command as PostgreSQL's user, before the command; empty for an ordinary user.
pg_identity() {
	as_pg=()
	[[ -z $pg_user ]] || as_pg=(--reuid "$pg_user" --regid "$(id -g "$pg_user")" --init-groups)
}

pg_can_use() {
	# shellcheck disable=SC2016 # $1 is the inner shell's
	[[ -d $1 ]] && setpriv "${as_pg[@]}" --no-new-privs sh -c 'test -r "$1" -a -w "$1" -a -x "$1"' sh "$1"
}

# A directory that PostgreSQL's user owns: DIR/postgres, or what it links to.
prepare_pg_home() {
	local link=$dir/postgres
	pg_identity
	if [[ -L $link && ! -d $link ]]; then
		rm "$link"
	fi
	if [[ ! -d $link ]]; then
		mkdir -m 700 "$link"
		[[ -z $pg_user ]] || chown "$pg_user:" "$link"
		if ! pg_can_use "$link"; then
			rmdir "$link"
			pg_home=$(mktemp -d /var/tmp/vitals-postgres-XXXXXX)
			chown "$pg_user:" "$pg_home"
			ln -s "$pg_home" "$link"
		fi
	fi
	pg_home=$(cd "$link" && pwd -P)
	pg_can_use "$pg_home" || die "$link does not belong to ${pg_user:-you}, as whom PostgreSQL runs; choose another --dir."
}

# Runs a command with a clean environment as PostgreSQL's user, in a directory that it can read.
pg_run() {
	(cd "$pg_home" && exec setpriv "${as_pg[@]}" env -i PATH="$PATH" LANG=C.UTF-8 "$@")
}

# initdb writes beside and the result is moved, so that one that was interrupted is not taken for a database.
prepare_pg_data() {
	[[ -f $pg_home/data/PG_VERSION ]] && return
	rm -rf "$pg_home/data.new"
	quietly "initdb failed; what it said stands above." pg_run "$pg_bin/initdb" -D "$pg_home/data.new" \
		-U vitals -A trust -E UTF8 --locale=C.UTF-8
	mv "$pg_home/data.new" "$pg_home/data"
}

pg_sql() {
	pg_run "$pg_bin/psql" -h "$pg_home" -U vitals -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

# One postmaster of a killed run may still be there, or one that somebody started by hand meanwhile.
stop_stray_postgres() {
	local pid
	[[ -f $dir/postgres/data/postmaster.pid ]] || return 0
	read -r pid <"$dir/postgres/data/postmaster.pid" || return 0
	[[ /proc/$pid/cwd -ef $dir/postgres/data ]] || return 0
	end_process "$pid" "$(start_time "$pid")" INT 10
}

start_postgres() {
	launch postgres INT "$dir/log/postgres.log" "${as_pg[@]}" -- "$pg_bin/postgres" -D "$pg_home/data" -k "$pg_home" \
		-c listen_addresses= -c shared_buffers=16MB -c max_connections=100 -c max_wal_size=64MB -c min_wal_size=32MB \
		-c log_timezone=UTC -c timezone=UTC
	await postgres 60 pg_run "$pg_bin/pg_isready" -q -h "$pg_home" -U vitals -d postgres
	load_users >>"$dir/log/postgres.log" 2>&1 || die "The users could not be loaded; see $dir/log/postgres.log."
}

# The demo's data: 5000 people who do not exist, made the same on every machine.
load_users() {
	[[ $(pg_sql -d postgres -c "select 1 from pg_database where datname = 'vitals'") == 1 ]] ||
		pg_sql -d postgres -c 'create database vitals'
	pg_sql -d vitals <<'SQL'
set client_min_messages = warning;
begin;
create table if not exists users (
	id bigint primary key,
	name text not null,
	email text not null,
	created_at timestamptz not null
);
with
	first as (select array['Ada', 'Alan', 'Barbara', 'Claude', 'Dennis', 'Donald', 'Edsger', 'Frances', 'Grace',
		'Hedy', 'Joan', 'John', 'Ken', 'Margaret', 'Niklaus', 'Radia', 'Tony'] as names),
	last as (select array['Allen', 'Brooks', 'Clarke', 'Dijkstra', 'Evans', 'Floyd', 'Gauss', 'Hamilton', 'Hopper',
		'Iverson', 'Knuth', 'Lamport', 'Naur'] as names),
	people as (
		select id, first.names[1 + id % 17] as given, last.names[1 + id % 13] as family
		from generate_series(1, 5000) as id, first, last
	)
insert into users (id, name, email, created_at)
select id, given || ' ' || family, lower(given || '.' || family) || id || '@example.org',
	timestamptz '2024-01-01 00:00:00Z' + id * interval '97 minutes'
from people
where not exists (select 1 from users);
commit;
SQL
}
