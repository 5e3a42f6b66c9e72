package manifest

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"systemg.org/sysg/pkg/generation"
)

var socketObject = Object{Name: "a socket", need: node{"allOf": []node{{"required": []string{"name"}}, exactlyOne("listen", "inherit")}}, Keys: []*Key{
	key("name", idType, "", "name in LISTEN_FDNAMES", in(func(s *Socket) any { return &s.Name })),
	key("listen", listenType, "", "tcp://HOST:PORT, udp://HOST:PORT, unix:PATH, unixpacket:PATH or fifo:PATH", in(func(s *Socket) any { return &s.Socket })),
	key("inherit", idType, "", "name of a descriptor that the supervisor got from systemd", in(func(s *Socket) any { return &s.inherit })),
	key("mode", umask, "", "mode of the path, in octal (default 0666)", in(func(s *Socket) any { return &s.Mode })),
	forSystem(key("user", account("a user"), "", "owner of the path", in(func(s *Socket) any { return &s.User })),
		func(r *reader, s *Socket) bool { return !r.isOwn(s.User) }),
	forSystem(key("group", account("a group"), "", "group of the path", in(func(s *Socket) any { return &s.Group })),
		func(_ *reader, s *Socket) bool { return s.Group != "" }),
	key("activation", eitherOf("eager", "lazy"), "eager", "lazy: the service starts when somebody connects", in(func(s *Socket) any { return &s.Lazy })),
}}

// idType is a name that is safe in any place.
var idType = word("a name", "letters, digits, _ . and -", idForm, func(text string) (string, error) { return text, checkID(text) })

// sockets is a list of at most so many as a generation takes.
var sockets = func() *Type {
	t := list("a list of sockets", keysOf(&socketObject), readSocket)
	t.Object = &socketObject
	read, form := t.read, t.form
	t.form = func(s *schema) node {
		n := form(s)
		n["maxItems"] = generation.MaxSockets
		return n
	}
	t.read = func(r *reader, v value, to any) {
		read(r, v, to)
		if count := len(*to.(*[]Socket)); count > generation.MaxSockets {
			r.bad(v, fmt.Sprintf("there are %d sockets, and a service can have %d", count, generation.MaxSockets), "")
		}
	}
	return t
}()

func readSocket(r *reader, v value) (Socket, bool) {
	s, before := Socket{at: v}, r.errors
	r.defaults(&socketObject, &s)
	r.object(&socketObject, v, &s)
	if r.errors > before {
		return s, false
	}
	onPath := strings.HasPrefix(s.Address, "/")
	switch {
	case s.Name == "":
		r.bad(v, "a socket without a name", "add name: NAME")
	case (s.Address != "") == (s.inherit != ""):
		r.bad(v, "the socket has neither listen nor inherit, or both", "give exactly one of them")
	case s.inherit != "":
		s.Kind, s.Address = generation.SocketInherit, s.inherit
	}
	for _, given := range []struct {
		key string
		is  bool
	}{{"mode", s.Mode != 0}, {"user", s.User != ""}, {"group", s.Group != ""}} {
		if given.is && !onPath {
			r.bad(v.at(given.key), given.key+" is of use for a path only: unix, unixpacket and fifo", "leave it out")
		}
	}
	return s, r.errors == before
}

// listenType reads where a socket is, into a generation.Socket.
var listenType = &Type{
	Name: "an address to listen on", Accepts: "an address such as tcp://127.0.0.1:8080 or unix:/run/app.sock",
	form: matching(`(tcp|udp)://.*:[0-9]+|(unix|unixpacket|fifo):.+`),
	read: func(r *reader, v value, to any) {
		text, ok := r.text(v, "an address")
		if !ok {
			return
		}
		s := to.(*generation.Socket)
		kind, rest, _ := strings.Cut(text.Value, ":")
		s.Kind = generation.SocketKind(kind)
		var err error
		switch s.Kind {
		case generation.SocketTCP, generation.SocketUDP:
			s.Address, err = parseListen(rest)
		case generation.SocketUnix, generation.SocketUnixPacket, generation.SocketFIFO:
			s.Address, err = socketPath(rest, path.Dir(v.file), r.home(), s.Kind)
		default:
			err = errors.New("it begins with none of tcp:, udp:, unix:, unixpacket: and fifo:")
		}
		if err != nil {
			r.badWord(v, text, "an address to listen on", "tcp://HOST:PORT, udp://HOST:PORT, unix:PATH, unixpacket:PATH or fifo:PATH", err)
		}
	},
}

// parseListen reads //HOST:PORT. No name is looked up, since what a name means
// may change between the starts: only localhost, which means 127.0.0.1.
func parseListen(rest string) (string, error) {
	address, found := strings.CutPrefix(rest, "//")
	if !found {
		return "", errors.New("// and the host are missing")
	}
	host, port, err := splitHostPort(address)
	if err != nil {
		return "", err
	}
	switch host {
	case "", "*":
		host = "::"
	case "localhost":
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return "", errors.New("the host is no IP address, nor localhost, nor * for all")
	}
	return netip.AddrPortFrom(addr, uint16(port)).String(), nil
}

// longestSocket is the longest path of a socket (sun_path in unix(7), less its NUL).
const longestSocket = 107

func socketPath(rest, dir, home string, kind generation.SocketKind) (string, error) {
	rest, base, ok := anchor(rest, dir, home)
	switch {
	case !ok:
		return "", errors.New("the home directory is not known")
	case rest == "":
		return "", errors.New("the path is missing")
	case strings.HasPrefix(rest, "@"):
		return "", errors.New("abstract sockets are open to everybody, give a path")
	case !path.IsAbs(rest):
		rest = path.Join(base, rest)
	}
	rest = path.Clean(rest)
	if kind != generation.SocketFIFO && len(rest) > longestSocket {
		return "", fmt.Errorf("the path has %d bytes, and the kernel allows %d", len(rest), longestSocket)
	}
	return rest, nil
}

// isOwn says whether a user is the one who loads the manifest.
func (r *reader) isOwn(user string) bool {
	if user == "" || user == strconv.FormatUint(uint64(r.opts.UID), 10) {
		return true
	}
	found, known := r.opts.user(user)
	return known && found.UID == r.opts.UID
}
