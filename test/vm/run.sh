#!/bin/bash
# Runs in the virtual machine as root: installs what make install does, and runs
# the script that the kernel's command line names; and once more after a reboot
# that the script asked for.
set -u
cd /opt/test || exit 1
. vm/lib.sh
if [ -e /etc/second ]; then
	. vm/second.sh
	echo END
	exit
fi
install -d /usr/libexec/systemg
install sysg sysgd /usr/bin/
install sysg-exec /usr/libexec/systemg/
install -m 0644 systemd/system/*.service systemd/system/*.socket /usr/lib/systemd/system/
install -m 0644 systemd/system/systemg.sysusers /usr/lib/sysusers.d/systemg.conf
install -m 0644 systemd/system/systemg.tmpfiles /usr/lib/tmpfiles.d/systemg.conf
systemd-sysusers && systemd-tmpfiles --create systemg.conf
systemctl daemon-reload
useradd --create-home alice

script=$(tr ' ' '\n' </proc/cmdline | sed -n 's/^sysg.script=//p')
. "vm/$script"
[ -e /run/reboots ] || echo END
