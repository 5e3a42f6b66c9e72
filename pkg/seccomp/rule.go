package seccomp

import (
	"fmt"
	"slices"
)

// action is what becomes of a call: a SECCOMP_RET_ value of linux/seccomp.h,
// with the error number in its lower half.
type action uint32

const (
	allow    action = 0x7fff0000
	kill     action = 0x80000000 // the process, not only its thread (Linux 4.14)
	eperm    action = 0x00050000 | 1
	enosys   action = 0x00050000 | 38
	noFamily action = 0x00050000 | 97 // EAFNOSUPPORT
)

// String implements fmt.Stringer.
func (a action) String() string {
	switch a {
	case allow:
		return "allow"
	case kill:
		return "kill"
	case eperm:
		return "EPERM"
	case enosys:
		return "ENOSYS"
	case noFamily:
		return "EAFNOSUPPORT"
	}
	return fmt.Sprintf("%#x", uint32(a))
}

// rule is what becomes of one system call.
type rule struct {
	action action
	look   *look // nil: whatever its arguments
}

// look makes a rule depend on the lower half of an argument: the rule's action
// holds if it is one of the values or, with bits, has none of them.
type look struct {
	argument  uint32
	values    []uint32
	bits      uint32
	otherwise action
}

// String says it for people and the golden files.
func (r rule) String() string {
	switch {
	case r.look == nil:
		return r.action.String()
	case r.look.bits != 0:
		return fmt.Sprintf("%s unless argument %d has a bit of %#x, then %s", r.action, r.look.argument, r.look.bits, r.look.otherwise)
	}
	return fmt.Sprintf("%s if argument %d is one of %#x, else %s", r.action, r.look.argument, r.look.values, r.look.otherwise)
}

// Profile is what a manifest says of system calls.
type Profile struct {
	// Name is Service or Strict, "" for lists of one's own.
	Name string
	// Allow are the only calls that are allowed, all that are known if it is
	// empty. Deny takes from them.
	Allow, Deny []string
	// Kill ends the process at a call that is not allowed.
	Kill bool
}

// rules gives each call of a table its rule.
func (p *Profile) rules(calls map[string]uint32) (map[string]rule, error) {
	var judge func(name string) rule
	switch p.Name {
	case Service, Strict:
		judge = p.named
	case "":
		if err := p.check(); err != nil {
			return nil, err
		}
		judge = p.own()
	default:
		return nil, fmt.Errorf("cannot compile seccomp profile %q: there are service and strict", p.Name)
	}
	rules := make(map[string]rule, len(calls))
	for name := range calls {
		rules[name] = judge(name)
	}
	return rules, nil
}

func (p *Profile) named(name string) rule {
	strictly := p.Name == Strict
	switch {
	case slices.Contains(refused, name) || strictly && slices.Contains(refusedStrictly, name):
		return rule{action: eperm}
	case slices.Contains(absent, name) || strictly && slices.Contains(absentStrictly, name):
		return rule{action: enosys}
	}
	if r, found := looks[name]; found {
		return r
	}
	if r, found := looksStrictly[name]; found && strictly {
		return r
	}
	return rule{action: allow}
}

// own judges by the profile's lists.
func (p *Profile) own() func(name string) rule {
	allowed, denied := set(p.Allow), set(p.Deny)
	return func(name string) rule {
		switch {
		case slices.Contains(always, name), !denied[name] && (len(allowed) == 0 || allowed[name]):
			return rule{action: allow}
		case p.Kill:
			return rule{action: kill}
		case slices.Contains(absent, name) || slices.Contains(absentStrictly, name):
			return rule{action: enosys}
		}
		return rule{action: eperm}
	}
}

func set(written []string) map[string]bool {
	names := make(map[string]bool, len(written))
	for _, name := range written {
		names[canonical(name)] = true
	}
	return names
}

// check refuses names that no architecture has, which are misspelt, and what
// cannot be denied.
func (p *Profile) check() error {
	known := set(Calls())
	for _, name := range slices.Concat(p.Allow, p.Deny) {
		if !known[canonical(name)] {
			return fmt.Errorf("there is no system call %.64q", name)
		}
	}
	for _, name := range p.Deny {
		if slices.Contains(always, canonical(name)) {
			return fmt.Errorf("%s cannot be denied: the filter is there before the program, which could not be started", name)
		}
	}
	return nil
}
