# The first boot: the kernel has everything.

check "tests of cgroup" tests cgroup
check "tests of sys" tests sys
check "tests of sysg-exec for limits" tests sysg-exec -test.run 'LimitsAreSet|ALimitRefuses|ARootMoves|APlainRoot'
check "tests of confine for what the kernel has" tests confine -test.run 'AppArmor|SELinux|LandlockAllowsItsPorts|LandlockNames|KernelHas|Missing'
check "tests of sysg-exec for namespaces" tests sysg-exec -test.run 'Joins/with_init_and_user|KernelLacks'

systemctl -q enable --now sysgd.socket
. vm/limits.sh
. vm/apparmor.sh
. vm/older.sh
. vm/units.sh
