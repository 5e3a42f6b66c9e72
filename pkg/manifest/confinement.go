package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// confinementKeys say as whom it runs and what it is kept from. A user's
// instance can do none of this but to run as its own user and to give up new
// privileges, so it refuses the rest.
var confinementKeys = []*Key{
	forSystem(key("user", account("a user"), "", "user it runs as, by name or number", in(func(s *Service) any { return &s.confinement().User })),
		func(r *reader, s *Service) bool { return !r.isOwn(s.Confinement.User) }),
	forSystem(key("group", account("a group"), "", "group it runs as, by name or number (default: the user's)", in(func(s *Service) any { return &s.confinement().Group })),
		func(_ *reader, s *Service) bool { return s.Confinement.Group != "" }),
	forSystem(key("supplementary_groups", accounts, "", "further groups; none are inherited", in(func(s *Service) any { return &s.confinement().Groups })),
		func(_ *reader, s *Service) bool { return len(s.Confinement.Groups) > 0 }),
	forSystem(key("capabilities", list("a list of capabilities", capabilityForm, readCapability), "", "the only capabilities that it keeps",
		in(func(s *Service) any { return &s.confinement().Capabilities })),
		func(_ *reader, s *Service) bool { return len(s.Confinement.Capabilities) > 0 }),
	key("isolation", object(&isolationObject), "", "namespaces, file system views, seccomp and landlock", in(func(s *Service) any { return &s.confinement().Isolation })),
}

// confinement is made for the first key that needs it: most services have none,
// and a manifest may have many thousand.
func (s *Service) confinement() *Confinement {
	if s.Confinement == nil {
		s.Confinement = &Confinement{}
	}
	return s.Confinement
}

// account is the name or number of a user or group. The system's instance needs
// the number behind a name. In a user's instance the manifest may be for another
// machine, so that an unknown one is a warning.
func account(what string) *Type {
	return &Type{Name: what, Accepts: "a name or a number", form: accountForm, read: func(r *reader, v value, to any) {
		if name, ok := r.account(v, what); ok {
			*to.(*string) = name
		}
	}}
}

var accounts = list("a list of groups", accountForm, func(r *reader, v value) (string, bool) { return r.account(v, "a group") })

func (r *reader) account(v value, what string) (string, bool) {
	text, ok := r.text(v, what)
	if !ok {
		return "", false
	}
	if err := checkAccount(text.Value); err != nil {
		r.badWord(v, text, what, "a name or a number", err)
		return "", false
	}
	if !isDigits(text.Value) && !r.exists(what, text.Value) {
		kind := KindUnknownUser
		if what == "a group" {
			kind = KindUnknownGroup
		}
		r.report(v, Problem{Kind: kind, Warning: !r.opts.System, Message: fmt.Sprintf("there is no %s %s on this machine", strings.TrimPrefix(what, "a "), quote(text.Raw))})
	}
	return text.Value, true
}

// exists says whether the machine has such a user or group. In a user's
// instance one that nobody can tell of is not missed.
func (r *reader) exists(what, name string) bool {
	lookup := func(name string) bool { _, known := r.opts.user(name); return known }
	missing := r.opts.LookupUser == nil
	if what == "a group" {
		lookup = func(name string) bool { _, known := r.opts.group(name); return known }
		missing = r.opts.LookupGroup == nil
	}
	return lookup(name) || missing && !r.opts.System
}

func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

func checkAccount(name string) error {
	switch {
	case name == "" || len(name) > 256:
		return errors.New("it must have 1 to 256 characters")
	case name[0] == '-' || strings.ContainsAny(name, ":/, \t\n"):
		return errors.New("no account can have that name")
	case isDigits(name) && (len(name) > 10 || len(name) == 10 && name >= "4294967295"):
		return errors.New("no account has that number")
	}
	return nil
}

// capabilityNames are those of capabilities(7), without CAP_, in the order of
// their numbers.
var capabilityNames = strings.Fields(`
	CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
	NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
	SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
	MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`)

func readCapability(r *reader, v value) (string, bool) {
	text, ok := r.text(v, "a capability")
	if !ok {
		return "", false
	}
	name := strings.TrimPrefix(strings.ToUpper(text.Value), "CAP_")
	if slices.Contains(capabilityNames, name) {
		return "CAP_" + name, true
	}
	suggestion := "see capabilities(7), such as CAP_NET_BIND_SERVICE"
	if meant, found := Nearest(name, capabilityNames); found && !text.Expanded {
		suggestion = fmt.Sprintf("did you mean %q?", "CAP_"+meant)
	}
	r.bad(v, fmt.Sprintf("no capability is called %s", quote(text.Raw)), suggestion)
	return "", false
}
