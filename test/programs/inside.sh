#!/bin/bash
# Runs real servers in the system's instance under each seccomp profile, and asks
# them for something; then programs that make forbidden calls. Root, in a copy of
# this machine's files, with a network of its own. $1 is the folder of this file,
# $2 that of the programs.
set -u
here=$1
export PATH=$2:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
unset XDG_DATA_HOME XDG_RUNTIME_DIR XDG_CONFIG_HOME
pass() { echo "PASS $1"; }
fail() {
	echo "FAIL $1: ${2:-}"
	tail -n 4 /tmp/start /var/log/systemg/programs/*.log 2>/dev/null | sed 's/^/| /'
}
check() { # check NAME COMMAND...: one subtest
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then pass "$name"; else fail "$name" "$(echo "$said" | tail -n 5 | tr '\n' ' ')"; fi
}
wait_for() { # asks until it is true, at most 30 seconds
	local i
	for i in $(seq 300); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	"$@"
}
http() { # http PORT TEXT
	exec 9<>"/dev/tcp/127.0.0.1/$1" && printf 'GET / HTTP/1.0\r\n\r\n' >&9 && grep -q "$2" <&9
}
rmi() { # The registry of Java answers a handshake with N and our address.
	exec 9<>"/dev/tcp/127.0.0.1/$1" && printf 'JRMI\0\2K' >&9 && [ "$(head -c 1 <&9)" = N ]
}
log() { cat "/var/log/systemg/programs/$1.log"; }
answers() { log "calls-$1" | grep -o 'call .*' | grep -qx "call $2 $3"; }
pid_of() { sysg --sys status --format json | tr -d ' \n' | sed 's/{"name":/\n&/g' | grep "^{\"name\":\"$1\"" | grep -o '"pid":[0-9]*' | head -n 1 | cut -d: -f2; }
filtered() { grep -qx 'Seccomp:.2' "/proc/$(pid_of "$1")/status"; }

ip link set lo up
groupadd --system sysg
useradd --system --user-group --no-create-home --home-dir / --shell /usr/sbin/nologin sysgd
useradd --system --user-group --home-dir /srv/web --shell /bin/sh web
postgres=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)

mkdir -p /etc/systemg
manifest=/etc/systemg/systemg.yaml
printf 'version: "3"\nproject: programs\nservices:\n' >"$manifest"
port=20000
declare -A at
service() { # service NAME PROFILE COMMAND [MORE]
	local dir=/srv/$1-$2
	mkdir -p "$dir" && chown web: "$dir"
	cat >>"$manifest" <<-YAML
		  $1-$2:
		    command: $3
		    working_dir: $dir
		    user: web
		    restart_policy: never
		    isolation: {seccomp: $2}
		    ${4:-}
	YAML
}
for profile in service strict; do
	for name in go nginx redis python node java; do at[$name-$profile]=$((port += 1)); done
	service redis $profile "exec redis-server --bind 127.0.0.1 --port ${at[redis-$profile]} --appendonly yes --io-threads 2"
	service go $profile "exec $2/shop api" "env: {vars: {SHOP_REDIS: \"127.0.0.1:${at[redis-$profile]}\", SHOP_HTTP: \"127.0.0.1:${at[go-$profile]}\"}}"
	service nginx $profile "exec nginx -p . -c nginx.conf"
	cat >"/srv/nginx-$profile/nginx.conf" <<-CONF
		daemon off; pid nginx.pid; error_log stderr; worker_processes 2;
		events {}
		http {
			access_log off; sendfile on; aio threads; root .;
			client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
			server { listen 127.0.0.1:${at[nginx-$profile]}; }
		}
	CONF
	echo nginx >"/srv/nginx-$profile/index.html"
	service python $profile "exec /usr/bin/python3 $here/app.py ${at[python-$profile]}"
	service node $profile "exec node $here/app.js ${at[node-$profile]}"
	service java $profile "exec rmiregistry ${at[java-$profile]}"
	service calls $profile "exec /usr/bin/python3 $here/calls.py"
	service postgres $profile "exec $postgres/postgres -D data -k /srv/postgres-$profile -c listen_addresses= -c max_parallel_workers=4" \
		"deployment: {pre_start: \"test -d data || $postgres/initdb -D data -A trust\"}"
done
service calls '{deny: [ptrace, unshare]}' "exec /usr/bin/python3 $here/calls.py"
service calls '{deny: [getuid], default: kill}' "exec /usr/bin/python3 -c 'import os; os.getuid()'"
sed -i 's/calls-{deny: \[ptrace.*:$/calls-own:/; s/calls-{deny: \[getuid.*:$/calls-kill:/; s|working_dir: /srv/calls-{.*|working_dir: /srv|' "$manifest"

check "the manifest is valid" sysg --sys validate -c "$manifest"
sysg --sys start --daemonize -c "$manifest" >/tmp/start 2>&1
for profile in service strict; do
	check "a Go server under $profile" wait_for http "${at[go-$profile]}" HTTP/1
	check "nginx under $profile" wait_for http "${at[nginx-$profile]}" nginx
	check "redis under $profile" wait_for redis-cli -p "${at[redis-$profile]}" set a b
	redis-cli -p "${at[redis-$profile]}" bgsave >/dev/null
	check "redis saves under $profile" wait_for sh -c "redis-cli -p ${at[redis-$profile]} info persistence | grep -q 'rdb_saves:[1-9]'"
	check "a Python server under $profile" wait_for http "${at[python-$profile]}" python
	check "a Node server under $profile" wait_for http "${at[node-$profile]}" node
	check "a JVM server under $profile" wait_for rmi "${at[java-$profile]}"
	for name in go nginx redis python node java; do check "$name has the filter of $profile" filtered "$name-$profile"; done
done
sql() { psql -h /srv/postgres-service -U web postgres -Atc "$1"; }
check "PostgreSQL under service" wait_for sql 'create table if not exists t as select generate_series(1, 200000) n'
check "PostgreSQL counts in parallel" eval \
	'sql "set min_parallel_table_scan_size = 0; set parallel_setup_cost = 0; explain analyze select count(*) from t" | grep -q "Workers Launched: [1-9]"'
check "PostgreSQL has no System V memory under strict" eval 'log postgres-strict | grep -q "Function not implemented"'

for profile in service strict own; do
	check "the calls under $profile were made" wait_for answers $profile end ok
	check "getpid under $profile" answers $profile getpid ok
done
# call, and what it answers under service, strict and {deny: [ptrace, unshare]}.
while read -r name service strict own; do
	check "$name under service is $service" answers service "$name" "$service"
	check "$name under strict is $strict" answers strict "$name" "$strict"
	[ "$own" = - ] || check "$name under lists is $own" answers own "$name" "$own"
done <<TABLE
unshare EPERM EPERM EPERM
mount EPERM EPERM -
ptrace EPERM EPERM EPERM
bpf EPERM EPERM -
io_uring_setup ENOSYS ENOSYS EFAULT
clone3 ENOSYS ENOSYS EINVAL
keyctl ENOTSUP EPERM ENOTSUP
shmget ENOENT ENOSYS ENOENT
socket EINVAL EAFNOSUPPORT EINVAL
personality EPERM EPERM ok
ioctl EPERM EPERM -
TABLE
check "a call that kills is told by its signal" eval 'sysg --sys why calls-kill | grep -i -e "signal 31" -e SIGSYS'

check "inspect --exec shows the filter as the last step before the program" \
	eval 'sysg --sys inspect --exec -s go-strict | tail -n 2 | head -n 1 | grep -q "seccomp profile strict"'
check "security sees the filter" eval 'sysg --sys security go-strict | grep -q "isolation.seccomp *profile strict */proc/"'
check "and what is left open" eval '! sysg --sys security go-strict --threshold 1'
check "it all stops" sysg --sys stop
sysg --sys stop --supervisor
echo END
