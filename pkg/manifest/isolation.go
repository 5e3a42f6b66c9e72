package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
	"systemg.org/sysg/pkg/generation"
)

var isolationObject = Object{Name: "isolation", Lenient: true, Keys: slices.Concat(
	[]*Key{
		toggle("network", "a network of its own, without any interface but loopback", func(i *Isolation) *bool { return &i.Network }),
		toggle("mount", "a mount namespace of its own", func(i *Isolation) *bool { return &i.Mount }),
		toggle("pid", "a process namespace of its own", func(i *Isolation) *bool { return &i.PID }),
		toggle("user", "a user namespace of its own", func(i *Isolation) *bool { return &i.User }),
		toggle("ipc", "an IPC namespace of its own", func(i *Isolation) *bool { return &i.IPC }),
		toggle("uts", "a host name of its own", func(i *Isolation) *bool { return &i.UTS }),
		toggle("cgroup", "a cgroup namespace of its own", func(i *Isolation) *bool { return &i.Cgroup }),
		key("init", optional[bool](boolean), "", "with pid: whether a small init is its first process, which forwards signals (default true)", in(func(i *Isolation) any { return &i.Init })),
		toggle("private_tmp", "a /tmp and a /var/tmp of its own", func(i *Isolation) *bool { return &i.PrivateTmp }),
		toggle("private_devices", "a /dev with harmless devices only", func(i *Isolation) *bool { return &i.PrivateDevices }),
		forSystem(key("protect_system", protectType, "", "true: /usr and /etc are read-only; strict: everything is but read_write_paths", in(func(i *Isolation) any { return &i.ProtectSystem })),
			func(_ *reader, i *Isolation) bool { return i.ProtectSystem != "" }),
		pathsKey("read_only_paths", "paths that it cannot write to", func(i *Isolation) *[]string { return &i.ReadOnly }),
		pathsKey("read_write_paths", "paths that it can write to all the same", func(i *Isolation) *[]string { return &i.ReadWrite }),
		pathsKey("inaccessible_paths", "paths that it cannot see into", func(i *Isolation) *[]string { return &i.Inaccessible }),
	},
	[]*Key{
		key("no_new_privileges", optional[bool](boolean), "", "no program that it runs gains privileges (default false in a user's instance, true in the system's)",
			in(func(i *Isolation) any { return &i.NoNewPrivileges })),
		forSystem(key("seccomp", seccompType, "", "system calls that it may make: service, strict, or {allow, deny, default}", in(func(i *Isolation) any { return &i.Seccomp })),
			func(*reader, *Isolation) bool { return true }),
		forSystem(key("landlock", &Type{Name: "landlock", Accepts: "a mapping", Object: &landlockObject, form: keysOf(&landlockObject), nullable: true, read: readLandlock}, "",
			"paths and ports that it may use", in(func(i *Isolation) any { return &i.Landlock })),
			func(*reader, *Isolation) bool { return true }),
		forSystem(key("apparmor_profile", freeText("a profile", "its name"), "", "AppArmor profile", in(func(i *Isolation) any { return &i.AppArmor })),
			func(*reader, *Isolation) bool { return true }),
		forSystem(key("selinux_context", freeText("a context", "a context such as system_u:system_r:httpd_t:s0"), "", "SELinux context", in(func(i *Isolation) any { return &i.SELinux })),
			func(*reader, *Isolation) bool { return true }),
		key("best_effort", list("a list of keys", oneWord(bestEffortNames...), readBestEffort), "", "keys of this block that may be missing where the kernel lacks them",
			in(func(i *Isolation) any { return &i.BestEffort })),
	})}

// toggle is a row for a boolean that asks for something when it is true.
func toggle(name, doc string, field func(*Isolation) *bool) *Key {
	return forSystem(key(name, boolean, "", doc, in(func(i *Isolation) any { return field(i) })), func(_ *reader, i *Isolation) bool { return *field(i) })
}

func pathsKey(name, doc string, field func(*Isolation) *[]string) *Key {
	return forSystem(key(name, pathList, "", doc, in(func(i *Isolation) any { return field(i) })), func(_ *reader, i *Isolation) bool { return len(*field(i)) > 0 })
}

var pathList = list("a list of paths", filePath, func(r *reader, v value) (string, bool) {
	var file string
	before := r.errors
	directory.read(r, v, &file)
	return file, r.errors == before
})

