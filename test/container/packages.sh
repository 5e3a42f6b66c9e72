#!/bin/bash
# Runs inside the container, as root, in two boots: what an administrator does
# with the packages, from the first installation to the last trace of them.
# /opt/packages has them in 1 and 2, for two versions. Each line PASS or FAIL is
# one subtest.
set -u
. /opt/test/lib.sh
. /opt/test/packages-systemd.sh

status_json() { timeout 5 sysg --sys status --format json; }
dump() { timeout 5 sysg --sys why quick/echo; systemctl status --no-pager -n 5 'sysg*'; journalctl --no-pager -n 60; }
has() { grep -qF -- "$2" <<<"$1" || { echo "no \"$2\" in: $1"; return 1; }; }
same() { [ "$1" = "$2" ] || { echo "\"$1\" is not \"$2\""; return 1; }; }
ready() { is "$1" '"phase":"ready"'; }
main_pid() { systemctl show -P MainPID "$1"; }
sudo() { "$@"; } # We are root already.
as_alice() {
	(cd /home/alice && exec setpriv --reuid=alice --regid=alice --init-groups \
		env -i HOME=/home/alice USER=alice PATH=/usr/bin:/bin "XDG_RUNTIME_DIR=/run/user/$(id -u alice)" sh -c "$1")
}

if ls /opt/packages/1/*.deb >/dev/null 2>&1; then
	install() { DEBIAN_FRONTEND=noninteractive dpkg -i /opt/packages/"$1"/*.deb </dev/null; }
	remove() { dpkg -r sysg; }
	purge() { dpkg -P sysg; }
	chosen() { echo "${1%%#*}"; }
else
	# Debian's own files are not in rpm's database, which has no package here.
	rpm() { command rpm --nodeps "$@"; }
	install() { rpm -U --oldpackage --replacepkgs /opt/packages/"$1"/*.rpm; }
	remove() { command rpm -e sysg; }
	purge() { rm -r /var/lib/systemg /var/log/systemg /etc/systemg /run/systemg; } # as README says
	chosen() { echo "${1#*# or: }"; }
	# Others' directories, which the package may rely on where rpm is at home.
	mkdir -p /usr/share/licenses /usr/share/zsh/site-functions /usr/share/fish/vendor_completions.d
fi

# files is everything that may change by a package: names, owners, modes, sizes.
# What is left out is the machine's own: its journal, its accounts, the package
# managers' databases, and what we make here.
files() {
	find /etc /opt /usr /var /home /root /srv -xdev \
		\( -path /var/log -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/rpm -o -path /var/lib/systemd \
		-o -path /var/lib/private -o -path /var/cache -o -path /var/tmp -o -path /var/test -o -path '/home/*' -o -path '/root/.*' \
		-o -path /opt/packages -o -path /opt/out \) -prune -o \
		! -regex '/etc/\(passwd\|group\|shadow\|gshadow\|subuid\|subgid\)-?' ! -name .updated ! -path /etc/machine-id ! -path /etc/.pwd.lock \
		\( -type d -printf '%p %U:%G %m d\n' -o -printf '%p %U:%G %m %y %s\n' \) | LC_ALL=C sort
}

stack() {
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
		    cron: {expression: "*/2 * * * * *"}
	END
}
said() { echo "$1" >&3 && read -r -t 9 line <&3 && [ "$line" = "$1" ]; } # over the connection that is open

# quick_start does what README says, from a downloaded package.
quick_start() {
	local commands=() command
	mapfile -t commands < <(sed -n '/^## Install/,/^## /s/^    sudo /sudo /p' /opt/README.md | head -n 3)
	check "README has three commands" same "${#commands[@]}" 3
	command=$(chosen "${commands[0]}")
	cd /opt/packages/1 || return
	check "$command" eval "$command </dev/null"
	check "it enables nothing" same "$(systemctl is-enabled sysgd.socket sysgd.service sysg-exec.socket 2>&1 | tr '\n' ,)" disabled,disabled,disabled,
	check "it starts nothing" not systemctl is-active sysgd.socket sysgd.service sysg-exec.service
	check "it installs over itself" install 1
	for command in "${commands[@]:1}"; do check "$command" eval "$command"; done
	check "the example runs" wait_for ready clock
	check "and is shown" has "$(sysg --sys status 2>&1)" clock
}

