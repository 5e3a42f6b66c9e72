#!/bin/bash
# Runs inside the container, as root, at each of its boots: what an administrator
# does with the packages, from the first installation to the last trace of them.
# /opt/packages has sysg-1.deb and sysg-2.deb, or .rpm. Each line PASS or FAIL is
# one subtest.
set -u

pass() { echo "PASS $1"; }
fail() { echo "FAIL $1: ${2:-}"; }
check() { # check NAME COMMAND...: one subtest
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then pass "$name"; else fail "$name" "$(echo "$said" | tail -n 5 | tr '\n' ' ')"; fi
}
not() { ! "$@"; }
is() { [ "$1" = "$2" ] || { echo "\"$1\" is not \"$2\""; return 1; }; }
has() { grep -qF -- "$2" <<<"$1" || { echo "no \"$2\" in: $1"; return 1; }; }
wait_for() { # asks until it is true, at most twenty seconds
	local i began=$SECONDS
	for i in $(seq 400); do
		"$@" >/dev/null 2>&1 && return 0
		[ $((SECONDS - began)) -lt 20 ] || break
		sleep 0.05
	done
	echo "did not come true: $*"
	return 1
}

if ls /opt/packages/*.deb >/dev/null 2>&1; then
	install() { DEBIAN_FRONTEND=noninteractive dpkg -i "/opt/packages/sysg-$1.deb" </dev/null; }
	remove() { dpkg -r sysg; }
	purge() { dpkg -P sysg; }
else
	install() { rpm -U --oldpackage --replacepkgs --nodeps "/opt/packages/sysg-$1.rpm"; }
	remove() { rpm -e sysg; }
	purge() { rm -rf /var/lib/systemg /var/log/systemg /etc/systemg /run/systemg; }
fi

# files is everything that may change by a package: names, owners, modes, sizes.
files() {
	find /etc /opt /usr /var /home /root /srv -xdev \
		\( -path /var/log/journal -o -path /var/lib/dpkg -o -path /var/lib/rpm -o -path /usr/lib/sysimage -o -path /var/lib/systemd \
		-o -path /var/cache -o -path /var/tmp -o -path /var/test -o -path /home/alice -o -path /opt/packages \) -prune -o \
		! -path '/etc/*passwd*' ! -path '/etc/*group*' ! -path '/etc/*shadow*' ! -path '/etc/sub[ug]id*' ! -path /etc/.updated ! -path /var/.updated ! -path '/var/log/*' ! -path '/etc/machine-id' \
		! -name '*.pyc' -printf '%p %U:%G %m %y\n' | grep -v -e ' 0:0 755 d$' -e '^/var/log' | LC_ALL=C sort
}
units() { timeout 5 sysg --sys status --format json | tr -d ' \n' | sed 's/{"name":/\n&/g'; }
unit() { units | grep "^{\"name\":\"$1\""; }
pid_of() { unit "$1" | grep -o '"pid":[0-9]*' | head -n 1 | cut -d: -f2; }
ready() { unit "$1" | grep -q '"phase":"ready"'; }
as_alice() {
	(cd /home/alice && exec setpriv --reuid=alice --regid=alice --init-groups \
		env -i HOME=/home/alice USER=alice PATH=/usr/bin:/bin "XDG_RUNTIME_DIR=/run/user/$(id -u alice)" sh -c "$1")
}
said() { # what the echo service answers over the connection that is open
	echo "$1" >&3 && read -r -t 5 line <&3 && [ "$line" = "$1" ]
}
running_version() { sysg --sys version | grep -F "(supervisor "; }

first_boot() {
	mkdir -p /var/test
	check 'the package installs' install 1
	check 'and enables nothing' is "$(systemctl is-enabled sysgd.socket 2>&1)" disabled
	check 'and starts nothing' not systemctl is-active sysgd.socket sysgd.service sysg-exec.service
	check 'it installs over itself' install 1
	check 'a page of the manual is there' test -s /usr/share/man/man1/sysg-start.1.gz

	# The quick start of README.
	check 'systemctl enable --now sysgd.socket' systemctl enable --now sysgd.socket
	cat >/var/test/echo.pl <<-'END'
		use IO::Socket;
		$server = IO::Socket::INET->new(LocalAddr => "127.0.0.1:7007", Listen => 5, ReuseAddr => 1) or die;
		$| = 1;
		print "listening\n";
		while ($client = $server->accept) {
			unless (fork) { $client->autoflush; print $client $_ while <$client>; exit }
		}
	END
	cat >/etc/systemg/systemg.yaml <<-'END'
		version: "3"
		project: quick
		services:
		  echo:
		    exec: [perl, /var/test/echo.pl]
		    user: nobody
		    restart_policy: always
		    ready: {log: listening}
		    logs: {sink: journal}
		  job:
		    command: date
		    user: nobody
		    cron: {expression: "* * * * *"}
	END
	check 'sysg --sys start --daemonize' sysg --sys start --daemonize
	if ! wait_for ready echo; then
		fail 'the service is ready'
		{ timeout 5 sysg --sys why echo; systemctl status --no-pager 'sysg*'; journalctl --no-pager -n 60; } 2>&1
		systemctl poweroff --no-block
		return
	fi
	check 'as its user' is "$(ps -o user= -p "$(pid_of echo)")" nobody
	check 'the journal has what it printed and what became of it' wait_for journal_has_both
	check 'with a text of the catalog' wait_for catalog_explains
	check 'systemctl status shows the tree' has "$(systemctl status --no-pager sysg-services 2>&1)" s-echo
	if command -v varlinkctl >/dev/null; then
		check 'varlinkctl introspects' has "$(varlinkctl introspect /run/systemg/control.sock org.systemg.Control 2>&1)" 'method Status'
		check 'varlinkctl calls' has "$(varlinkctl call --json=short /run/systemg/control.sock org.systemg.Control.Status '{}' 2>&1)" '"echo"'
	fi
	metrics

	exec 3<>/dev/tcp/127.0.0.1/7007
	check 'a connection through it works' said hello
	upgraded 'upgrade' 2
	upgraded 'downgrade' 1

	useradd --create-home --shell /bin/bash alice
	loginctl enable-linger alice
	check 'a user has an instance' wait_for as_alice 'systemctl --user enable --now sysgd.socket'
	printf 'version: "3"\nproject: own\nservices: {mine: {command: exec sleep 86400}}\n' >/home/alice/systemg.yaml
	check 'and starts services' as_alice 'sysg start -c ~/systemg.yaml --daemonize'
	pid_of echo >/var/test/pid
	touch /var/test/installed
	systemctl reboot --no-block
}

journal_has_both() {
	local all
	all=$(journalctl --no-pager -o cat SYSG_SERVICE=echo)
	has "$all" listening && has "$all" 'starting → ready'
}
catalog_explains() { has "$(journalctl --no-pager -x SYSG_SERVICE=echo)" 'what depends on it may start'; }

metrics() {
	cat >/etc/systemd/system/sysg-metrics.socket <<-'END'
		[Socket]
		ListenStream=127.0.0.1:9907
		Service=sysgd.service
		FileDescriptorName=metrics
	END
	systemctl daemon-reload
	systemctl stop sysgd.service sysgd.socket >/dev/null 2>&1
	systemctl start sysg-metrics.socket sysgd.socket sysgd.service
	sysg --sys start --daemonize >/dev/null # An administrator's stop stays.
	wait_for ready echo
	check 'metrics on a socket of systemd' wait_for scraped
	sed '1,/^\r$/d' /var/test/scraped >/opt/out/metrics.txt
	systemctl stop sysg-metrics.socket sysgd.service
	rm /etc/systemd/system/sysg-metrics.socket
	systemctl daemon-reload
	systemctl start sysgd.socket
	sysg --sys start --daemonize >/dev/null
	check 'the service is ready again' wait_for ready echo
}
scraped() {
	exec 4<>/dev/tcp/127.0.0.1/9907 || return 1
	printf 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n' >&4
	cat <&4 >/var/test/scraped
	exec 4<&-
	grep -q 'sysg_service_up{project="quick",service="echo"} 1' /var/test/scraped
}

upgraded() { # upgraded NAME VERSION
	local pid holder
	pid=$(pid_of echo)
	holder=$(systemctl show -P MainPID sysg-services.service)
	check "$1" install "$2"
	check "after the $1 the supervisor is of that version" wait_for supervisor_is "$2"
	check "after the $1 the service has its process" is "$(pid_of echo)" "$pid"
	check "after the $1 its home is untouched" is "$(systemctl show -P MainPID sysg-services.service)" "$holder"
	check "after the $1 the connection flows" said "$1"
}
supervisor_is() { has "$(sysg --sys version)" "supervisor 0.0.$1"; }

second_boot() {
	check 'after a reboot the stack is up' wait_for ready echo
	check 'in a process of its own' not is "$(pid_of echo)" "$(cat /var/test/pid)"
	check 'with its schedule' has "$(sysg --sys cron next)" quick/job
	check 'and so is a lingering user'"'"'s' wait_for as_alice 'sysg status | grep -q mine.*running'

	pid=$(pid_of echo)
	mine=$(as_alice 'sysg status --format json' | tr -d ' \n' | grep -o '"pid":[0-9]*' | head -n 1 | cut -d: -f2)
	check 'remove' remove
	check 'it ended the service' not test -d "/proc/$pid"
	check 'and the user'"'"'s' not test -d "/proc/$mine"
	check 'and the daemons' not pgrep -x 'sysgd|sysg-exec'
	check 'it kept the state' test -d /var/lib/systemg/generations/quick
	check 'it kept the logs' test -d /var/log/systemg
	check 'purge' purge
	files >/var/test/after
	check 'nothing is left of it' diff /opt/out/before /var/test/after
	check 'but the user' id sysgd
	echo END
	systemctl poweroff --no-block
}

if [ -e /var/test/installed ]; then
	second_boot
else
	files >/opt/out/before
	first_boot
fi
