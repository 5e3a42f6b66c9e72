#!/bin/bash
# The demonstration of `make demo`: it starts the shop in an instance of its own,
# breaks it, shows it heal, and leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Folders of its own, so that an instance of yours is left alone. The path is
# short, since that of a unix socket may have at most 107 bytes.
home=$(mktemp -d /tmp/sysg-demo.XXXXXX)
export HOME=$home XDG_DATA_HOME=$home/data XDG_RUNTIME_DIR=$home/run XDG_CONFIG_HOME=$home/config
mkdir -m 0700 "$XDG_DATA_HOME" "$XDG_RUNTIME_DIR"
export PATH=$PWD/bin:$PATH

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n== %s\n' "$*"; }
show() {
	printf '$ %s\n' "$*"
	"$@"
}
die() {
	printf 'demo: %s\n' "$*" >&2
	if [ -f "$XDG_DATA_HOME/systemg/logs/supervisor.log" ]; then
		tail -n 20 "$XDG_DATA_HOME/systemg/logs/supervisor.log" >&2
	fi
	exit 1
}

# Every process of this instance has its folder in its environment, as this
# script's own children do; but those are in this script's session.
session=$(ps -o sid= -p $$ | tr -d ' ')
ours() {
	local environ pid
	for environ in /proc/[0-9]*/environ; do
		pid=${environ//[!0-9]/}
		{ tr '\0' '\n' <"$environ"; } 2>/dev/null | grep -q "^XDG_DATA_HOME=$home/data$" || continue
		[ "$(ps -o sid= -p "$pid" | tr -d ' ')" != "$session" ] || continue
		ps -o pid=,args= -p "$pid" || true
	done
}
cleanup() {
	status=$?
	trap - EXIT
	sysg stop --supervisor >/dev/null 2>&1 || true
	rm -rf "$home"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# A port that is free, beginning with the one that is asked for.
free_port() {
	local port=$1
	while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
	echo "$port"
}
SHOP_REDIS=127.0.0.1:$(free_port 16379)
SHOP_HTTP=127.0.0.1:$(free_port 18080)
export SHOP_REDIS SHOP_HTTP SHOP_DATA=$home/redis

api_pid() { curl --silent --fail --max-time 5 "http://$SHOP_HTTP/" | sed -n 's/.*"pid":\([0-9]*\).*/\1/p'; }

say "Start the shop: redis, then the seed, then the API; the worker beside them"
show sysg start --daemonize -c examples/shop/systemg.yaml || die "the start failed"

say "The API answers from redis"
show curl --silent --show-error --fail --max-time 5 "http://$SHOP_HTTP/"
before=$(api_pid)

say "An order goes through redis to the worker"
show curl --silent --show-error --fail --max-time 5 -X POST "http://$SHOP_HTTP/orders"
show sysg logs -s worker -l 5

say "Kill the API with SIGKILL: pid $before"
kill -KILL "$before"
began=$(date +%s%N)
after=
for _ in $(seq 200); do
	after=$(api_pid 2>/dev/null) && [ -n "$after" ] && break
	sleep 0.02
done
[ -n "$after" ] || die "the API did not come back"
[ "$after" != "$before" ] || die "the API was not killed"
echo "It answers again after $((($(date +%s%N) - began) / 1000000)) ms (its backoff is 100 ms): pid $after"

# status begins to call it running when its health check has passed.
for _ in $(seq 200); do
	[ "$(sysg status --format json | tr -d ' \n' | grep -o '"phase":"ready"' | wc -l)" -eq 3 ] && break
	sleep 0.02
done

say "Status"
show sysg status || die "the shop is not healthy"

say "Why is the API in the state it is in?"
show sysg why api

say "Stop everything"
# What is ours, to look for afterwards: the daemons by their environment, the
# services by what status says (redis overwrites its environment).
services=$(sysg status --format json | tr -d ' \n' | grep -o '"pid":[0-9]*' | cut -d: -f2)
[ "$(ours | grep -c -e sysgd -e sysg-exec)" -eq 2 ] && [ "$(wc -w <<<"$services")" -eq 3 ] ||
	die "expected two daemons and three services, found:"$'\n'"$(ours)"
show sysg stop --supervisor || die "the stop failed"
for _ in $(seq 100); do
	left=$(ours; for pid in $services; do ps -o pid=,args= -p "$pid" || true; done)
	[ -n "$left" ] || break
	sleep 0.02
done
[ -z "$left" ] || die "these are still running:"$'\n'"$left"
echo "Nothing is left running."
