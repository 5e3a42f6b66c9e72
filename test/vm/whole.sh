# The first boot: everything is there.

check "tests of cgroup" tests cgroup
check "tests of sys" tests sys
check "tests of sysg-exec for limits" tests sysg-exec -test.run 'LimitsAreSet|ALimitRefuses|ARootMoves|APlainRoot'
