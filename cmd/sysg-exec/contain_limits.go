package main

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/cgroup"
	"systemg.org/sysg/pkg/confine"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// limits are those of a service's cgroup, and where that is.
type limits struct {
	// root takes the place of the base, "" for the base itself.
	root   string
	writes []cgroup.Write
	// rehearsed: root is a plain directory, which has got them as files that
	// hold nothing back; writes and root are empty.
	rehearsed bool
}

// rootKey is the manifest's key that moves a service's cgroup elsewhere.
const rootKey = "limits.cgroup.root"

func limitsOf(declared *generation.Cgroup, launch spec.Launch) (limits, error) {
	if declared == nil {
		return limits{}, nil
	}
	l := limits{root: declared.Root}
	for _, file := range declared.Files {
		l.writes = append(l.writes, cgroup.Write{File: file.Name, Value: file.Value})
	}
	if l.root == "" {
		return l, nil
	}
	switch plain, err := cgroup.OpenPlain(l.root); {
	case errors.Is(err, cgroup.ErrNotPlain) || errors.Is(err, unix.ENOENT):
		return l, nil // A cgroup, or one to be made.
	case err != nil:
		return limits{}, fmt.Errorf("%s: %w", rootKey, err)
	default:
		defer plain.Close()
		if err := plain.Rehearse([]string{projectDir(launch), serviceDir(launch)}, l.writes); err != nil {
			return limits{}, fmt.Errorf("%s: %w", rootKey, err)
		}
	}
	return limits{rehearsed: true}, nil
}

// maxRootDepth bounds how far below the base a root may be.
const maxRootDepth = 4

// rootNames are the directories between the base and what takes its place. Our
// own tree is the only one in which we may make, kill and remove.
func (c *cgroups) rootNames(root string) ([]string, error) {
	if root == "" {
		return nil, nil
	}
	tree := path.Join(c.mount.Point, c.base.Path())
	below, found := strings.CutPrefix(root, tree+"/")
	names := strings.Split(below, "/")
	ours := func(name string) bool { return name == holderLeaf || strings.HasPrefix(name, projectPrefix) }
	if !found || root != path.Clean(root) || len(names) > maxRootDepth || slices.ContainsFunc(names, ours) {
		return nil, fmt.Errorf("%s: %q is neither an empty directory of a common file system nor a cgroup of its own below %q", rootKey, root, tree)
	}
	return names, nil
}

// descend opens the directory at the end of names, below the base, and makes
// what is missing. All of them, the base included, get to give on what the
// writes need; so does the directory above where that is ours.
func (c *cgroups) descend(names []string, writes []cgroup.Write) (*cgroup.Dir, error) {
	controllers := cgroup.Controllers(writes)
	at := c.base
	for i, name := range names {
		below, err := at.Ensure(name)
		if i == 0 && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV)) {
			below, err = c.ensureAnew(name)
			at = c.base
		}
		if err == nil {
			if err = c.enable(at, controllers); err != nil {
				below.Close()
			}
		}
		if at != c.base {
			at.Close()
		}
		if err != nil {
			return nil, explainController(err, writes)
		}
		at = below
	}
	if err := at.Enable(controllers); err != nil {
		at.Close()
		return nil, explainController(err, writes)
	}
	return at, nil
}

// enable is Dir.Enable, for the base with the directory above it. That is the
// cgroup that we are in ourselves, so only the root of the tree can do it.
func (c *cgroups) enable(at *cgroup.Dir, controllers []string) error {
	if len(controllers) == 0 {
		return nil
	}
	if at == c.base && c.above != nil {
		available, err := at.Available()
		if err != nil {
			return err
		}
		lacks := slices.DeleteFunc(slices.Clone(controllers), func(name string) bool { return slices.Contains(available, name) })
		if err := c.above.Enable(lacks); err != nil {
			return err
		}
	}
	return at.Enable(controllers)
}

// explainController begins with the key that asks for what is not there.
func explainController(err error, writes []cgroup.Write) error {
	var lacking *cgroup.ControllerError
	if errors.As(err, &lacking) {
		return fmt.Errorf("%s: %w", cgroup.KeyFor(lacking.Controller, writes), err)
	}
	return err
}

// weigh gives the service's directory the weights of its leaf. The kernel shares
// out between neighbours, and those of a leaf are the service's own; so it is
// the directories of a project's services that compete. One that is there from
// before may have weights that are not asked for any more.
func weigh(service *cgroup.Dir, writes []cgroup.Write) error {
	for _, weight := range []cgroup.Write{{File: "cpu.weight", Value: "100"}, {File: "io.weight", Value: "default 100"}} {
		i := slices.IndexFunc(writes, func(w cgroup.Write) bool { return w.File == weight.File })
		if i >= 0 {
			weight = writes[i]
		}
		err := service.Limit([]cgroup.Write{weight})
		if err != nil && !(i < 0 && errors.Is(err, unix.ENOENT)) {
			return err
		}
	}
	return nil
}

// oom reads what the kernel counts from the leaf's beginning on. The limit is
// told only where it was this leaf's that was reached.
func (h *cgroupHome) oom() *spec.OOM {
	events, err := h.leaf.MemoryEvents()
	// An execve that gets no memory ends its process without the OOM killer.
	if err != nil || events.Kills == 0 && events.OOM == 0 {
		return nil
	}
	oom := &spec.OOM{Kills: events.Kills}
	if events.OOM > 0 {
		oom.Limit, _ = h.leaf.MemoryMax()
	}
	return oom
}

// blamingMemory is a failure, or that its limit of memory is too small even for
// what comes before the program: nobody would guess it from a process that has
// just died.
func blamingMemory(inc *incarnation, failure *confine.Failure) *confine.Failure {
	if inc.home == nil || failure == nil || inc.home.oom() == nil {
		return failure
	}
	return &confine.Failure{Stage: failure.Stage, Errno: failure.Errno, Detail: "limits.cgroup.memory_max: it was killed for its memory before it became the program"}
}
