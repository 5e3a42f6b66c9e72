# Shared by the scripts of both formats; packaging/build puts it in front of each.
# All of it may run again, runs in a chroot without systemd, and asks nothing.

# running: systemd is this system's manager.
running() { [ -d /run/systemd/system ]; }

# arranged makes the users, the groups and the folders.
arranged() {
	if command -v systemd-sysusers >/dev/null; then
		systemd-sysusers systemg.conf
	fi
	if command -v systemd-tmpfiles >/dev/null; then
		systemd-tmpfiles --create systemg.conf || true
	fi
	if command -v journalctl >/dev/null; then
		journalctl --update-catalog >/dev/null 2>&1 || true
	fi
}

# upgraded lets what runs become the new version. Services live in another unit,
# which is left alone: they keep their processes and connections.
upgraded() {
	if running; then
		systemctl daemon-reload || true
		systemctl try-restart sysg-exec.service sysgd.service || true
	fi
}

# ended stops the services in order, then the daemons, of every user too, since
# their programs go. State and logs stay.
ended() {
	if running; then
		for folder in /run/user/*; do
			[ -S "$folder/systemg/control.sock" ] || continue
			systemctl --user --machine="${folder##*/}@.host" stop sysgd.service sysgd.socket sysg-exec.service sysg-exec.socket sysg-services.service >/dev/null 2>&1 || true
		done
		systemctl disable --now sysgd.socket sysgd.service sysg-exec.socket >/dev/null 2>&1 || true
		systemctl stop sysg-exec.service sysg-services.service || true
	elif command -v systemctl >/dev/null; then
		systemctl disable sysgd.socket sysgd.service sysg-exec.socket >/dev/null 2>&1 || true
	fi
}

forgotten() {
	if running; then
		systemctl daemon-reload || true
		systemctl reset-failed 'sysg*' >/dev/null 2>&1 || true
	fi
}
