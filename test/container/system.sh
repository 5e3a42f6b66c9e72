#!/bin/bash
# Runs inside the container, as root, once systemd is up: the system's instance
# with its units, whoever may ask it for what, and what is left by a restart, a
# stop and a kill of each unit. The first run sets it up and ends as a machine
# does; the second one finds what a boot starts.
set -u
. /opt/test/lib.sh

status_json() { sysg --sys status --format json; }
dump() {
	sysg --sys status --format json | tail -n 60
	systemctl status --no-pager -n 0 "sysg*"
	journalctl --no-pager -n 60 -u "sysg*"
	tail -n 5 /var/log/systemg/stack/rogue.log
	head -c 1500 /var/lib/systemg/projects/stack/state.json
	cat /var/lib/systemg/projects/stack/pid.json /proc/sys/kernel/random/boot_id
}
as() { # as USER COMMAND
	(cd / && exec setpriv --reuid="$1" --regid="$1" --init-groups env -i HOME=/ "USER=$1" PATH=/usr/bin:/bin sh -c "$2")
}
main_pid() { systemctl show -P MainPID "$1"; }
both() { echo "$(pid_of base) $(pid_of top)"; }
same_pids() { local now; now=$(both); [ "$now" = "$1" ] || { echo "pids were $1, are $now"; return 1; }; }
log=/var/log/systemg/stack/base.log
more_than() { [ "$(wc -l <"$log")" -gt "$1" ]; }
ticking() { local before; before=$(wc -l <"$log"); wait_for more_than "$before"; }
up() { is base '"state":"running"' && is top '"state":"running"'; }
answers() { timeout 9 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080; read -r line <&3; [[ $line == hello* ]]'; }
says() { grep -q "$1" "/var/log/systemg/stack/$2.log"; }

if [ -e /etc/second ]; then
	check "a boot starts what was wanted" wait_for up
	check "an inherited socket is there again" answers
	check "and not what was stopped" is oracle '"state":"stopped"'
	# The ends of the last boot, in their order: both were asked before anything
	# else of the machine went away.
	check "the shutdown stopped them in reverse order" grep -q 'top ends' /var/log/systemg/stack/top.log
	check "and base after top" says 'base ends' base
	check "the journal has it" wait_for eval 'journalctl -b -1 -u sysgd.service --no-pager -q | grep -q "Stopping all services" || [ ! -d /var/log/journal ]'
	check "systemd had nothing to kill" eval '! journalctl -b -1 --no-pager -q 2>/dev/null | grep -E "sysg.*(timed out|SIGKILL)"'
	echo END
	exit 0
fi

# What a package does when it is installed.
mkdir -p /var/log/journal
systemd-sysusers systemg.conf && systemd-tmpfiles --create systemg.conf
useradd --system --shell /bin/sh web
useradd --shell /bin/sh oliver && usermod --append --groups sysg oliver
useradd --shell /bin/sh somebody
install -m 0644 /opt/test/system.yaml /etc/systemg/systemg.yaml
cat >/etc/systemd/system/port.socket <<'UNIT'
[Socket]
ListenStream=127.0.0.1:8080
FileDescriptorName=port
Service=sysgd.service
[Install]
WantedBy=sockets.target
UNIT
systemctl daemon-reload

check "a socket for a service" systemctl enable --now --quiet port.socket
check "the sockets are enabled and start" systemctl enable --now --quiet sysgd.socket
check "everybody may ask, and only the daemon the helper" \
	test "$(stat -c '%a %U %G' /run/systemg/control.sock /run/systemg/exec.sock | tr '\n' ,)" = "666 root root,660 root sysgd,"
check "its home is there" systemctl start sysg-services.service || { echo END; exit 1; }
check "a supervisor without services answers anybody" as somebody 'sysg --sys status --format json | grep -q status.v1'
check "its folders are root's, but for its own" \
	test "$(cd / && stat -c '%a %U' /var/lib/systemg /var/lib/systemg/generations /var/lib/systemg/projects /var/log/systemg /run/systemg /run/systemg/sysgd | tr '\n' ,)" = "755 root,750 root,700 sysgd,2750 sysgd,755 root,700 sysgd,"
check "sysgd is nearly as confined as systemd can confine" systemd-analyze security --no-pager --threshold=15 sysgd.service
daemon=$(main_pid sysgd.service)
check "it is its own user" test "$(stat -c %U "/proc/$daemon")" = sysgd
check "it has no capability, not even to gain" test "$(grep '^Cap' "/proc/$daemon/status" | grep -vc 0000000000000000)" = 0
check "and gains no privileges" grep -q '^NoNewPrivs:.1' "/proc/$daemon/status"

# Who may do what.
check "an operator may not install" eval '! as oliver "sysg --sys start --daemonize -c /etc/systemg/systemg.yaml"'
check "root does" sysg --sys start --daemonize -c /etc/systemg/systemg.yaml
check "the stack runs" wait_for up || { echo END; exit 1; }
check "as the user of its manifest" test "$(stat -c %U "/proc/$(pid_of base)")" = web
check "in the cgroup of sysg-services" grep -q 'system.slice/sysg-services.service/p-stack/s-base/run-' "/proc/$(pid_of base)/cgroup"
check "the helper is its parent" test "$(ps -o ppid= -p "$(pid_of base)" | tr -d ' ')" = "$(main_pid sysg-exec.service)"
check "somebody sees what runs" as somebody 'sysg --sys status | grep -q base'
check "and why" as somebody 'sysg --sys why base'
check "but may not stop it" eval '! as somebody "sysg --sys stop -s base"'
check "nor read its output" eval '! as somebody "sysg --sys logs -s stack/base --raw --no-follow" | grep tick'
check "nor look into its log" eval '! as somebody "cat $log"'
check "an operator stops a service" as oliver 'sysg --sys stop -s oracle'
check "which is stopped" is oracle '"state":"stopped"'
check "and starts it" as oliver 'sysg --sys start -s oracle -p stack'
check "and restarts one" as oliver 'sysg --sys restart -s top'
check "and reads output" as oliver 'sysg --sys logs -s stack/base --raw --no-follow | grep -q tick'
check "but may not end the supervisor" eval '! as oliver "sysg --sys stop --supervisor"'
check "nor purge" eval '! as oliver "sysg --sys purge -p stack"'
check "a service of root's sees" wait_for says sees rogue
check "and may do no more" wait_for says denied rogue
check "which is so" is base '"state":"running"'
check "the generation is root's, its secrets nobody else's" \
	test "$(stat -c '%a %U %G' /var/lib/systemg/generations/stack/1.launch.json)" = "600 root root"

# What systemd listens on reaches the service that inherits it, once it is wanted.
check "a lazy service waits for its inherited socket" wait_for is porter '"phase":"listening"'
check "and starts with the first connection, which it answers" answers
check "then it runs" is porter '"state":"running"'

# Polkit grants more, to whom a rule names.
cat >/etc/polkit-1/rules.d/50-sysg.rules <<'RULE'
polkit.addRule(function(action, subject) {
	if (action.id == "org.systemg.operate" && subject.user == "somebody") return polkit.Result.YES;
});
RULE
check "a rule of polkit lets somebody operate" wait_for as somebody 'sysg --sys stop -s oracle'
check "and not administer" eval '! as somebody "sysg --sys stop --supervisor"'
rm /etc/polkit-1/rules.d/50-sysg.rules

# A death of the daemon and of the helper, and of both.
wait_for up
before=$(both)
returned() { local now; now=$(main_pid "$1"); [ "$now" -gt 0 ] && [ "$now" != "$2" ]; }
for name in sysgd sysg-exec; do
	check "$name restarts" systemctl restart "$name.service"
	check "services outlive a restart of $name" same_pids "$before"
	check "they log after a restart of $name" ticking
	pid=$(main_pid "$name.service")
	kill -KILL "$pid"
	check "systemd brings a killed $name back" wait_for returned "$name.service" "$pid"
	check "services outlive that of $name" same_pids "$before"
	check "the death of $name is not the end of their logs" ticking
	[ "$name" = sysgd ] || continue
	pid=$(main_pid sysgd.service)
	kill -TERM "$pid"
	check "systemd brings a sysgd back that somebody ended" wait_for returned sysgd.service "$pid"
	check "which is no reason to stop services" same_pids "$before"
done
check "both restart at once, as in an upgrade" systemctl restart sysg-exec.service sysgd.service
check "services outlive that" same_pids "$before"
for again in 1 2 3; do
	pids="$(main_pid sysgd.service) $(main_pid sysg-exec.service)"
	kill -STOP $pids
	kill -KILL $pids
	check "systemd brings a sysgd back that was killed with the helper" wait_for returned sysgd.service "${pids% *}"
	check "and the helper" wait_for returned sysg-exec.service "${pids#* }"
	check "services outlive the death of both" same_pids "$before"
	check "and they log" ticking
done
counted() { awk '$NF != NR { print "line " NR " is " $NF; exit 1 }' /var/log/systemg/stack/counter.log; }
check "no line of all that time is lost or doubled" counted
check "the inherited socket outlives them" answers
check "a stop of the helper touches no service" systemctl stop sysg-exec.service
check "which live" alive "$before"
check "and it comes back with the next command" sysg --sys restart -s top
before=$(both)

# An administrator's stop.
check "sysgd stops" systemctl stop sysgd.service
check "and with it, in order, every service" dead "$before"
check "top was asked" says 'top ends' top
check "then base" says 'base ends' base
check "whoever asks finds it" wait_for is base '"state":"stopped"'
sleep 1
check "and nothing starts by itself" is top '"state":"stopped"'
check "until it is started" sysg --sys start --daemonize -c /etc/systemg/systemg.yaml
check "then it runs" wait_for up

# The home of all services.
before=$(both)
check "sysg-services stops" systemctl stop sysg-services.service
check "and with it every service" wait_for dead "$before"
check "and it starts again" systemctl start sysgd.service
check "with what is started" sysg --sys start --daemonize -c /etc/systemg/systemg.yaml
check "in a new home" wait_for up
before=$(both)
check "sysg-services restarts" systemctl restart sysg-services.service
check "which ends the services" dead "$before"
check "and what is wanted comes back" wait_for up

# The end of the supervisor as an administrator of sysg ends it.
before=$(both)
check "the supervisor stops" sysg --sys stop --supervisor
check "with everything" dead "$before"
check "and comes back with the next start" sysg --sys start --daemonize -c /etc/systemg/systemg.yaml
check "as it was" wait_for up
sysg --sys stop -s oracle >/dev/null
: >/var/log/systemg/stack/top.log
: >/var/log/systemg/stack/base.log
touch /etc/second
echo END
