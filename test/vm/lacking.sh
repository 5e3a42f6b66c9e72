# The second boot: no Landlock, no AppArmor, no memory and io controllers, no user
# namespaces and no BTF. What asks for one of these is refused, by its name.

sysctl -q user.max_user_namespaces=0
mount -t tmpfs none /sys/kernel/btf

check "tests of cgroup" tests cgroup
check "tests of sysg-exec for limits" tests sysg-exec -test.run 'LimitsAreSet|ALimitRefuses|ARootMoves|APlainRoot'

systemctl -q enable --now sysgd.socket
# with YAML: a stack of one service that has this.
with() {
	printf 'version: "%s"\nproject: lacking\nservices:\n  one:\n    exec: [/bin/sleep, "600"]\n    user: alice\n    %s\n' "$1" "$2" >/etc/systemg/lacking.yaml
	sysg --sys start --daemonize -c /etc/systemg/lacking.yaml >/tmp/lacking.log 2>&1
}
refused() { # NAME KEY YAML
	with 3 "$3" && { echo "it was started"; cat /tmp/lacking.log; return 1; }
	grep -q -- "$2" /tmp/lacking.log || { cat /tmp/lacking.log; return 1; }
}
refuse() { check "$1" refused "$@"; }
without() { # NAME KEY VERSION YAML: it runs, and status says what is missing
	with "$3" "$4" || { cat /tmp/lacking.log; return 1; }
	unit one | grep -q "\"missing\":\[[^]]*\"$2\"" || { unit one; return 1; }
}
goes() { check "$1" without "$@"; }
plain() { with 3 "umask: '0027'" || { cat /tmp/lacking.log; return 1; }; }

check "what asks for nothing runs" plain
refuse "memory_max without the controller" limits.cgroup.memory_max 'limits: {cgroup: {memory_max: 64M}}'
refuse "io_max without the controller" limits.cgroup.io_max "limits: {cgroup: {io_max: \"$(cat /sys/block/vdb/dev) rbps=1\"}}"
refuse "a user namespace" isolation.user 'isolation: {user: true}'
refuse "landlock" isolation.landlock 'isolation: {landlock: {ro_paths: [/usr]}}'
refuse "apparmor_profile" isolation.apparmor_profile 'isolation: {apparmor_profile: some}'
refuse "selinux_context" isolation.selinux_context 'isolation: {selinux_context: "u:r:t:s0"}'
goes "landlock, as best effort" landlock 3 'isolation: {landlock: {ro_paths: [/usr]}, best_effort: [landlock]}'
goes "a user namespace, as best effort" user 3 'isolation: {user: true, best_effort: [user]}'
goes "a user namespace, in version 2" user 2 'isolation: {user: true}'
sysg --sys stop -p lacking >/dev/null 2>&1

. vm/units.sh
reboots
