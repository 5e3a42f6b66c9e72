# Limits of cgroups, as the kernel holds them.

sed "s/DEVICE/$(cat /sys/block/vdb/dev)/" vm/stacks/limits.yaml >/etc/systemg/limits.yaml
sysg --sys start --daemonize -c /etc/systemg/limits.yaml >/tmp/start.log 2>&1 || true
started() { wait_for says spinner '"phase":"ready"' || { cat /tmp/start.log; return 1; }; }
check "services with limits start" started

out_of_memory() {
	says hungry '"phase":"failed"' && says hungry '"oom_kills":1,"memory_limit_bytes":50331648' || return
	sysg --sys why limits/hungry | tee /tmp/why.log
	grep -q 'killed by the kernel at its limit of 48M of memory (limits.cgroup.memory_max).*SG0115' /tmp/why.log
}
check "memory_max kills, and why and status name the limit" wait_for out_of_memory

bombed() {
	sysg --sys logs -s limits/bomb --no-follow 2>&1 | grep -q 'forked 11' || { sysg --sys logs -s limits/bomb --no-follow; return 1; }
	[ "$(cat "$(leaf limits bomb)/pids.current")" = 12 ]
}
check "pids_max ends a fork bomb" wait_for bombed

used() { sed -n 's/^usage_usec //p' "$(leaf limits spinner)/cpu.stat"; }
# The emulated machine has moments in which it gets nothing of ours; one of five
# measurements has to be undisturbed. None may be above the limit.
throttled() {
	local try before begin part
	for try in 1 2 3 4 5; do
		before=$(used) begin=$(date +%s%N)
		sleep 4
		part=$((($(used) - before) * 100000 / (($(date +%s%N) - begin) / 1000)))
		echo "it used $((part / 1000)) % of a processor"
		[ $part -le 22000 ] || return 1
		[ $part -lt 18000 ] || return 0
	done
	return 1
}
check "cpu_max throttles to within 10 %" throttled
check "cpu_weight is the service's among its neighbours" grep -qx 300 "$(dirname "$(leaf limits spinner)")/cpu.weight"

pinned() { grep -Pq '^Cpus_allowed_list:\t1$' "/proc/$(pid_of pinned)/status"; }
check "cpuset binds" pinned

read_slowly() {
	local took
	took=$(sysg --sys logs -s limits/reader --no-follow 2>/dev/null | sed -n 's/.*took \([0-9]*\) ms.*/\1/p')
	echo "took $took ms"
	[ "$took" -ge 3300 ]
}
check "io_max holds" wait_for read_slowly

# refused NAME KEY CODE YAML: a service with this is not started, and the key is
# named.
refused() {
	printf 'version: "3"\nproject: refused\nservices:\n  one:\n    exec: [/bin/sleep, "600"]\n    user: alice\n    %s\n' "$4" >/etc/systemg/refused.yaml
	sysg --sys start --daemonize -c /etc/systemg/refused.yaml >/tmp/refused.log 2>&1 && { echo "it was started"; return 1; }
	grep -q -- "$2" /tmp/refused.log && grep -q "$3" /tmp/refused.log || { cat /tmp/refused.log; return 1; }
}
refuse() { check "$1" refused "$@"; }
refuse "a CPU that is not there" limits.cgroup.cpuset SG0721 'limits: {cgroup: {cpuset: 0-7}}'
refuse "a CPU outside the cpuset" "stage cpu_affinity" SG0743 'limits: {cpu_affinity: 0-1, cgroup: {cpuset: "0"}}'
refuse "a disk that is not there" limits.cgroup.io_max SG0721 'limits: {cgroup: {io_max: "9:9 rbps=1"}}'
refuse "a root elsewhere" limits.cgroup.root SG0721 'limits: {cgroup: {root: /sys/fs/cgroup/user.slice}}'
refuse "so little memory that nothing runs" limits.cgroup.memory_max SG01 'limits: {cgroup: {memory_max: 4K}}'
refuse "memory_min that nothing above has" limits.cgroup.memory_min SG0721 'limits: {cgroup: {memory_min: 8M}}'
protected() {
	systemctl set-property --runtime system.slice MemoryMin=32M
	systemctl set-property --runtime sysg-services.service MemoryMin=16M
	sysg --sys start --daemonize -c /etc/systemg/refused.yaml || return
	[ "$(cat "$(leaf refused one)/memory.min" "$home/p-refused/s-one/memory.min" "$home/p-refused/memory.min" | sort -u)" = 8388608 ]
}
check "memory_min that all above have" protected
sysg --sys stop -p refused >/dev/null 2>&1
sysg --sys stop -p limits >/dev/null 2>&1
