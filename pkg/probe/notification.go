package probe

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// MaxNotification is how long a message of sd_notify(3) may be, in bytes.
const MaxNotification = 4096

// Notification is one message of sd_notify(3), as far as we know its words.
type Notification struct {
	Ready     bool // READY=1
	Reloading bool // RELOADING=1
	Stopping  bool // STOPPING=1
	// Status is a line for people; it counts where HasStatus is set, "" too.
	Status    string
	HasStatus bool
	MainPID   int // MAINPID=

	Watchdog bool          // WATCHDOG=1
	Trigger  bool          // WATCHDOG=trigger
	Period   time.Duration // WATCHDOG_USEC=, from now on
	Extend   time.Duration // EXTEND_TIMEOUT_USEC=

	Store  bool // FDSTORE=1
	Remove bool // FDSTOREREMOVE=1
	// Name is that of FDNAME=, "" where none was given.
	Name    string
	Barrier bool // BARRIER=1
}

// ParseNotification reads a message: an assignment a line. What it does not
// know is for others, and what is malformed says nothing.
func ParseNotification(text string) Notification {
	var n Notification
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch name {
		case "READY":
			n.Ready = n.Ready || value == "1"
		case "RELOADING":
			n.Reloading = n.Reloading || value == "1"
		case "STOPPING":
			n.Stopping = n.Stopping || value == "1"
		case "STATUS":
			n.Status, n.HasStatus = shown(value), true
		case "MAINPID":
			if pid, err := strconv.ParseInt(value, 10, 32); err == nil && pid > 1 {
				n.MainPID = int(pid)
			}
		case "WATCHDOG":
			n.Watchdog = n.Watchdog || value == "1"
			n.Trigger = n.Trigger || value == "trigger"
		case "WATCHDOG_USEC":
			n.Period = micros(value)
		case "EXTEND_TIMEOUT_USEC":
			n.Extend = micros(value)
		case "FDSTORE":
			n.Store = n.Store || value == "1"
		case "FDSTOREREMOVE":
			n.Remove = n.Remove || value == "1"
		case "FDNAME":
			n.Name = descriptorName(value)
		case "BARRIER":
			n.Barrier = n.Barrier || value == "1"
		}
	}
	return n
}

// maxPeriod bounds what a service may ask for: a year is as good as for ever.
const maxPeriod = 365 * 24 * time.Hour

func micros(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(min(n, uint64(maxPeriod/time.Microsecond))) * time.Microsecond
}

// maxStatus is how much of a status is kept, in bytes.
const maxStatus = 512

// shown is text that can be put on a terminal.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, "\uFFFD"))
	for len(text) > maxStatus {
		text = strings.ToValidUTF8(text[:maxStatus], "")
	}
	return strings.TrimSpace(text)
}

// descriptorName is a name as sd_listen_fds_with_names(3) can carry it, else "".
func descriptorName(name string) string {
	bad := func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }
	if len(name) > 255 || strings.ContainsFunc(name, bad) {
		return ""
	}
	return name
}
