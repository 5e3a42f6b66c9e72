package supervisor

import (
	"context"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/logs"
	"systemg.org/sysg/pkg/store"
)

// installed is a store of generations in memory.
type installed struct {
	mu     sync.Mutex
	stored map[int]generation.Supervise
	active int
}

func (i *installed) Projects() ([]string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.active == 0 {
		return nil, nil
	}
	return []string{"p"}, nil
}

func (i *installed) Active(project string) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if project != "p" || i.active == 0 {
		return 0, fs.ErrNotExist
	}
	return i.active, nil
}

func (i *installed) Supervise(_ string, number int) (generation.Supervise, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.stored[number], nil
}

func (i *installed) List(project string) ([]generation.Entry, error) {
	active, err := i.Active(project)
	var all []generation.Entry
	for number := 1; number <= active; number++ {
		entry := generation.Entry{Number: number, Hash: i.stored[number].Hash, Active: number == active}
		for _, service := range i.stored[number].Services {
			entry.Services = append(entry.Services, service.Name)
		}
		all = append(all, entry)
	}
	return all, err
}

// put installs services as the next generation.
func (i *installed) put(services ...generation.Service) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	slices.SortFunc(services, func(a, b generation.Service) int { return strings.Compare(a.Name, b.Name) })
	i.active++
	i.stored[i.active] = generation.Supervise{Project: "p", Number: i.active, Hash: "h", Services: services}
	return i.active
}

// disk is state files in memory.
type disk struct {
	mu    sync.Mutex
	saved *store.Project
	to    *Supervisor
	off   bool // nothing reaches it
	kept  bool // what reaches it is not told
}

func (d *disk) Put(project store.Project, seq uint64) {
	d.mu.Lock()
	if d.off {
		d.mu.Unlock()
		return
	}
	d.saved = &project
	to, kept := d.to, d.kept
	d.mu.Unlock()
	if kept {
		return
	}
	to.Written(project.State.Project, seq, nil)
}

func (d *disk) Load(string) (store.Project, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.saved == nil {
		return store.Project{}, fs.ErrNotExist
	}
	return *d.saved, nil
}

// silent is a log in which nothing stands.
type silent struct{}

func (silent) Attach(source logs.Source) { source.Pipe.Close() }
func (silent) Tail(string, string, int, logs.Query) ([]logs.Line, logs.Position, error) {
	return nil, logs.Position{}, nil
}

func (silent) History(string, string, logs.Query) iter.Seq2[logs.Line, error] {
	return func(func(logs.Line, error) bool) {}
}
func (silent) Clear(string, string, logs.Clear) (logs.Cleared, error) { return logs.Cleared{}, nil }
func (silent) Dropped(string, string) uint64                          { return 0 }
func (silent) JournalProblem() error                                  { return nil }

func (silent) FollowAll(ctx context.Context, _ []logs.Followed, _ logs.Query, _ func(int, logs.Line) error) error {
	<-ctx.Done()
	return ctx.Err()
}
