//go:build e2e

package test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"systemg.org/sysg/pkg/sys"
)

// commands are what scripts can say beyond testscript's own.
var commands = map[string]func(*testscript.TestScript, bool, []string){
	"waitline":    waitLine,
	"waitstatus":  waitStatus,
	"pid":         savePID,
	"samepid":     samePID,
	"daemons":     countDaemons,
	"kill9":       killHard,
	"killboth":    killBoth,
	"gone":        waitGone,
	"frame":       sendFrame,
	"mode":        changeMode,
	"chown":       changeOwner,
	"chown-group": changeGroup,
	"mkfifo":      makeFIFO,
	"parallel":    runParallel,
	"readvar":     readVar,
	"varlink":     varlinkCall,
	"code":        exitsWith,
	"terminal":    atTerminal,
	"connect":     connect,
	"hammer":      hammerAt,
	"freeport":    freePort,
	"wellformed":  wellFormed,
}

func instanceOf(ts *testscript.TestScript) *instance {
	return ts.Value(instanceKey{}).(*instance)
}

// sysg runs the instance's own sysg, as its own user.
func (i *instance) sysg(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(i.bin, "sysg"), args...)
	command.Dir = i.work
	command.Env = i.vars
	output, err := command.Output()
	return string(output), err
}

// eventually waits until check holds. It asks again and again, because the
// programs under test offer no event for what it asks; scripts need no pauses.
func eventually(ts *testscript.TestScript, what string, check func() (bool, string)) {
	var last string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(15 * time.Millisecond) {
		ok, seen := check()
		if ok {
			return
		}
		last = seen
	}
	ts.Fatalf("%s did not come true; last seen:\n%s", what, last)
}

func need(ts *testscript.TestScript, neg bool, args []string, counts ...int) {
	if neg {
		ts.Fatalf("this command cannot be negated")
	}
	for _, count := range counts {
		if len(args) == count {
			return
		}
	}
	ts.Fatalf("wrong number of arguments")
}

// waitline FILE REGEXP waits until a line of the file matches.
func waitLine(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	pattern := compile(ts, args[1])
	path := ts.MkAbs(args[0])
	eventually(ts, fmt.Sprintf("a line %q in %s", args[1], args[0]), func() (bool, string) {
		text, err := os.ReadFile(path)
		if err != nil {
			return false, err.Error()
		}
		return pattern.Match(text), string(text)
	})
}

func compile(ts *testscript.TestScript, text string) *regexp.Regexp {
	pattern, err := regexp.Compile("(?m)" + text)
	if err != nil {
		ts.Fatalf("bad pattern: %v", err)
	}
	return pattern
}

// waitstatus SERVICE FIELD REGEXP waits until the field (process.pid, phase …)
// of the service in `sysg status --format json` matches.
func waitStatus(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 3)
	pattern := compile(ts, "^(?:"+args[2]+")$")
	i := instanceOf(ts)
	eventually(ts, strings.Join(args, " "), func() (bool, string) {
		value, all := i.field(args[0], args[1])
		return pattern.MatchString(value), all
	})
}

// field reads one field of a service's status, "" if it is absent, and returns
// the whole status for people.
func (i *instance) field(service, path string) (value, all string) {
	output, err := i.sysg("status", "--format", "json")
	var snapshot struct {
		Units []map[string]any `json:"units"`
	}
	if decodeErr := json.Unmarshal([]byte(output), &snapshot); decodeErr != nil {
		return "", fmt.Sprintf("%v, %v: %s", err, decodeErr, output)
	}
	for _, unit := range snapshot.Units {
		if home, _, found := strings.Cut(dig(unit, []string{"cgroup"}), "/p-"); found {
			i.cgroup = home
		}
		if unit["name"] == service {
			return dig(unit, strings.Split(path, ".")), output
		}
	}
	return "", output
}

func dig(v any, path []string) string {
	for _, key := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = object[key]
	}
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// pid SERVICE|sysgd|sysg-exec VAR sets VAR to the pid of a running service or
// of a daemon of this instance.
func savePID(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	ts.Setenv(args[1], strconv.Itoa(findPID(ts, args[0])))
}

func findPID(ts *testscript.TestScript, name string) int {
	i := instanceOf(ts)
	var pid int
	eventually(ts, "a pid of "+name, func() (bool, string) {
		if name == "sysgd" || name == "sysg-exec" {
			pid = i.daemon(name)
			return pid > 0, describe(i.processes())
		}
		value, all := i.field(name, "process.pid")
		pid, _ = strconv.Atoi(value)
		return pid > 0, all
	})
	return pid
}

// daemon finds a daemon of the instance by its program.
func (i *instance) daemon(name string) int {
	for _, pid := range i.processes() {
		if i.is(pid, name) {
			return pid
		}
	}
	return 0
}

// program is where a daemon of the instance is installed.
func (i *instance) program(name string) string {
	switch {
	case i.mode != asSystem:
		return filepath.Join(programs, name)
	case name == "sysgd":
		return "/usr/bin/sysgd"
	}
	return "/usr/libexec/systemg/" + name
}

// is says whether a process is a daemon. The holder is none, though it is the
// same program.
func (i *instance) is(pid int, name string) bool {
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && program == i.program(name) && !holds(pid)
}

