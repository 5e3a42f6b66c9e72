package caps

import (
	"fmt"
	"math/bits"
	"strings"
)

// Set has bit n for capability n of linux/capability.h.
type Set uint64

// names are those of capabilities(7), without CAP_, in the order of their
// numbers. The last is as old as Linux 5.9.
var names = strings.Fields(`
	CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
	NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
	SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
	MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`)

// Has says whether capability n is in the set.
func (s Set) Has(n int) bool { return s>>n&1 == 1 }

// String lists the names, "none" for the empty set.
func (s Set) String() string {
	if s == 0 {
		return "none"
	}
	var list []string
	for rest := s; rest != 0; rest &= rest - 1 {
		list = append(list, Name(bits.TrailingZeros64(uint64(rest))))
	}
	return strings.Join(list, " ")
}

// Name is CAP_…, or the bare number of a capability younger than this program.
func Name(n int) string {
	if n < len(names) {
		return "CAP_" + names[n]
	}
	return fmt.Sprintf("CAP_%d", n)
}

// Number is the capability of that name, with CAP_.
func Number(name string) (n int, known bool) {
	for n := range names {
		if "CAP_"+names[n] == name {
			return n, true
		}
	}
	return 0, false
}
