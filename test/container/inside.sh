#!/bin/bash
# Runs inside the container, as root, once systemd is up. It makes a user with
# a lingering `systemctl --user` instance, runs a stack through the sockets of
# systemd/user, and breaks things. Each line PASS or FAIL is one subtest.
set -u

. /opt/test/lib.sh

status_json() { as_user 'sysg status --format json'; }
dump() {
	as_user 'sysg status --format json; systemctl --user status --no-pager -n 0 "sysg*"; cat ~/.local/share/systemg/logs/supervisor.log' | tail -n 80
	journalctl --no-pager -n 40 "_UID=$uid"
}
as_user() {
	(cd /home/alice && exec setpriv --reuid=alice --regid=alice --init-groups \
		env -i HOME=/home/alice USER=alice PATH=/usr/bin:/bin "XDG_RUNTIME_DIR=/run/user/$uid" sh -c "$1")
}
user_systemctl() { as_user "systemctl --user $*"; }

main_pid() { user_systemctl show -P MainPID "$1"; }

same_pids() { # the pids of base and top are still these
	local now
	now="$(pid_of base) $(pid_of top)"
	[ "$now" = "$1" ] || { echo "pids were $1, are $now"; return 1; }
}
all_pids() { echo "$(pid_of base) $(pid_of top) $(pid_of oracle)"; }
ticks() { wc -l <"/home/alice/.local/share/systemg/logs/stack/base.log"; }
ticking() { local before; before=$(ticks); wait_for more_than "$before"; }
more_than() { [ "$(ticks)" -gt "$1" ]; }

useradd --create-home --shell /bin/bash alice
uid=$(id -u alice)
loginctl enable-linger alice
# A journal of her own, which she may read, is only on disk.
mkdir -p /var/log/journal && journalctl --flush
wait_for test -S "/run/user/$uid/bus" || echo "FAIL linger: no user manager"
cp /opt/test/stack.yaml /home/alice/systemg.yaml
chown alice: /home/alice/systemg.yaml

check "the sockets start" user_systemctl enable --now --quiet sysgd.socket
sockets="/run/user/$uid/systemg/control.sock /run/user/$uid/systemg/exec.sock"
check "both sockets are there, for the user alone" \
	test "$(stat -c '%a %U' $sockets | tr '\n' ,)" = "600 alice,600 alice,"
check "a supervisor without services answers through the socket" as_user 'sysg status --format json | grep -q status.v1'
check "the stack starts" as_user 'sysg start --daemonize -c systemg.yaml'
check "base runs" wait_for is base '"state":"running"'
check "seed is done" wait_for is seed '"state":"done"'
check "top runs" wait_for is top '"state":"running"'
check "services live in the cgroup of sysg-services" \
	grep -q 'sysg-services.service/p-stack/s-base/run-' "/proc/$(pid_of base)/cgroup"
check "the helper is their parent" \
	test "$(ps -o ppid= -p "$(pid_of base)" | tr -d ' ')" = "$(main_pid sysg-exec.service)"

# Output that goes to the journal.
journaled() { journalctl --quiet --output=export SYSG_PROJECT=stack SYSG_SERVICE=voice | grep -ax "$1"; }
check "a service with sink: journal is in the journal" wait_for journaled "MESSAGE=hello journal"
check "with the name of the service" journaled "SYSLOG_IDENTIFIER=voice"
check "with the run" journaled "SYSG_INVOCATION_ID=[0-9a-f]\{32\}"
check "with the pid of the service" journaled "SYSG_PID=$(pid_of voice)"
warned() { journalctl --quiet --output=cat --priority=warning SYSG_SERVICE=voice | grep -x "an error"; }
check "its standard error is a warning there" wait_for warned
check "there is no file of it" test ! -e /home/alice/.local/share/systemg/logs/stack/voice.log
journal_shown() { as_user "sysg logs -s voice $1" | grep -x "$2"; }
check "sysg logs shows what is in the journal" wait_for journal_shown --raw "hello journal"
check "and only the stream that is asked for" test "$(as_user 'sysg logs -s voice -k stderr --raw')" = "an error"
check "and the last lines" test "$(as_user 'sysg logs -s voice -l 1 --raw')" = "an error"
check "and a run" test "$(as_user "sysg logs --invocation $(unit voice | grep -o '"incarnation":"[0-9a-f]*' | cut -d'"' -f4) --raw -l 1")" = "an error"

