# After a reboot: what is wanted is up, and nothing else.

check "a reboot brings up what was wanted" wait_for up
check "in processes of this boot" test "$(pids)" != "$(cat /etc/second)"
check "with their limits" limited
check "and not what was stopped" says idle '"phase":"down"'
check "a schedule goes on" eval 'sysg --sys cron next | grep -q units/nightly'
check "and its service waits for it" says nightly '"phase":"scheduled"'
check "all units are active" active
