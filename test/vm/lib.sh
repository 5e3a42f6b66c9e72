# What the scripts of the virtual machine share.

pass() { echo "PASS $1"; }
dumped=
fail() {
	echo "FAIL $1: ${2:-}"
	[ -z "$dumped" ] || return 0
	dumped=yes
	{ status; journalctl --no-pager -n 30 -u 'sysg*' | grep -v sysg-test; } 2>&1 | sed 's/^/| /'
}
check() { # check NAME COMMAND...: one subtest
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then pass "$name"; else fail "$name" "$(echo "$said" | tail -n 8 | tr '\n' ' ')"; fi
}

# wait_for COMMAND...: asks until it is true, for a time that only what hangs takes:
# the machine is emulated, and may get little of ours.
wait_for() {
	local end=$((SECONDS + 100))
	while ! "$@" >/tmp/wait.log 2>&1; do
		[ $SECONDS -lt $end ] || { echo "did not come true: $*"; tail -n 5 /tmp/wait.log; return 1; }
		sleep 0.2
	done
}

# Nothing waits for ever.
sysg() { timeout 100 /usr/bin/sysg "$@"; }
home=/sys/fs/cgroup/system.slice/sysg-services.service
status() { sysg --sys status --format json | tr -d ' \n' | sed 's/{"name":/\n&/g'; }
unit() { status | grep "^{\"name\":\"$1\""; }
says() { unit "$1" | grep -q -- "$2" || { unit "$1"; return 1; }; }
pid_of() { unit "$1" | grep -o '"pid":[0-9]*' | head -n 1 | cut -d: -f2; }
leaf() { echo "$home/p-$1/s-$2"/run-*; }

# Of the stack of units.sh.
up() { says api '"phase":"ready"' && says web '"phase":"ready"'; }
pids() { echo "$(pid_of api) $(pid_of web)"; }
active() { [ "$(systemctl is-active sysgd sysg-exec sysg-services | sort -u)" = active ]; }
limited() { grep -qx 20 "$(leaf units api)/pids.max"; }

# tests PACKAGE [ARGUMENT...]: the tests of a package, from the root of the tree
# of cgroups, which is the only one that may have processes and give controllers on.
tests() {
	local package=$1
	shift
	(
		echo $BASHPID >/sys/fs/cgroup/cgroup.procs
		cd "/opt/test/tests/$package" && CI=true timeout 150 "$PWD/$package.test" -test.v "$@" >"/tmp/$package.log" 2>&1
	) && return
	grep -a -B 8 -e '^ *--- FAIL' -e '^panic' "/tmp/$package.log" | tail -n 40
	return 1
}
