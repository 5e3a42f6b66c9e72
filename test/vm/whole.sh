# The first boot: the kernel has everything.

check "tests of cgroup" tests cgroup
check "tests of sys" tests sys
check "tests of sysg-exec for limits" tests sysg-exec -test.run 'LimitsAreSet|ALimitRefuses|ARootMoves|APlainRoot'

systemctl -q enable --now sysgd.socket
. vm/limits.sh
. vm/units.sh