# The death of the daemon.
before=$(all_pids) daemon=$(main_pid sysgd.service)
[ "$(wc -w <<<"$before")" -eq 3 ] || fail "three services run" "$before"
kill -KILL "$daemon"
echo 42 >/home/alice/end   # an exit that nobody but the helper sees
came_back() { local now; now=$(main_pid sysgd.service); [ "$now" -gt 0 ] && [ "$now" != "$daemon" ]; }
check "systemd restarts a killed sysgd" wait_for came_back
check "the exit that happened meanwhile is reported with its code" wait_for is oracle '"exit_code":42'
check "the services keep their pids" same_pids "$(cut -d' ' -f1,2 <<<"$before")"
check "and go on logging" ticking

# One crash after the other: no limit of systemd's is hit.
before="$(pid_of base) $(pid_of top)"
for _ in 1 2 3 4 5 6 7 8; do
	daemon=$(main_pid sysgd.service)
	[ "$daemon" -eq 0 ] || kill -KILL "$daemon"
	wait_for came_back >/dev/null
done
check "eight quick crashes fail nothing" wait_for is base '"phase":"ready"'
check "the services keep their pids over crashes" same_pids "$before"
check "and log after them" ticking

# Restarts of the units, and of both at once.
for unit in sysgd.service sysg-exec.service "sysgd.service sysg-exec.service"; do
	check "$unit restarts" user_systemctl restart $unit
	check "services outlive a restart of $unit" alive "$before"
	check "status answers after a restart of $unit" wait_for is base '"phase":"ready"'
	check "the services keep their pids over a restart of $unit" same_pids "$before"
	check "they log after a restart of $unit" ticking
done

# And the death of both at once.
daemon=$(main_pid sysgd.service) helper=$(main_pid sysg-exec.service)
kill -STOP "$daemon" "$helper"
kill -KILL "$daemon" "$helper"
check "systemd restarts a sysgd that was killed with the helper" wait_for came_back
check "the services keep their pids over the death of both" same_pids "$before"
check "and log after that" ticking

check "systemd was asked what SIGTERM is for" not grep -q "Cannot ask systemd" <(journalctl --quiet "_UID=$uid")

# What still works after all that.
kill -KILL "$(pid_of top)"
replaced() { local now; now=$(pid_of top); [ -n "$now" ] && [ "$now" != "$(cut -d' ' -f2 <<<"$before")" ]; }
check "a crashed service is replaced" wait_for replaced
check "why tells about the signal" as_user 'sysg why top | grep -q "signal 9"'

# Somebody who has enabled nothing, and starts from a shell: a scope of the user's
# systemd has the cgroup that the login has not.
useradd --create-home --shell /bin/bash bob
bobs=$(id -u bob)
loginctl enable-linger bob
wait_for test -S "/run/user/$bobs/bus" || echo "FAIL linger: no user manager for bob"
as_bob() {
	(cd /home/bob && exec setpriv --reuid=bob --regid=bob --init-groups \
		env -i HOME=/home/bob USER=bob PATH=/usr/bin:/bin "XDG_RUNTIME_DIR=/run/user/$bobs" sh -c "$1")
}
printf '%s\n' 'version: "3"' 'project: bobs' 'services:' '  away: {command: "setsid sleep 86401 & echo $! > pid; exec sleep 86402"}' >/home/bob/systemg.yaml
chown bob: /home/bob/systemg.yaml
bob_has() { as_bob 'sysg status --format json' | tr -d ' \n' | grep -q "$1"; }
check "a start from a shell gets a scope" as_bob 'sysg start --daemonize'
check "with cgroups" bob_has '"containment":"cgroup'
check "of the user's systemd" grep -q '/app.slice/run-.*\.scope/sysg-.*/p-bobs/s-away/run-' "/proc/$(cat /home/bob/pid)/cgroup"
pkill -KILL -u bob 'sysgd|sysg-exec'
check "the next command brings the daemons back" bob_has '"phase":"ready"'
check "and the service has outlived them" alive "$(cat /home/bob/pid)"
check "a stop finds what left its session" as_bob 'sysg stop --supervisor'
check "nothing of it is left" wait_for dead "$(cat /home/bob/pid)"

# The end of everything at once.
before="$(pid_of base) $(pid_of top)"
check "sysg-services stops" user_systemctl stop sysg-services.service
check "and with it every service" wait_for dead "$before"
none() { ! pgrep -u alice -f 'sleep 86400'; }
check "nothing of the stack is left" none

echo END
