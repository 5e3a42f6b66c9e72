// Package systemd speaks with the service manager that started sysgd, where
// one did: it takes over the listeners that were handed on (sd_listen_fds(3))
// and reports how far we are (sd_notify(3)).
//
// Listeners have no other way in: where there is no systemd, `sysg start`
// hands them over in the same manner.
package systemd

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// Listeners takes over the listeners that this process was started with, by
// name (FileDescriptorName= of a socket unit). The caller closes them. They are
// there once: a second call finds none, and no child inherits them. Closing one
// leaves the path of its socket, which belongs to whoever made it.
func Listeners() (map[string]net.Listener, error) {
	files := activation.Files(true)
	defer func() {
		for _, file := range files {
			_ = file.Close() // A listener has a descriptor of its own.
		}
	}()
	listeners := map[string]net.Listener{}
	for _, file := range files {
		listener, err := listen(file, listeners)
		if err != nil {
			for _, listener := range listeners {
				_ = listener.Close()
			}
			return nil, err
		}
		listeners[file.Name()] = listener
	}
	return listeners, nil
}

func listen(file *os.File, taken map[string]net.Listener) (net.Listener, error) {
	name := file.Name()
	if taken[name] != nil {
		return nil, fmt.Errorf("cannot take over listener %q: there are two of that name", name)
	}
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("cannot take over listener %q: %w", name, err)
	}
	return listener, nil
}

// Listener takes over the one listener of this name. Others that were handed
// over are closed.
func Listener(name string) (net.Listener, error) {
	listeners, err := Listeners()
	if err != nil {
		return nil, err
	}
	var others []string
	for other, listener := range listeners {
		if other != name {
			others = append(others, other)
			_ = listener.Close()
		}
	}
	if listeners[name] == nil {
		slices.Sort(others)
		return nil, fmt.Errorf("cannot find listener %q among those handed over by LISTEN_FDS: %q", name, others)
	}
	return listeners[name], nil
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
)
