package manifest

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/order"
)

// Account is a user as the user database of the machine has it.
type Account struct {
	Name        string
	UID, GID    uint32
	Home, Shell string
}

// nobody is whom a service is left to that may do nothing. Where the user
// database has none, 65534 is what the kernel takes for nobody as well
// (/proc/sys/kernel/overflowuid, proc(5)).
const nobody = "nobody"

func (o *Options) nobody() Account {
	if found, known := o.user(nobody); known {
		return found
	}
	return Account{Name: nobody, UID: 65534, GID: 65534}
}

// user finds a user by name, or by number.
func (o *Options) user(name string) (Account, bool) {
	if o.LookupUser == nil {
		return Account{}, false
	}
	return o.LookupUser(name)
}

// group finds a group by name; a number is one whether it has a name or not.
func (o *Options) group(name string) (uint32, bool) {
	if isDigits(name) {
		id, err := strconv.ParseUint(name, 10, 32)
		return uint32(id), err == nil
	}
	if o.LookupGroup == nil {
		return 0, false
	}
	return o.LookupGroup(name)
}

// runsAs is as whom a service runs that says so, or that does not.
func (o *Options) runsAs(user string) (a Account, dropped, known bool) {
	switch {
	case user != "":
	case o.DropPrivileges:
		return o.nobody(), true, true
	case o.Settings.DefaultUser != "":
		user = o.Settings.DefaultUser
	default:
		return Account{}, false, false
	}
	if a, known = o.user(user); known || !isDigits(user) {
		return a, false, known
	}
	uid, err := strconv.ParseUint(user, 10, 32)
	// A number that is nobody's has no group either, which noGroup stands for.
	return Account{UID: uint32(uid), GID: noGroup}, false, err == nil
}

// noGroup is what setresgid(2) takes for "leave it as it is": never a group.
const noGroup = ^uint32(0)

// identify finds as whom a service of the system's instance runs. What is wrong
// with a name itself has been reported where it was read.
func (r *reader) identify(s *Service, entry value) {
	c := s.confinement()
	account, dropped, known := r.opts.runsAs(c.User)
	if !known {
		r.nobodyToRunAs(s, entry)
		return
	}
	id := &generation.Identity{
		Name: account.Name, Home: account.Home, Shell: account.Shell, UID: account.UID, GID: account.GID, Dropped: dropped,
	}
	s.identity = id
	if dropped {
		r.dropRest(s, entry)
		return
	}
	if c.Group != "" {
		gid, known := r.opts.group(c.Group)
		if !known {
			return // reported by account
		}
		id.GID = gid
	}
	if id.GID == noGroup {
		r.bad(entry.at("user"), fmt.Sprintf("no user of this machine has the number %d, so its group is not known", id.UID), "add group: as well")
	}
	for _, name := range c.Groups {
		if gid, known := r.opts.group(name); known {
			id.Groups = append(id.Groups, gid)
		}
	}
	order.By(id.Groups, func(a, b *uint32) int { return cmp.Compare(*a, *b) })
	id.Groups = slices.Compact(id.Groups)
}

// nobodyToRunAs refuses a service that would run as root only because it does
// not say otherwise.
func (r *reader) nobodyToRunAs(s *Service, entry value) {
	if user := entry.at("user"); user.node != entry.node {
		return // A user that there is not, or that cannot be read.
	}
	r.report(s.at, Problem{
		Kind: KindNoUser, Message: fmt.Sprintf("service %s names no user, and the system's instance runs nothing as root that does not say so", quote(s.Name)),
		Suggestion: "add user: NAME, or user: root if that is meant",
		Why: "for all services without one: sysg --sys start --drop-privileges runs them as nobody, and this line in " + SystemSettings +
			" as root: services: {default_user: root}",
	})
}

// SystemSettings is where the settings of the system's instance are.
const SystemSettings = "/etc/systemg/sysgd.conf"

// dropRest takes what would be left to a service under --drop-privileges.
// Whoever gives that flag wants it so, and is told.
func (r *reader) dropRest(s *Service, entry value) {
	c := s.Confinement
	for _, given := range []struct {
		key string
		is  bool
	}{{"group", c.Group != ""}, {"supplementary_groups", len(c.Groups) > 0}, {"capabilities", len(c.Capabilities) > 0}} {
		if given.is {
			r.report(entry.at(given.key), Problem{
				Kind: KindConfig, Warning: true, Message: fmt.Sprintf("--drop-privileges leaves service %s no %s", quote(s.Name), given.key),
				Suggestion: "name a user, and it keeps them",
			})
		}
	}
	c.Group, c.Groups, c.Capabilities = "", nil, nil
}

// home is what a leading ~ means: your own in your instance; in the system's
// that of the user whom the service runs as, which nothing but a service has.
// The user is read here ahead of its turn, since env comes before it. "" is an
// unknown one.
func (r *reader) home() string {
	if !r.opts.System {
		return r.opts.Home
	}
	if r.entry == nil {
		return ""
	}
	name := ""
	if at := r.entry.at("user"); at.node != r.entry.node {
		if name = target(at.node).Value; strings.Contains(name, "$") {
			name = r.userBefore(name)
		}
		if name == "" {
			return ""
		}
	}
	account, _, _ := r.opts.runsAs(name)
	return account.Home
}

// userBefore expands the user of a service, "" where its own variables, which it
// may refer to, are not known yet.
func (r *reader) userBefore(raw string) string {
	if env := r.entry.at("env"); env.node != r.entry.node && r.scope == r.outer {
		return ""
	}
	text, err := expand(raw, func(name string) (string, bool) { return r.lookup(r.scope, name) })
	if err != nil {
		return ""
	}
	return text.Value
}

// ownSocket finds the owner of a socket's path, nil for the service's user.
func (r *reader) ownSocket(s *Service, socket *Socket) {
	if socket.User == "" && socket.Group == "" || s.identity == nil {
		return
	}
	owner := generation.Owner{UID: s.identity.UID, GID: s.identity.GID}
	if socket.User != "" {
		account, _, known := r.opts.runsAs(socket.User)
		if !known {
			return // reported by account
		}
		if owner.UID, owner.GID = account.UID, account.GID; owner.GID == noGroup {
			owner.GID = s.identity.GID
		}
	}
	if socket.Group != "" {
		gid, known := r.opts.group(socket.Group)
		if !known {
			return
		}
		owner.GID = gid
	}
	socket.Owner = &owner
}

// isBelow says whether a path is inside of a folder.
func isBelow(file, folder string) bool {
	return folder != "" && strings.HasPrefix(file, strings.TrimSuffix(path.Clean(folder), "/")+"/")
}
