# What the scripts in the container share. Each line PASS or FAIL is one subtest.

dumped=
pass() { echo "PASS $1"; }
fail() {
	echo "FAIL $1: ${2:-}"
	[ -z "$dumped" ] || return 0
	dumped=yes
	dump 2>&1 | sed 's/^/| /'
}
check() { # check NAME COMMAND...: one subtest
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then
		pass "$name"
	else
		fail "$name" "$(echo "$said" | tail -n 5 | tr '\n' ' ')"
		return 1
	fi
}

# wait_for COMMAND...: asks until it is true, at most twenty seconds. Little else
# can be done from a shell.
wait_for() {
	local i
	for i in $(seq 400); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	echo "did not come true: $*"
	return 1
}
not() { ! "$@"; }

# One status, flattened by tr, so that no JSON tool is needed in here: each unit
# begins a line. status_json is how the script asks.
units() { status_json | tr -d ' \n' | sed 's/{"name":/\n&/g'; }
unit() { units | grep "^{\"name\":\"$1\""; }
pid_of() { unit "$1" | grep -o '"pid":[0-9]*' | head -n 1 | cut -d: -f2; }
is() { unit "$1" | grep -q "$2"; }
alive() { local pid; for pid in $1; do [ -d "/proc/$pid" ] || return 1; done; }
dead() { local pid; for pid in $1; do [ ! -d "/proc/$pid" ] || return 1; done; }
