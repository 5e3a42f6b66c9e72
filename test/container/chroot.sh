#!/bin/bash
# Runs in a chroot where no systemd is at work, and installs and removes the
# package without a terminal, without an answer to any question: chroot.sh
# [systemd], where the latter takes away what systemd brings, and there is no
# /proc either. Each line PASS or FAIL is one subtest.
set -u
. /packages/lib.sh
dump() { :; }
exec </dev/null

if [ "$1" = systemd ]; then
	rm -f /usr/bin/{systemctl,systemd-sysusers,systemd-tmpfiles,journalctl}
	sed -i '\| systemd/noawait$|d' /var/lib/dpkg/triggers/File # Its own scripts need them.
else
	mount -t proc proc /proc
fi
traces() { find / -xdev -path /packages -prune -o \( -path '*systemg*' -o -name '*sysg*' \) -print | LC_ALL=C sort; }
silent() { # says nothing but what the package manager itself does
	local said
	said=$("$@" 2>&1) || { echo "$said"; return 1; }
	! grep -iE 'warning|error|not found|cannot|failed' <<<"$said"
}

if ls /packages/*.deb >/dev/null 2>&1; then
	install() { dpkg -i /packages/*.deb; }
	remove() { dpkg -r sysg; }
	purge() { dpkg -P sysg; }
else
	install() { rpm -U --replacepkgs --nodeps /packages/*.rpm; }
	remove() { rpm -e sysg; }
	purge() { rm -rf /var/lib/systemg /var/log/systemg /etc/systemg; }
fi
traces >/packages/before
check "it installs" silent install
check "and over itself" silent install
check "the programs run" sysg version
check "a manifest is judged" sysg validate -c /usr/share/doc/sysg/examples/hello/systemg.yaml
if [ "$1" != systemd ]; then
	check "the accounts are there" id sysgd
	check "and its folders" test "$(stat -c '%U %a' /var/lib/systemg/projects)" = "sysgd 700"
fi
check "it is removed" silent remove
check "and purged" silent purge
traces >/packages/after
check "nothing is left of it" diff /packages/before /packages/after
echo END
