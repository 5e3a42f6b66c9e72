package confine

// Variables that only sysg-exec sets, and only where it means them: whoever
// started us may have had them for himself, and a manifest or an env file that
// sets one would make the service believe in a descriptor that it has not got.
func ours(name string) bool {
	switch name {
	case "SYSG_PROJECT", "SYSG_SERVICE", "SYSG_INVOCATION_ID",
		"SYSG_EVENT", "SYSG_PID", "SYSG_EXIT_CODE", "SYSG_SIGNAL", "SYSG_ATTEMPT",
		"SYSG_ACTIVE_SLOT", "SYSG_CANDIDATE_SLOT", "SYSG_SERVICE_NAME",
		"SYSG_SPAWN_SOCKET", "SPAWN_DEPTH", "SPAWN_PARENT_PID",
		"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
		"LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID":
		return true
	}
	return false
}
