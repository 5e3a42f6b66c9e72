package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"systemg.org/sysg/pkg/cgroup"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/sys"
)

// Leaf is the cgroup of one incarnation.
type Leaf struct {
	Project, Service string
	// Main is set for a run, as opposed to a command beside one.
	Main bool
	// PIDs are its processes, zombies too.
	PIDs []int
}

func (in Instance) askKernel(l *Look) error {
	l.Leaves = l.readLeaves()
	l.Processes = map[int]sys.ProcStat{}
	pids, err := sys.Processes()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if stat, err := sys.ReadProcStat(pid); err == nil { // else it has ended
			l.Processes[pid] = stat
		}
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return fmt.Errorf("cannot read the table of locks: %w", err)
	}
	l.Supervisor = holder(string(locks), paths.Lock(in.State))
	l.Helper = holder(string(locks), filepath.Join(in.State, "exec.lock"))
	l.Deaf = in.deaf(l.Helper)
	l.Marks = map[int]string{}
	for pid, stat := range l.Processes {
		switch {
		case l.Helper == 0 || stat.Parent != l.Helper:
		case holds(pid):
			delete(l.Processes, pid) // It is of no service.
		default:
			l.Marks[pid] = markOn(pid)
		}
	}
	return nil
}

// holds says whether a child of sysg-exec is its holder.
func holds(pid int) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.HasPrefix(string(text), "sysg-exec\x00hold\x00--inherited\x00")
}

// markOn is the incarnation in the environment of a process, "" for none.
func markOn(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	for variable := range strings.SplitSeq(string(text), "\x00") {
		if incarnation, found := strings.CutPrefix(variable, "SYSG_INVOCATION_ID="); found {
			return incarnation
		}
	}
	return ""
}

// readLeaves finds the leaves below the homes that the records name.
func (l *Look) readLeaves() map[string]Leaf {
	mount, err := cgroup.FindMount()
	if err != nil {
		return nil
	}
	leaves := map[string]Leaf{}
	for _, home := range l.homes() {
		found, _ := filepath.Glob(filepath.Join(mount.Point, home, "p-*", "s-*", "*-*"))
		for _, folder := range found {
			leaf := Leaf{
				Project: strings.TrimPrefix(filepath.Base(filepath.Dir(filepath.Dir(folder))), "p-"),
				Service: strings.TrimPrefix(filepath.Base(filepath.Dir(folder)), "s-"),
			}
			kind, rest, _ := strings.Cut(filepath.Base(folder), "-")
			incarnation, _, _ := strings.Cut(rest, "-")
			leaf.Main = kind == "run"
			leaf.PIDs = processesBelow(folder)
			leaves[incarnation] = leaf
		}
	}
	return leaves
}

// homes are the cgroups that services live in, below the mount.
func (l *Look) homes() []string {
	var homes []string
	add := func(leaf string) {
		if home, _, found := strings.Cut(leaf, "/p-"); found && !slices.Contains(homes, home) {
			homes = append(homes, home)
		}
	}
	for _, record := range l.Records {
		add(record.Record.Cgroup)
	}
	if l.Survey != nil {
		for _, run := range l.Survey.Runs {
			add(run.Cgroup)
		}
	}
	return homes
}

// processesBelow are those of a cgroup and of what is below it.
func processesBelow(folder string) []int {
	var pids []int
	_ = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.Name() != "cgroup.procs" {
			return nil // It may go while we look.
		}
		if text, err := os.ReadFile(path); err == nil {
			found, _ := cgroup.ParseProcs(string(text))
			pids = append(pids, found...)
		}
		return nil
	})
	return pids
}

// holder is who has a lock on a file, 0 if nobody has.
func holder(table, path string) int {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	for _, pid := range Holders(table, stat.Ino) {
		return pid
	}
	return 0
}

// Holders are the processes that have a lock on a file, as /proc/locks says. The
// device is left out: some file systems show another one there than stat(2)
// does. So whoever acts on it has to look at the process, too.
func Holders(table string, inode uint64) []int {
	var pids []int
	for line := range strings.Lines(table) {
		// 1: FLOCK  ADVISORY  WRITE 2345 00:2a:67890 0 EOF
		fields := strings.Fields(line)
		if len(fields) < 6 || !strings.HasSuffix(fields[5], ":"+strconv.FormatUint(inode, 10)) {
			continue // among them those who only wait: they have an arrow more
		}
		if pid, err := strconv.Atoi(fields[4]); err == nil && pid > 0 && !slices.Contains(pids, pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// deaf are the daemons' sockets that are there and at which nobody listens. That
// for children may be left behind by a sysg-exec that has died.
func (in Instance) deaf(helper int) []string {
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil
	}
	var deaf []string
	all := []string{paths.Control(in.Runtime), paths.Exec(in.Runtime)}
	if helper != 0 {
		all = append(all, paths.Spawn(in.Runtime))
	}
	for _, path := range all {
		info, err := os.Lstat(path)
		if err == nil && info.Mode().Type() == os.ModeSocket && !Listening(string(table), path) {
			deaf = append(deaf, path)
		}
	}
	return deaf
}

// Listening says whether table, in the form of /proc/net/unix, has a socket of
// that path that takes connections: flag __SO_ACCEPTCON, 0x10000.
func Listening(table, path string) bool {
	for line := range strings.Lines(table) {
		// Num RefCount Protocol Flags Type St Inode Path
		fields := strings.Fields(line)
		if len(fields) >= 8 && fields[3] == "00010000" && strings.HasSuffix(line, " "+path+"\n") {
			return true
		}
	}
	return false
}
