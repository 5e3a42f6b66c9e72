# How the installed package is at home with systemd: its journal, its notices,
# its watchdog, its sockets, its Varlink. Sourced by packages.sh.

at_home() {
	journal_has_all
	shows
	if command -v varlinkctl >/dev/null; then speaks_varlink; fi
	measured
}

entries() { journalctl --quiet --no-pager --output=export SYSG_PROJECT=quick SYSG_SERVICE=echo; }
entry_has() { entries | grep -aqx -- "$1"; }
journal_has_all() {
	check "the journal has what a service printed" wait_for entry_has 'MESSAGE=listening'
	check "and what became of it" wait_for entry_has 'MESSAGE=quick/echo: starting → ready: .*'
	check "with a message id" entry_has 'MESSAGE_ID=6513270e269e4d37b2a74de452e6b438'
	check "with its cause" entry_has 'SYSG_CAUSE=it wrote the line .*'
	check "with the run, the same in both" same \
		"$(entries | grep -a ^SYSG_INVOCATION_ID= | sort -u | sed 's/=[0-9a-f]\{32\}$/=32 digits/')" 'SYSG_INVOCATION_ID=32 digits'
	check "journalctl -x explains" has "$(journalctl --no-pager -x SYSG_SERVICE=echo)" 'what depends on it may start'
}

status_text() { has "$(systemctl show -P StatusText "$1")" "$2"; }
shows() {
	local tree
	tree=$(systemctl status --no-pager --full sysg-services 2>&1)
	check "systemctl status shows the tree by project" has "$tree" 'p-quick'
	check "and by service" has "$tree" 's-echo'
	check "and the process" has "$tree" 'echo.pl'
	check "sysgd says what there is" wait_for status_text sysgd.service '3 services'
	check "and sysg-exec" wait_for status_text sysg-exec.service '2 running'
	for unit in sysgd sysg-exec; do
		check "systemctl reload $unit" systemctl reload "$unit.service"
		check "after which $unit runs" same "$(systemctl show -P ActiveState "$unit.service")" active
	done
}

speaks_varlink() {
	local socket=/run/systemg/control.sock control=org.systemg.Control
	call() { timeout 9 varlinkctl call --json=short "$@" 2>&1; }
	check "varlinkctl info" has "$(varlinkctl info $socket 2>&1)" $control
	check "varlinkctl introspects" has "$(varlinkctl introspect $socket $control 2>&1)" 'method Status'
	varlinkctl introspect $socket $control >/var/test/idl 2>/dev/null
	check "what systemd takes for an interface" varlinkctl validate-idl /var/test/idl
	check "varlinkctl calls GetInfo" has "$(call $socket org.varlink.service.GetInfo '{}')" '"interfaces":['
	check "and Status" has "$(call $socket $control.Status '{"project":"quick","services":[]}')" '"name":"echo"'
	check "and has a stream of events" test \
		"$(call --more $socket $control.Events '{"project":"quick","services":["echo"],"lines":-1,"follow":false}' | grep -c '"service":"echo"')" -gt 1
	check "an error is Varlink's" has "$(call $socket $control.Why '{"project":"none","service":"none"}')" $control.Failed
	check "a method that is not there, too" has "$(call $socket $control.Nothing '{}')" org.varlink.service.MethodNotFound
	call_as_nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups varlinkctl call --more $socket "$@" 2>&1; }
	check "and a refusal" has "$(call_as_nobody $control.Stop '{"project":"quick","services":[]}')" $control.Denied
}

# measured enables metrics by what the documentation has.
measured() {
	local pid
	pid=$(pid_of echo)
	mkdir -p /etc/systemd/system/sysgd.service.d
	cp /usr/share/doc/sysg/examples/metrics/sysg-metrics.socket /etc/systemd/system/
	cp /usr/share/doc/sysg/examples/metrics/sysgd.service.d/metrics.conf /etc/systemd/system/sysgd.service.d/
	systemctl daemon-reload
	check "metrics on a socket of systemd" systemctl restart sysgd.service
	check "are there" wait_for scraped quick echo
	check "and no service noticed" same "$(pid_of echo)" "$pid"
	sed '1,/^\r$/d' /var/test/scraped >/opt/out/metrics.txt
	rm -r /etc/systemd/system/sysg-metrics.socket /etc/systemd/system/sysgd.service.d
	systemctl daemon-reload
	systemctl restart sysgd.service
}
scraped() { # scraped PROJECT SERVICE
	exec 4<>/dev/tcp/127.0.0.1/9907 || return 1
	printf 'GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n' >&4
	timeout 9 cat <&4 >/var/test/scraped
	exec 4<&-
	grep -q "sysg_service_up{project=\"$1\",service=\"$2\"} 1" /var/test/scraped
}

# alice_measures has the same of a user's own instance, which tells of that alone.
alice_measures() {
	check "a user has metrics as well" as_alice '
		cd /usr/share/doc/sysg/examples/metrics &&
		mkdir -p ~/.config/systemd/user/sysgd.service.d &&
		cp sysg-metrics.socket ~/.config/systemd/user/ &&
		cp sysgd.service.d/metrics.conf ~/.config/systemd/user/sysgd.service.d/ &&
		systemctl --user daemon-reload && systemctl --user restart sysgd'
	check "of what is the user's" wait_for scraped own mine
	check "and nobody else's" not grep quick /var/test/scraped
}

# watched sets a watchdog, as an administrator may, and stops each daemon in turn:
# meanwhile the other one has to prove for as long that it lives.
returned() { local now; now=$(main_pid "$1"); [ "$now" -gt 0 ] && [ "$now" != "$2" ]; }
proof() { systemctl show -P WatchdogTimestampMonotonic "$1.service"; }
proves_after() { [ "$(proof "$2")" != "$1" ]; }
watched() {
	local echo_pid unit other before pid
	wait_for ready echo
	echo_pid=$(pid_of echo)
	for unit in sysgd sysg-exec; do
		mkdir -p "/etc/systemd/system/$unit.service.d"
		printf '[Service]\nWatchdogSec=8s\n' >"/etc/systemd/system/$unit.service.d/watchdog.conf"
	done
	systemctl daemon-reload
	systemctl restart sysgd.service sysg-exec.service
	for unit in sysgd sysg-exec; do
		pid=$(main_pid $unit.service)
		check "$unit proves again that it lives" wait_for proves_after "$(proof $unit)" $unit
		check "and is the one that did before" same "$(main_pid $unit.service)" "$pid"
	done
	for unit in sysgd sysg-exec; do
		wait_for ready echo
		[ $unit = sysgd ] && other=sysg-exec || other=sysgd
		pid=$(main_pid $unit.service) before=$(main_pid $other.service)
		kill -STOP "$pid"
		check "the watchdog replaces a $unit that hangs" wait_for returned $unit.service "$pid"
		check "and leaves $other alone" same "$(main_pid $other.service)" "$before"
	done
	check "it is the watchdog that did" has "$(journalctl --no-pager -u 'sysg*' | grep -c 'Watchdog timeout')" 2
	check "services outlive it" same "$(pid_of echo)" "$echo_pid"
	check "and go on" wait_for ready echo
	rm -r /etc/systemd/system/sysg*.service.d
	systemctl daemon-reload
}

# completes asks the shell what may follow, as the package has installed it.
completes() {
	check "bash completes live names" has "$(bash -c '. /usr/share/bash-completion/completions/sysg
		COMP_WORDS=(sysg --sys status -s ec) COMP_CWORD=4; _sysg; echo "${COMPREPLY[*]}"' 2>&1)" echo
}
