package manifest

import "fmt"

// File is what an open descriptor says of a file. It must come from fstat on
// the descriptor that is read, never from the path, which may have become
// another file meanwhile.
type File struct {
	Path    string
	Regular bool
	// Symlink is set if the last component of the path was one.
	Symlink bool
	Perm    uint32 // the permission bits of the mode
	UID     uint32
	GID     uint32
}

// Caller is who wants to use it.
type Caller struct {
	EUID uint32
	// PrivateGID is the group that the caller is the only member of, if
	// HasPrivate is set.
	PrivateGID uint32
	HasPrivate bool
	// SudoUID is who called sudo, if HasSudo is set.
	SudoUID uint32
	HasSudo bool
	// System is set for the instance of the machine, whose rules are stricter.
	System bool
}

// Untrusted says why a file is not used, and how to mend that.
type Untrusted struct {
	Path   string
	Reason string
	Mend   string
}

func (u *Untrusted) Error() string { return fmt.Sprintf("refusing %q: %s", u.Path, u.Reason) }

// Judge says whether a file may decide what the caller runs: nobody but the
// caller and root may be able to change it. The error is of type *Untrusted.
func Judge(f File, c Caller) error {
	refuse := func(mend, reason string, args ...any) error {
		return &Untrusted{Path: f.Path, Reason: fmt.Sprintf(reason, args...), Mend: mend}
	}
	owner := c.EUID
	if c.System {
		owner = 0 // whoever asks: a manifest is judged as it will be installed
	}
	// These words go into a shell; a quoted path stays one word there.
	install := fmt.Sprintf("install -o root -g root -m 0644 -- %s /etc/systemg/", shellQuote(f.Path))
	switch {
	case !f.Regular:
		return refuse("", "it is not a regular file")
	case f.Symlink && c.System:
		return refuse("name the file itself", "it is a symbolic link")
	case f.UID != 0 && f.UID != owner && (c.System || c.EUID == 0 && c.HasSudo && f.UID == c.SudoUID):
		return refuse(install, "it belongs to uid %d, and root runs nothing that another can change", f.UID)
	case f.UID != 0 && f.UID != owner:
		return refuse("", "it belongs to uid %d, not to root or to uid %d", f.UID, owner)
	case f.Symlink && f.UID != owner:
		return refuse("name the file itself", "it is a symbolic link to a file of uid %d", f.UID)
	case f.Perm&0o002 != 0:
		return refuse("chmod o-w -- "+shellQuote(f.Path), "everybody can write it (mode %04o)", f.Perm)
	case f.Perm&0o020 != 0 && (c.System || !c.HasPrivate || f.GID != c.PrivateGID):
		return refuse("chmod g-w -- "+shellQuote(f.Path), "group %d can write it (mode %04o)", f.GID, f.Perm)
	}
	return nil
}
