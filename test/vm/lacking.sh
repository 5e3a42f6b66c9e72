# A boot without Landlock, AppArmor, and the memory and io controllers.

check "tests of sysg-exec for limits" tests sysg-exec -test.run 'LimitsAreSet|ALimitRefuses|ARootMoves|APlainRoot'
