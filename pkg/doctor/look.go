package doctor

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/store"
	"systemg.org/sysg/pkg/sys"
)

// Instance is where the files of the one to examine are.
type Instance struct {
	State, Runtime string
}

// Look is all that is held against one another.
type Look struct {
	// Survey is what the supervisor believes, nil without one.
	Survey *api.Survey
	// Records are what sysg-exec keeps of each incarnation, by its name.
	Records map[string]Record
	// Stored is what the supervisor saved of each project, Broken why it cannot
	// be read, and Installed what is wrong with its active generation, nil if
	// nothing is.
	Stored    map[string]store.Project
	Broken    map[string]error
	Installed map[string]error
	// Rolling are the services, PROJECT/SERVICE, of which two incarnations may
	// run for a while.
	Rolling map[string]bool
	// Boot tells one boot of the machine from another.
	Boot string

	// Processes are all of the machine, Leaves the cgroups of incarnations.
	Processes map[int]sys.ProcStat
	Leaves    map[string]Leaf
	// Marks are the incarnations that children of sysg-exec say they are of.
	Marks map[int]string
	// Helper and Supervisor hold the two locks, 0 if nobody does.
	Helper, Supervisor int
	// Deaf are sockets of the daemons at which nobody listens; Closed says what
	// is wrong with those of services, by PROJECT/SERVICE.
	Deaf   []string
	Closed map[string][]string
}

// Record is a record of sysg-exec; see its record.go.
type Record struct {
	Record     spec.Record `json:"record"`
	Boot       string      `json:"boot"`
	StartTicks uint64      `json:"start_ticks"`
}

// look reads files first, then the kernel.
func (in Instance) look(survey *api.Survey) (*Look, error) {
	l := &Look{
		Survey: survey, Records: map[string]Record{}, Stored: map[string]store.Project{}, Broken: map[string]error{},
		Installed: map[string]error{}, Rolling: map[string]bool{}, Closed: map[string][]string{},
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, err
	}
	l.Boot = strings.TrimSpace(string(boot))
	in.readRecords(l)
	if err := in.readProjects(l); err != nil {
		return nil, err
	}
	in.readInstalled(l)
	return l, in.askKernel(l)
}

// readRecords leaves out what is being written at the moment.
func (in Instance) readRecords(l *Look) {
	files, _ := filepath.Glob(filepath.Join(in.State, "incarnations", "*.json"))
	for _, path := range files {
		text, err := os.ReadFile(path)
		var record Record
		if err == nil && json.Unmarshal(text, &record) == nil {
			l.Records[strings.TrimSuffix(filepath.Base(path), ".json")] = record
		}
	}
}

func (in Instance) readProjects(l *Look) error {
	names, err := store.Projects(paths.Projects(in.State))
	if err != nil {
		return err
	}
	for _, name := range names {
		project, err := store.Load(paths.Projects(in.State), name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			l.Broken[name] = err
		default:
			l.Stored[name] = project
		}
	}
	return nil
}

// readInstalled loads the active generation of every project, both parts, and
// looks for the sockets that it declares.
func (in Instance) readInstalled(l *Look) {
	generations := generation.Store{Dir: paths.Generations(in.State)}
	kernel := tables{}
	for _, name := range l.projects() {
		number, err := generations.Active(name)
		var g *generation.Generation
		if err == nil {
			g, err = generations.Load(name, number)
		}
		l.Installed[name] = err
		if err != nil {
			continue
		}
		for _, service := range g.Supervise.Services {
			l.Rolling[name+"/"+service.Name] = service.Rolling != nil
			l.Closed[name+"/"+service.Name] = closed(service.Sockets, kernel)
		}
	}
}

// projects are the names that the supervisor or the state files know.
func (l *Look) projects() []string {
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for name := range l.Stored {
		add(name)
	}
	if l.Survey != nil {
		for _, s := range l.Survey.Services {
			add(s.Project)
		}
	}
	return names
}
