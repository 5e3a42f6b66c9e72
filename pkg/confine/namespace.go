package confine

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
)

// namespace is one kind of namespace that a service can have of its own.
type namespace struct {
	// file is its name in /proc/PID/ns, and its key in isolation.
	file string
	// limit is the file in /proc/sys/user that says how many there may be.
	limit string
	flag  uintptr
	// keys are the keys for which a service gets it, of those that c asks for.
	keys func(c *generation.Confinement) []string
}

// namespaces are all kinds (namespaces(7)). All but one are made by the clone:
// a process cannot move itself into a new pid namespace, and one with threads,
// as every Go program is, not into a new user namespace (unshare(2)). What the
// same clone makes beside a user namespace belongs to that, so that the service
// has no say outside it.
var namespaces = [...]namespace{
	{"user", "max_user_namespaces", unix.CLONE_NEWUSER, when("user", func(c *generation.Confinement) bool { return c.User })},
	{"mnt", "max_mnt_namespaces", unix.CLONE_NEWNS, viewKeys},
	{"pid", "max_pid_namespaces", unix.CLONE_NEWPID, when("pid", func(c *generation.Confinement) bool { return c.PID })},
	{"net", "max_net_namespaces", unix.CLONE_NEWNET, when("network", func(c *generation.Confinement) bool { return c.Network })},
	{"ipc", "max_ipc_namespaces", unix.CLONE_NEWIPC, when("ipc", func(c *generation.Confinement) bool { return c.IPC })},
	{"uts", "max_uts_namespaces", unix.CLONE_NEWUTS, when("uts", func(c *generation.Confinement) bool { return c.UTS })},
	{"cgroup", "max_cgroup_namespaces", unix.CLONE_NEWCGROUP, when("cgroup", func(c *generation.Confinement) bool { return c.Cgroup })},
}

func when(key string, asked func(*generation.Confinement) bool) func(*generation.Confinement) []string {
	return func(c *generation.Confinement) []string {
		if asked(c) {
			return []string{key}
		}
		return nil
	}
}

// viewKeys are the keys that need a mount namespace: pid among them, since its
// /proc must show it, and nobody else.
func viewKeys(c *generation.Confinement) []string {
	var keys []string
	for _, one := range []struct {
		key   string
		asked bool
	}{
		{"mount", c.Mount}, {"pid", c.PID}, {"private_tmp", c.PrivateTmp}, {"private_devices", c.PrivateDevices},
		{"protect_system", c.ProtectSystem != ""}, {"read_only_paths", len(c.ReadOnly) > 0},
		{"read_write_paths", len(c.ReadWrite) > 0}, {"inaccessible_paths", len(c.Inaccessible) > 0},
	} {
		if one.asked {
			keys = append(keys, one.key)
		}
	}
	return keys
}

// namespaceFlags are those of all namespaces that c asks for.
func namespaceFlags(c *generation.Confinement) uintptr {
	var flags uintptr
	for _, n := range namespaces {
		if len(n.keys(c)) > 0 {
			flags |= n.flag
		}
	}
	return flags
}

// cloneText says what a clone was asked for, where it was for anything.
func cloneText(c *generation.Confinement) string {
	var keys []string
	for i := range namespaces {
		if c != nil {
			keys = append(keys, namespaces[i].keys(c)...)
		}
	}
	if len(keys) == 0 {
		return ""
	}
	slices.Sort(keys)
	return " with isolation." + strings.Join(slices.Compact(keys), ", isolation.")
}

// hasInit says whether "sysg-exec init" is process 1 of its pid namespace.
func hasInit(c *generation.Confinement) bool { return c.PID && c.Init }

// idMap lets the service's own ids be themselves in its user namespace, and no
// others, root's included (user_namespaces(7)).
func idMap(ids ...uint32) []byte {
	var text []byte
	for i, id := range ids {
		if !slices.Contains(ids[:i], id) { // The kernel takes no id twice.
			text = fmt.Appendf(text, "%d %d 1\n", id, id)
		}
	}
	return text
}

// mapIDs maps the ids in the new user namespace of a process.
func mapIDs(pid int, id *generation.Identity) error {
	for _, file := range []struct {
		name string
		text []byte
	}{
		{"uid_map", idMap(id.UID)},
		{"setgroups", []byte("allow")}, // Its groups can only be set where that is so.
		{"gid_map", idMap(append([]uint32{id.GID}, id.Groups...)...)},
	} {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", pid, file.name), file.text, 0); err != nil {
			return fmt.Errorf("cannot map its ids: %w", err)
		}
	}
	return nil
}