first_boot() {
	local page
	mkdir -p /var/test /var/log/journal && journalctl --flush
	files >/opt/out/before
	quick_start
	for page in man1/sysg.1 man1/sysg-start.1 man5/systemg.yaml.5 man8/sysgd.8 man8/sysg-exec.8 man7/systemg.7; do
		check "the manual has $page" gzip -t "/usr/share/man/$page.gz"
	done
	stack
	check "sysg --sys start" sysg --sys start --daemonize
	check "the stack is ready" wait_for ready echo || { echo END; exit; }
	check "as its user" same "$(ps -o user= -p "$(pid_of echo)")" nobody

	at_home
	completes

	exec 3<>/dev/tcp/127.0.0.1/7007
	check "a connection through it works" said hello
	upgraded upgrade 2
	upgraded downgrade 1
	watched
	exec 3<&-

	useradd --create-home --shell /bin/bash alice
	loginctl enable-linger alice
	check "a user has an instance" wait_for as_alice 'systemctl --user enable --now sysgd.socket'
	printf 'version: "3"\nproject: own\nservices: {mine: {command: exec sleep 86400}}\n' >/home/alice/systemg.yaml
	check "and starts services" as_alice 'sysg start -c ~/systemg.yaml --daemonize'
	alice_measures
	pid_of echo >/var/test/pid
	echo END
}

upgraded() { # upgraded NAME VERSION
	local pid holder
	pid=$(pid_of echo)
	holder=$(main_pid sysg-services.service)
	check "$1" install "$2"
	check "after the $1 the supervisor is of that version" wait_for supervisor_is "$2"
	check "after the $1 the service has its process" same "$(pid_of echo)" "$pid"
	check "after the $1 its home is untouched" same "$(main_pid sysg-services.service)" "$holder"
	check "after the $1 the connection flows" said "$1"
}
supervisor_is() { has "$(sysg --sys version)" "supervisor 0.0.$1"; }

jobs_ran() { wc -l </var/log/systemg/quick/job.log; }
more_jobs_than() { [ "$(jobs_ran)" -gt "$1" ]; }
gone() { local one; for one in "$@"; do [ ! -e "$one" ] || { echo "$one is there"; return 1; }; done; }
no_units() { not systemctl list-units --all --plain --no-legend 'sysg*' | grep sysg; }

second_boot() {
	local pid mine ran
	check "after a reboot the stack is up" wait_for ready echo
	check "and the other" wait_for ready clock
	check "in a process of its own" not same "$(pid_of echo)" "$(cat /var/test/pid)"
	ran=$(jobs_ran)
	check "and what is scheduled runs" wait_for more_jobs_than "$ran"
	check "and so does a lingering user's" wait_for as_alice 'sysg status | grep -q mine.*running'

	pid=$(pid_of echo)
	mine=$(as_alice 'sysg status --format json' | tr -d ' \n' | grep -o '"pid":[0-9]*' | head -n 1 | cut -d: -f2)
	check "remove" remove
	check "it ended the services" dead "$pid $mine"
	check "and the daemons" not pgrep -x 'sysgd|sysg-exec'
	check "it left no unit" no_units
	check "it kept the state" test -d /var/lib/systemg/generations/quick
	check "it kept the logs" test -s /var/log/systemg/quick/job.log
	check "it kept what an administrator wrote" test -s /etc/systemg/systemg.yaml
	check "purge" purge
	files >/opt/out/after
	check "nothing is left of it" diff /opt/out/before /opt/out/after
	check "nor where files were not compared" gone /run/systemg /var/log/systemg /var/lib/systemg
	check "but the user" id sysgd
	echo END
}

if [ -e /var/test ]; then second_boot; else first_boot; fi
