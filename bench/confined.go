package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/manifest"
	"systemg.org/sysg/pkg/seccomp"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// Services of the system's instance become somebody else, which takes root. They
// are launched by the helper alone, without sysgd: from the request to the answer
// that the process is its program, as whom and with what it was to be.

// aUser is what most services there are; everything is every stage that there is.
const (
	aUser = `    user: "61234"
    group: "61235"
    supplementary_groups: [4, 61236]
`
	everything = aUser + `    umask: "0027"
    capabilities: [NET_BIND_SERVICE]
    limits: {nofile: 1000, core: 0, nice: -5, cpu_affinity: "0", ionice: "best-effort:7", oom_score_adj: 10}
    isolation:
      network: true
      mount: true
      pid: true
      user: true
      ipc: true
      uts: true
      cgroup: true
      private_devices: true
      protect_system: strict
      read_only_paths: [/srv]
      inaccessible_paths: [/root]
      seccomp: service
      landlock: {ro_paths: [/], rw_paths: [%s]}
`
)

// confined measures launches of the system's helper.
func (b *bench) confined() ([]row, error) {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "bench: launches as another user are left out: they take root")
		return nil, nil
	}
	// The service's user has to reach its program and the FIFO.
	if err := errors.Join(os.Chmod(b.folder, 0o711), os.Chmod(b.stamp, 0o755), os.Chmod(b.fifo, 0o622)); err != nil {
		return nil, err
	}
	conn, end, err := b.systemHelper()
	if err != nil {
		return nil, err
	}
	defer end()
	var rows []row
	for _, r := range []row{
		{what: "launch as a user, with groups and a cgroup", limit: 1.5},
		{what: "launch with every stage there is", limit: 6},
	} {
		keys := aUser
		if rows != nil {
			keys = fmt.Sprintf(everything, b.folder)
		}
		if r.ours, err = b.launches(conn, keys); err != nil {
			return nil, err
		}
		if r.floor, err = b.floorStarts(1, b.rounds); err != nil {
			return nil, err
		}
		r.unit = "ms"
		rows = append(rows, r)
	}
	return rows, nil
}

// systemHelper starts a helper with a state of its own, and connects to it.
func (b *bench) systemHelper() (conn *execclient.Conn, end func(), err error) {
	socket := filepath.Join(b.folder, "exec.sock")
	fd, err := sys.ListenPacket(socket)
	if err != nil {
		return nil, nil, err
	}
	listener := os.NewFile(uintptr(fd), socket)
	defer listener.Close()
	// The shell is there for LISTEN_PID, which is known only once the process is.
	command := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"`, "sh", filepath.Join(b.bin, "sysg-exec"),
		"serve", "--system", "--daemon-uid", "61233", "--state", filepath.Join(b.folder, "system"))
	command.ExtraFiles, command.Stderr = []*os.File{listener}, os.Stderr
	if err := command.Start(); err != nil {
		return nil, nil, err
	}
	if conn, err = execclient.Dial(socket); err == nil {
		err = conn.List() // From here on it is told of ends.
	}
	if err != nil {
		return nil, nil, errors.Join(err, command.Process.Kill(), command.Wait())
	}
	return conn, func() {
		_ = conn.Quit()
		_ = command.Wait()
		_ = conn.Close()
	}, nil
}

// launches is how long the helper takes for a service with these keys.
func (b *bench) launches(conn *execclient.Conn, keys string) ([]float64, error) {
	text := fmt.Sprintf("version: \"3\"\nproject: confined\nservices:\n  s:\n    exec: [%q, %q]\n%s", b.stamp, b.fifo, keys)
	compiled, err := compileForSystem(text)
	if err != nil {
		return nil, err
	}
	in, err := conn.Install(compiled)
	if err != nil {
		return nil, err
	}
	var times []float64
	for range b.rounds {
		taken, err := b.launchOnce(conn, in)
		if err != nil {
			return nil, err
		}
		times = append(times, taken)
	}
	return times, nil
}

// launchOnce launches it, and ends it again.
func (b *bench) launchOnce(conn *execclient.Conn, in spec.Installed) (float64, error) {
	id, err := sys.RandomID()
	if err != nil {
		return 0, err
	}
	began := now()
	err = conn.Launch(spec.Launch{Project: in.Project, Generation: in.Number, Hash: in.Hash, Service: "s", Role: spec.RoleMain, Incarnation: id})
	if err == nil {
		err = until(conn, func(r *spec.Reply) bool { return r.Launched != nil })
	}
	taken := millis(now() - began)
	if err == nil {
		_, err = b.next()
	}
	if err == nil {
		err = conn.Kill(spec.Kill{Incarnation: id})
	}
	if err == nil {
		err = until(conn, func(r *spec.Reply) bool { return r.Emptied != nil || r.Exited != nil && r.Exited.Emptied })
	}
	if err == nil {
		err = conn.Ack(spec.Ack{Incarnations: []string{id}})
	}
	if err == nil { // It lets go of the last one before the next is asked for.
		err = until(conn, func(r *spec.Reply) bool { return r.Done != nil })
	}
	return taken, err
}

// until takes events up to one that fits.
func until(conn *execclient.Conn, fits func(*spec.Reply) bool) error {
	for event := range conn.Events() {
		event.CloseFiles()
		if err := errors.Join(event.Err, event.Failure()); err != nil {
			return err
		}
		if fits(&event.Reply) {
			return nil
		}
	}
	return errors.New("the helper hung up")
}

// compileForSystem compiles a manifest as root's sysg does.
func compileForSystem(text string) (*generation.Generation, error) {
	m, err := manifest.Parse("/bench.yaml", []byte(text), manifest.Options{
		System: true, State: "/nonexistent",
		LookupEnv: func(string) (string, bool) { return "", false },
		CompileSeccomp: func(s manifest.Seccomp) (*generation.Seccomp, error) {
			return seccomp.Compile(runtime.GOARCH, seccomp.Profile{Name: s.Profile})
		},
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the manifest of the bench: %w", err)
	}
	compiled, err := m.Compile(manifest.CompileOptions{})
	if err != nil || len(compiled) != 1 {
		return nil, fmt.Errorf("cannot compile the manifest of the bench: %w", err)
	}
	return &compiled[0], nil
}
