package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"gopkg.in/yaml.v3"
	"systemg.org/sysg/pkg/generation"
)

// Opener returns the text of a file, of which it reads no more than
// MaxDocument bytes and one. It is where a file's owner and mode are checked:
// an *Untrusted error is reported as such.
type Opener func(path string) ([]byte, error)

// Options is what a manifest is read with.
type Options struct {
	// Open opens the manifest, what it includes, and the env files.
	Open Opener
	// LookupEnv knows the environment of the command; nil knows nothing.
	LookupEnv func(name string) (string, bool)
	// Home, User, Shell and UID are those of whom the services run as.
	Home  string
	User  string
	Shell string
	UID   uint32
	// LookupUser and LookupGroup know the accounts of the machine; nil ones
	// know none, and miss none. A user in digits is looked up by number.
	LookupUser  func(name string) (Account, bool)
	LookupGroup func(name string) (uint32, bool)
	// System is set for the instance of the machine, which can do what a user's
	// instance refuses.
	System bool
	// DropPrivileges has services of the system's instance that name no user
	// run as nobody, with nothing.
	DropPrivileges bool
	// State is the folder that the system's supervisor may write in.
	State string
	// CompileSeccomp makes the filter of a profile, or of lists of one's own.
	CompileSeccomp func(Seccomp) (*generation.Seccomp, error)
	// Now is the time after which a cron unit must have a run, where it is not 0.
	Now time.Time
	// Budget, where it is not 0, is the default of pre_start_timeout and of the
	// timeout of hooks, and the time for skip and for the switch of blue_green.
	Budget time.Duration
	// Settings are those of sysgd.conf; the zero value has none.
	Settings Settings
}

// Load reads and checks the manifest at an absolute path. The error is
// Problems, with everything that is wrong, warnings included; without an error
// the warnings are in the Manifest.
func Load(file string, opts Options) (*Manifest, error) {
	if !path.IsAbs(file) {
		return nil, Problems{{Path: file, Kind: KindUnreadable, Message: "the path of a manifest must be absolute"}}
	}
	text, err := opts.Open(file)
	if err != nil {
		return nil, Problems{openProblem(file, err)}
	}
	return Parse(file, text, opts)
}

// Parse reads and checks the text of a manifest, as Load does.
func Parse(file string, text []byte, opts Options) (*Manifest, error) {
	read := newFiles(file, text, opts.Open)
	opts.Open = read.open
	tree, problems := document(file, text, opts)
	if tree == nil {
		return nil, problems.sorted(file)
	}
	r := &reader{path: file, opts: opts, version: 2, problems: problems, errors: len(problems), files: read}
	read.made = slices.Sorted(maps.Keys(read.sums))
	r.blank = r.blankService()
	m := &root{}
	r.defaults(&rootObject, m)
	if m.logs = opts.Settings.Logs; m.logs == (generation.Logs{}) {
		r.defaults(&logsObject, &m.logs)
	}
	top := value{}
	if top.node, top.file = enter(tree, file); isNull(top.node) {
		top.node = &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	}
	r.object(&rootObject, top, m)
	return r.finish(m, top)
}

// finish checks the whole and makes the result.
func (r *reader) finish(m *root, top value) (*Manifest, error) {
	projects := r.assemble(m)
	for i := range projects {
		r.checkGraph(&projects[i])
	}
	if len(projects) == 0 && (r.errors == 0 || !top.mayHave(&rootObject, "services", "projects")) {
		r.problems = append(r.problems, Problem{
			Path: r.path, Line: 1, Column: 1, Kind: KindNoServices, Message: "the manifest has no services", Suggestion: "add services: with one service at least",
		})
	}
	problems := r.problems.sorted(r.path)
	if problems.fatal() {
		return nil, problems
	}
	r.sumFiles(projects)
	return &Manifest{
		Path: r.path, Dir: r.dir(), Version: m.version, Env: m.env, Metrics: m.metrics, Projects: projects,
		Warnings: problems, Differences: r.differences.problems(r), opts: r.opts, files: r.files,
	}, nil
}

// dir is the manifest's directory.
func (r *reader) dir() string { return path.Dir(r.path) }

func openProblem(file string, err error) Problem {
	var untrusted *Untrusted
	if errors.As(err, &untrusted) {
		return Problem{
			Path: file, Kind: KindUntrusted, Message: "refusing the manifest: " + untrusted.Reason,
			Why: "whoever can change a manifest decides what it runs", Suggestion: untrusted.Mend,
		}
	}
	p := Problem{Path: file, Kind: KindUnreadable, Message: fmt.Sprintf("cannot read the manifest: %s", openFault(err))}
	if errors.Is(err, fs.ErrNotExist) {
		p.Suggestion = "name another one with -c FILE"
	}
	return p
}

// openFault is the bare reason why a file could not be opened.
func openFault(err error) string {
	var untrusted *Untrusted
	if errors.As(err, &untrusted) {
		return untrusted.Reason
	}
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err.Error()
	}
	return err.Error()
}
