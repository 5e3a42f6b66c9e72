package main

import (
	"encoding/hex"
	"os"
	"strings"
)

// bootID tells one boot of the machine from another. Our unit sets SYSG_BOOT_ID:
// where systemd is in a container, the container has an id of its own, and its
// place in /proc shows that of the machine to whoever systemd gives a read-only
// /proc/sys (ProtectKernelTunables=, seen with systemd 252).
func bootID() (string, error) {
	id := os.Getenv("SYSG_BOOT_ID")
	if _, err := hex.DecodeString(id); err == nil && len(id) == 32 {
		// With dashes, as the kernel writes it.
		return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-"), nil
	}
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text)), err
}
