package doctor

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"systemg.org/sysg/pkg/generation"
)

// reachable are the phases in which a service's sockets are open.
var reachable = append([]string{"listening"}, upright...)

// closedSockets are sockets of services at which nobody can connect, although
// the manifest says so. Another definition than the active one may be in force,
// where a replacement failed, so it is a warning.
func closedSockets(l *Look) (found []suspicion) {
	for _, s := range l.services() {
		if !slices.Contains(reachable, s.Phase) {
			continue
		}
		for _, detail := range l.Closed[s.Project+"/"+s.Service] {
			found = append(found, suspicion{Finding{Warning, "socket-closed", s.Project, s.Service, detail}, detail})
		}
	}
	return found
}

// closed says what is wrong with the sockets of a service.
func closed(sockets []generation.Socket, t tables) (details []string) {
	for _, socket := range sockets {
		if detail := t.wrong(socket); detail != "" {
			details = append(details, fmt.Sprintf("socket %q: %s", socket.Name, detail))
		}
	}
	return details
}

// tables are those of /proc/net, by name, each read when it is needed.
type tables map[string]string

func (t tables) of(name string) string {
	if _, known := t[name]; !known {
		text, _ := os.ReadFile("/proc/net/" + name)
		t[name] = string(text)
	}
	return t[name]
}

// The states of the kernel's tables: TCP_LISTEN, and TCP_CLOSE for a datagram
// socket that is bound (include/net/tcp_states.h).
const (
	tcpListens = "0A"
	udpBound   = "07"
)

// wrong says why nobody can connect, "" if somebody can.
func (t tables) wrong(socket generation.Socket) string {
	open := true
	switch socket.Kind {
	case generation.SocketTCP:
		open = bound(t.of("tcp")+t.of("tcp6"), socket.Address, tcpListens)
	case generation.SocketUDP:
		open = bound(t.of("udp")+t.of("udp6"), socket.Address, udpBound)
	case generation.SocketUnix, generation.SocketUnixPacket:
		if _, err := os.Lstat(socket.Address); err != nil {
			return err.Error()
		}
		open = Listening(t.of("unix"), socket.Address)
	case generation.SocketFIFO:
		if _, err := os.Lstat(socket.Address); err != nil {
			return err.Error()
		}
	}
	if open {
		return ""
	}
	return fmt.Sprintf("nobody listens at %s %s", socket.Kind, socket.Address)
}

// bound says whether a table has a socket in that state at the port of address.
// Which host it is for is left to the kernel; a port of 0 is any.
func bound(table, address, state string) bool {
	port, err := strconv.ParseUint(address[strings.LastIndexByte(address, ':')+1:], 10, 16)
	if err != nil || port == 0 {
		return true
	}
	suffix := fmt.Sprintf(":%04X", port)
	for line := range strings.Lines(table) {
		// sl local_address rem_address st …
		fields := strings.Fields(line)
		if len(fields) >= 4 && strings.HasSuffix(fields[1], suffix) && fields[3] == state {
			return true
		}
	}
	return false
}
