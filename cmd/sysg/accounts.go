package main

import (
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"systemg.org/sysg/pkg/manifest"
)

// The generation has numbers of users and groups, so that neither the helper nor
// the daemon looks up a name. Here they are looked up: in the machine's own
// files, and for accounts from elsewhere (LDAP, sssd, nsswitch.conf(5)) with
// getent(1), which asks the C library that this program does not link. Package
// os/user would do the first half of that, and knows no shells.

// lookupUser finds a user by name, or by number where the name is one.
func lookupUser(name string) (manifest.Account, bool) {
	entry := accountEntry("passwd", name)
	if len(entry) < 7 {
		return manifest.Account{}, false
	}
	uid, known := accountID(entry[2])
	gid, alsoKnown := accountID(entry[3])
	return manifest.Account{Name: entry[0], UID: uid, GID: gid, Home: rooted(entry[5]), Shell: rooted(entry[6])}, known && alsoKnown
}

// lookupGroup finds a group by name.
func lookupGroup(name string) (uint32, bool) {
	entry := accountEntry("group", name)
	if entry == nil {
		return 0, false
	}
	return accountID(entry[2])
}

// accountEntry is the line of passwd(5) or group(5) for a name or a number, nil
// for none.
func accountEntry(database, name string) []string {
	text, _ := os.ReadFile("/etc/" + database)
	if entry := findEntry(text, name); entry != nil {
		return entry
	}
	return findEntry(getent(database, name), name)
}

// findEntry takes digits for a number, whatever accounts are called.
func findEntry(table []byte, name string) []string {
	at := 0
	if _, err := strconv.ParseUint(name, 10, 32); err == nil {
		at = 2
	}
	var found []string
	eachEntry(table, 4, func(fields []string) {
		if found == nil && fields[at] == name {
			found = fields
		}
	})
	return found
}

// getentPath is fixed: what PATH of a caller of sudo says counts for nothing.
const getentPath = "/usr/bin/getent"

// getent asks for one account. A directory that does not answer is waited for
// until the answer would come too late for whoever calls us.
func getent(database, name string) []byte {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, getentPath, "--", database, name)
	command.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	answer, _ := command.Output()
	return answer
}

// accountID reads a number of an account. The last one is the kernel's word for
// none.
func accountID(text string) (uint32, bool) {
	id, err := strconv.ParseUint(text, 10, 32)
	return uint32(id), err == nil && id < math.MaxUint32
}

// rooted leaves out a path that nobody could use.
func rooted(path string) string {
	if !filepath.IsAbs(path) || strings.ContainsRune(path, 0) {
		return ""
	}
	return path
}

// remembered asks for each name once: a manifest may name one ten thousand times.
func remembered[T any](look func(name string) (T, bool)) func(name string) (T, bool) {
	type answer struct {
		value T
		found bool
	}
	known := map[string]answer{}
	return func(name string) (T, bool) {
		got, asked := known[name]
		if !asked {
			got.value, got.found = look(name)
			known[name] = got
		}
		return got.value, got.found
	}
}
