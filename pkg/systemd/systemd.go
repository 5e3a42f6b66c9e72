// Package systemd speaks with the service manager that started sysgd, where
// one did: it takes over the listeners that were handed on (sd_listen_fds(3))
// and reports how far we are (sd_notify(3)).
//
// Listeners have no other way in: where there is no systemd, `sysg start`
// hands them over in the same manner.
package systemd

import (
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"systemg.org/sysg/pkg/sys"
)

// Listener takes over what this process was started with: the one listener of
// this name (FileDescriptorName= of a socket unit), and all else as it is, by
// name, for whoever it is meant. Where others share a name the first one counts.
// The caller closes them. They are there once: a second call finds none, and no
// child inherits them. Closing one leaves the path of its socket, which belongs
// to whoever made it.
func Listener(name string) (net.Listener, map[string]*os.File, error) {
	others := map[string]*os.File{}
	var listener net.Listener
	var failed error
	names, err := sys.Passed()
	if err != nil {
		return nil, nil, err
	}
	for i, passed := range names {
		file := os.NewFile(uintptr(sys.FirstPassed+i), passed)
		switch {
		case file.Name() != name && others[file.Name()] == nil:
			others[file.Name()] = file
			continue
		case file.Name() != name:
		case listener != nil:
			failed = fmt.Errorf("cannot take over listener %q: there are two of that name", name)
		default:
			if taken, err := net.FileListener(file); err == nil {
				listener = taken // It has a descriptor of its own.
			} else {
				failed = fmt.Errorf("cannot take over listener %q: %w", name, err)
			}
		}
		_ = file.Close()
	}
	if listener == nil && failed == nil {
		failed = fmt.Errorf("cannot find listener %q among those handed over by LISTEN_FDS: %q", name, slices.Sorted(maps.Keys(others)))
	}
	if failed == nil {
		return listener, others, nil
	}
	if listener != nil {
		_ = listener.Close()
	}
	for _, file := range others {
		_ = file.Close()
	}
	return nil, nil, failed
}

// Notify tells the service manager each state, such as "READY=1". Without one
// it does nothing.
func Notify(states ...string) error {
	if _, err := daemon.SdNotify(false, strings.Join(states, "\n")); err != nil {
		return fmt.Errorf("cannot notify the service manager: %w", err)
	}
	return nil
}

// The states that sysgd reports.
const (
	Ready    = daemon.SdNotifyReady
	Stopping = daemon.SdNotifyStopping
	Alive    = daemon.SdNotifyWatchdog
)

// Status is a text for `systemctl status`.
func Status(text string) string { return "STATUS=" + text }

// Reloading says that settings are being read again, until Ready. The time tells
// systemd which of its requests this answers.
func Reloading() string {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // It cannot fail: clock_gettime(2).
	return fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/1000)
}

// Watchdog is how often at least the service manager wants to be told that we are
// alive, 0 for never: WatchdogSec=, which an administrator may set.
func Watchdog() (time.Duration, error) {
	period, err := daemon.SdWatchdogEnabled(true)
	if err != nil {
		return 0, fmt.Errorf("cannot take up the watchdog of the service manager: %w", err)
	}
	return period, nil
}