// protectType reads false as "", true and strict as they are.
var protectType = &Type{Name: "one of its words", Accepts: "false, true, strict", form: either(truth, oneWord("strict")), read: func(r *reader, v value, to any) {
	text, ok := r.text(v, "false, true or strict")
	if !ok {
		return
	}
	if on, err := parseBool(text.Value); err == nil {
		if on {
			*to.(*string) = "true"
		}
		return
	}
	if text.Value != "strict" {
		r.bad(v, fmt.Sprintf("protect_system cannot be %s", quote(text.Raw)), "expected one of false, true, strict")
		return
	}
	*to.(*string) = "strict"
}}

// bestEffortNames are the keys of isolation that a kernel may lack.
var bestEffortNames = generation.Droppable[:]

func readBestEffort(r *reader, v value) (string, bool) {
	return r.choose(v, choice[string](strings.Join(bestEffortNames, " ")))
}

var seccompObject = Object{Name: "seccomp", Keys: []*Key{
	key("allow", list("a list of system calls", matching(syscallPattern), readSyscall), "", "the only system calls that it may make", in(func(s *Seccomp) any { return &s.Allow })),
	key("deny", list("a list of system calls", matching(syscallPattern), readSyscall), "", "system calls that it may not make", in(func(s *Seccomp) any { return &s.Deny })),
	key("default", choice[string]("errno kill"), "errno", "what happens at a call that it may not make", in(func(s *Seccomp) any { return &s.Default })),
}, need: node{"anyOf": []node{given("allow"), given("deny")}}}

const syscallPattern = `[a-z_][a-z0-9_]{0,63}`

func readSyscall(r *reader, v value) (string, bool) {
	text, ok := r.text(v, "a system call")
	if !ok {
		return "", false
	}
	for i, c := range []byte(text.Value) {
		if c != '_' && !('a' <= c && c <= 'z') && !('0' <= c && c <= '9' && i > 0) || i > 63 {
			ok = false
		}
	}
	if !ok || text.Value == "" {
		r.badWord(v, text, "a system call", "its name, such as openat", errors.New("none has that name"))
		return "", false
	}
	return text.Value, true
}

var seccompProfiles = choice[string]("service strict baseline-v1")

// seccompType is the name of a profile, or a list of one's own.
var seccompType = &Type{
	Name: "seccomp", Accepts: "service, strict, or {allow, deny, default}", Choices: seccompProfiles.Choices, Object: &seccompObject,
	form: either(seccompProfiles.form, keysOf(&seccompObject)),
	read: func(r *reader, v value, to any) {
		s, before := &Seccomp{}, r.errors
		*to.(**Seccomp) = s
		if target(v.node).Kind != yaml.MappingNode {
			seccompProfiles.read(r, v, &s.Profile)
			if s.Profile == "baseline-v1" {
				s.Profile = "strict"
				r.report(v, Problem{
					Kind: KindConfig, Warning: true, Message: "seccomp: baseline-v1 is taken as strict",
					Why: "what baseline-v1 allowed was too little for most programs of today",
				})
			}
			return
		}
		r.defaults(&seccompObject, s)
		if r.object(&seccompObject, v, s); r.errors == before && s.Allow == nil && s.Deny == nil {
			r.bad(v, "seccomp has neither allow nor deny", "name the system calls, or write service or strict")
		}
	},
}

var landlockObject = Object{Name: "landlock", Lenient: true, Keys: []*Key{
	key("ro_paths", pathList, "", "paths that it may read and run", in(func(l *Landlock) any { return &l.ReadOnly })),
	key("rw_paths", pathList, "", "paths that it may read, run and write", in(func(l *Landlock) any { return &l.ReadWrite })),
	key("tcp_bind", list("a list of ports", number(1, 65535), readPort), "", "ports that it may listen on", in(func(l *Landlock) any { return &l.Bind })),
	key("tcp_connect", list("a list of ports", number(1, 65535), readPort), "", "ports that it may connect to", in(func(l *Landlock) any { return &l.Connect })),
}}

func readLandlock(r *reader, v value, to any) {
	l := &Landlock{}
	*to.(**Landlock) = l
	r.object(&landlockObject, v, l)
}

func readPort(r *reader, v value) (uint16, bool) {
	text, ok := r.text(v, "a port")
	if !ok {
		return 0, false
	}
	port, err := strconv.ParseUint(text.Value, 10, 16)
	if err != nil || port == 0 {
		r.badWord(v, text, "a port", "a number from 1 to 65535", errors.New("out of range"))
		return 0, false
	}
	return uint16(port), true
}
