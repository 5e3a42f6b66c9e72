# What restarting, killing and upgrading each unit does to services, with
# controllers enabled below the home of all services.

cp vm/stacks/units.yaml /etc/systemg/
check "a stack starts" sysg --sys start --daemonize -c /etc/systemg/units.yaml
sysg --sys stop -s idle >/dev/null


# keeps WHAT COMMAND...: the services are the same processes afterwards.
keeps() {
	local before
	before=$(pids)
	shift
	"$@" || return
	wait_for active && wait_for up || return
	[ "$(pids)" = "$before" ] || { echo "pids were $before, are $(pids)"; return 1; }
}
# renews WHAT COMMAND...: they are others, and up.
renewed() { up && [ "$(pid_of api)" != "${1% *}" ] && [ "$(pid_of web)" != "${1#* }" ] && active; }
renews() {
	local before
	before=$(pids)
	shift
	"$@" || return
	wait_for renewed "$before"
}
kept() { check "$1" keeps "$@"; }
new() { check "$1" renews "$@"; }
crash() { systemctl kill --kill-whom=main --signal=KILL "$@"; }

kept "sysgd restarted" systemctl restart sysgd
kept "sysg-exec restarted" systemctl restart sysg-exec
kept "sysgd killed" crash sysgd
kept "sysg-exec killed" crash sysg-exec
kept "both killed" crash sysgd sysg-exec
stopped_and_started() { systemctl stop sysg-exec && systemctl start sysg-exec; }
kept "sysg-exec stopped and started" stopped_and_started
upgrade() {
	install sysg sysgd /usr/bin/ && install sysg-exec /usr/libexec/systemg/ &&
		systemctl daemon-reload && systemctl try-restart sysg-exec sysgd
}
kept "an upgrade" upgrade
check "the limits are what they were" limited

new "the home killed" crash sysg-services
new "the home restarted" systemctl restart sysg-services
check "the limits are there again" limited

leftover() {
	systemctl stop sysg-services
	wait_for test ! -e "$home/p-units"
	! pgrep -x sleep -u alice
}
check "a stopped home ends everything" leftover

# reboots: what is wanted comes back; the rest of this is in second.sh.
reboots() {
	check "what was ended starts again" sysg --sys start --daemonize -c /etc/systemg/units.yaml
	sysg --sys stop -s idle >/dev/null
	pids >/etc/second
	sync
	touch /run/reboots
	systemctl reboot --no-block
}
