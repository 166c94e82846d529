# servers.sh - the configuration and the start of vitalsd, nginx and Redis in a run directory.
#
# Uses source, build, dir, port, bare of the caller, and launch and await of supervise.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154 # source, build, dir, port and bare are the caller's

# Percent-encodes what is not unreserved (RFC 3986 section 2.3); slashes stay.
percent_encode() {
	local text=$1 i character
	for ((i = 0; i < ${#text}; i++)); do
		character=${text:i:1}
		case $character in
		[A-Za-z0-9/._~-]) printf '%s' "$character" ;;
		*) printf '%%%02X' "'$character" ;;
		esac
	done
}

# The settings, if there are none yet; what the user made of them is kept.
write_settings() {
	local module
	[[ -e $dir/vitals.env ]] && return
	module=$(find_demo_module "$build") || die "The build has made no demo module (examples/demo/.libs/demo.so in $build)."
	# For the user alone: a password may be written into it.
	(umask 077 && : >"$dir/vitals.env.new")
	{
		echo "# Made by quickstart, which keeps it as it is from now on. \`vitalsd --help\` explains each setting."
		echo "LISTEN=unix:$dir/vitals.sock"
		echo "ADMIN_LISTEN=unix:$dir/admin.sock"
		echo "SCOREBOARD=$dir/scoreboard"
		echo "PID_FILE=$dir/vitalsd.pid"
		echo "LOG_FILE=$dir/log/vitals.log"
		echo "MODULES=$module"
		echo "# No load balancer has to notice that this service stops."
		echo "DRAIN_SECONDS=0"
		if [[ $bare == no ]]; then
			echo "DATABASE_URL=postgresql:///vitals?host=$(percent_encode "$dir/postgres")&user=vitals"
			echo "REDIS_URL=unix://$dir/redis.sock"
		fi
	} >"$dir/vitals.env.new"
	mv "$dir/vitals.env.new" "$dir/vitals.env"
}

# A kept vitals.env may want servers that --bare does not start; it would never become ready.
check_settings() {
	[[ $bare == yes && -e $dir/vitals.env ]] || return 0
	if grep -qE "^(DATABASE_URL|REDIS_URL)=.*$(basename "$dir")/(postgres|redis\.sock)" "$dir/vitals.env"; then
		die "$dir/vitals.env names the PostgreSQL or Redis that --bare leaves out; choose another --dir or remove that file."
	fi
}

# nginx.conf is made anew at each start, since the port stands in it.
write_nginx_conf() {
	local user=''
	mkdir -p "$dir/tmp"
	# As root nginx would run its worker as nobody, who cannot reach sockets below /root.
	[[ $(id -u) -ne 0 ]] || user='user root;'
	sed "s|/run/vitals/|$dir/|" "$source/nginx-conf/vitals-upstream.conf" >"$dir/vitals-upstream.conf"
	cat >"$dir/nginx.conf" <<EOF_CONF
# Made by quickstart at each start. The part that serves the site is $source/nginx-conf/vitals.conf.
daemon off;
$user
worker_processes 1;
pid $dir/nginx.pid;
error_log $dir/log/nginx-error.log notice;

events {
    worker_connections 4096;
}

http {
    client_body_temp_path $dir/tmp/body;
    fastcgi_temp_path $dir/tmp/fastcgi;
    proxy_temp_path $dir/tmp/proxy;
    uwsgi_temp_path $dir/tmp/uwsgi;
    scgi_temp_path $dir/tmp/scgi;

    # \$uri rather than \$request: a query string may hold secrets. The correlation ID and the request ID
    # find the service's records of the same request.
    log_format vitals '\$remote_addr [\$time_iso8601] "\$request_method \$uri" \$status \$body_bytes_sent '
                      'request_time=\$request_time upstream_status=\$upstream_status '
                      'upstream_time=\$upstream_response_time request_id=\$request_id '
                      'correlation_id=\$sent_http_x_correlation_id';
    access_log $dir/log/nginx-access.log vitals;
    server_tokens off;

    include $dir/vitals-upstream.conf;

    server {
        listen 127.0.0.1:$port;
        server_name localhost;
        include $source/nginx-conf/vitals.conf;
    }
}
EOF_CONF
}

start_nginx() {
	local nginx
	nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || die "nginx is not installed; scripts/install-deps run installs it."
	launch nginx TERM "$dir/log/nginx-error.log" -- "$nginx" -p "$dir" -e "$dir/log/nginx-error.log" -c "$dir/nginx.conf"
}

# In memory only: a cache has nothing to keep over a restart.
start_redis() {
	launch redis TERM "$dir/log/redis.log" -- redis-server --port 0 --unixsocket "$dir/redis.sock" --unixsocketperm 600 \
		--pidfile "$dir/redis.pid" --dir "$dir" --save '' --appendonly no --maxmemory 64mb \
		--maxmemory-policy allkeys-lru --daemonize no
	await redis 20 redis_answers
}

redis_answers() {
	[[ $(env -i PATH="$PATH" redis-cli -s "$dir/redis.sock" ping 2>/dev/null) == PONG ]]
}

stop_stray_redis() {
	if [[ -S $dir/redis.sock ]] && redis_answers; then
		env -i PATH="$PATH" redis-cli -s "$dir/redis.sock" shutdown nosave >/dev/null 2>&1 || true
	fi
}

# nginx is started when the listeners are open, lest its log begin with refused connections. PID_FILE may
# be another in a vitals.env of the user's own, so it is waited for, but not for ever.
start_vitalsd() {
	remember_size "$dir/log/vitals.log"
	launch vitalsd TERM "$dir/log/vitalsd.err" -- "$build/vitalsd" --env-file "$dir/vitals.env"
	wait_until 5 succeeded_or_dead vitalsd_listens || true
	report_first_dead
}

vitalsd_listens() {
	[[ $(cat "$dir/vitalsd.pid" 2>/dev/null) == "${server_pid[vitalsd]}" ]]
}

# Ready, or refusing by a setting of the user's own (health checks off, addresses not allowed).
site_answers() {
	site_status=$(curl -q -s --noproxy '*' -m 5 -o "$dir/tmp/answer" -w '%{http_code}' "http://127.0.0.1:$port/health/ready")
	[[ $site_status == 200 || $site_status == 403 || $site_status == 404 ]]
}