// samepid SERVICE PID fails unless the service runs under that pid; negated it
// waits until the service runs under another.
func samePID(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: samepid SERVICE PID")
	}
	if neg {
		eventually(ts, args[0]+" with another pid", func() (bool, string) {
			pid := findPID(ts, args[0])
			return strconv.Itoa(pid) != args[1], strconv.Itoa(pid)
		})
		return
	}
	if pid := findPID(ts, args[0]); strconv.Itoa(pid) != args[1] {
		ts.Fatalf("%s has pid %d, before it was %s", args[0], pid, args[1])
	}
}

// kill9 SERVICE|sysgd|sysg-exec|PID kills with SIGKILL and waits for the end of
// its last thread: until then its sockets are open.
func killHard(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1)
	pid, err := strconv.Atoi(args[0])
	if err != nil {
		pid = findPID(ts, args[0])
	}
	pidFD, err := unix.PidfdOpen(pid, 0)
	ts.Check(err)
	defer unix.Close(pidFD)
	ts.Check(unix.PidfdSendSignal(pidFD, unix.SIGKILL, nil, 0))
	for {
		ready, err := sys.Poll([]unix.PollFd{{Fd: int32(pidFD), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil || ready == 0:
			ts.Fatalf("process %d does not end: %v", pid, err)
		}
		return
	}
}

// killboth kills both daemons with SIGKILL, each stopped before the other dies,
// so that there is no moment for the one in which the other is gone.
func killBoth(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 0)
	pids := []string{strconv.Itoa(findPID(ts, "sysgd")), strconv.Itoa(findPID(ts, "sysg-exec"))}
	for _, pid := range pids {
		number, _ := strconv.Atoi(pid)
		ts.Check(unix.Kill(number, unix.SIGSTOP))
	}
	for _, pid := range pids {
		killHard(ts, false, []string{pid})
	}
}

// kernelTellsExits says whether the kernel tells the exit of a process that was
// reaped to whoever has its pidfd (PIDFD_GET_INFO, Linux 6.15).
func kernelTellsExits() (bool, error) {
	command := exec.Command("true")
	pidFD := -1
	command.SysProcAttr = &syscall.SysProcAttr{PidFD: &pidFD}
	if err := command.Run(); err != nil {
		return false, err
	}
	defer unix.Close(pidFD)
	_, known, _, err := sys.ExitOfStranger(pidFD)
	return known, err
}

// gone PID... waits until the processes have ended.
func waitGone(ts *testscript.TestScript, neg bool, args []string) {
	for _, arg := range args {
		pid, err := strconv.Atoi(arg)
		if err != nil {
			ts.Fatalf("not a pid: %q", arg)
		}
		if neg && !isAlive(pid) {
			ts.Fatalf("process %d is gone", pid)
		}
		if !neg {
			waitForEnd(ts, pid)
		}
	}
}

func waitForEnd(ts *testscript.TestScript, pid int) {
	eventually(ts, fmt.Sprintf("the end of process %d", pid), func() (bool, string) {
		return !isAlive(pid), describe([]int{pid})
	})
}

// isAlive is false for a zombie: it has ended, whoever has yet to hear of it.
func isAlive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, found := strings.Cut(string(stat), ") ")
	return found && !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

// mode OCTAL FILE... changes permissions, beyond what chmod of testscript does.
func changeMode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mode OCTAL FILE...")
	}
	bits, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	for _, file := range args[1:] {
		ts.Check(os.Chmod(ts.MkAbs(file), os.FileMode(bits)))
	}
}

// chown UID FILE... needs root.
func changeOwner(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: chown UID FILE...")
	}
	uid, err := strconv.Atoi(args[0])
	ts.Check(err)
	for _, file := range args[1:] {
		ts.Check(os.Lchown(ts.MkAbs(file), uid, uid))
	}
}

func makeFIFO(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1)
	path := ts.MkAbs(args[0])
	ts.Check(syscall.Mkfifo(path, 0o600))
	if i := instanceOf(ts); i.mode == asUser {
		ts.Check(os.Chown(path, userID, userID))
	}
}

// parallel N COMMAND... runs N of the same at once; all must succeed.
func runParallel(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: parallel N COMMAND...")
	}
	count, err := strconv.Atoi(args[0])
	ts.Check(err)
	i := instanceOf(ts)
	results := make(chan error, count)
	for range count {
		go func() {
			command := exec.Command(filepath.Join(i.bin, args[1]), args[2:]...)
			command.Dir, command.Env = ts.Getenv("WORK"), i.vars
			output, err := command.CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, output)
			}
			results <- err
		}()
	}
	var problems []error
	for range count {
		problems = append(problems, <-results)
	}
	ts.Check(errors.Join(problems...))
}

// daemons NAME COUNT waits until exactly so many of a program run for this instance.
func countDaemons(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	i := instanceOf(ts)
	eventually(ts, strings.Join(args, " "), func() (bool, string) {
		count := 0
		for _, pid := range i.processes() {
			if i.is(pid, args[0]) {
				count++
			}
		}
		return strconv.Itoa(count) == args[1], describe(i.processes())
	})
}

// chown-group GID FILE... needs root.
func changeGroup(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: chown-group GID FILE...")
	}
	gid, err := strconv.Atoi(args[0])
	ts.Check(err)
	for _, file := range args[1:] {
		ts.Check(os.Lchown(ts.MkAbs(file), -1, gid))
	}
}

// readvar VAR FILE sets VAR to the text of the file.
func readVar(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// wellformed FILE fails unless it is XML.
func wellFormed(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1)
	decoder := xml.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	for {
		if _, err := decoder.Token(); err == io.EOF {
			return
		} else if err != nil {
			ts.Fatalf("%v", err)
		}
	}
}
