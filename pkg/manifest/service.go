package manifest

import (
	"errors"
	"slices"

	"gopkg.in/yaml.v3"
	"systemg.org/sysg/pkg/generation"
)

var serviceObject = Object{Name: "a service", need: exactlyOne("command", "exec"), Keys: slices.Concat(runKeys, restartKeys, lifeKeys, confinementKeys)}

// runKeys say what is run, and with what around it.
var runKeys = []*Key{
	key("env", envType, "", "environment", in(func(s *Service) any { return &s.Env })),
	key("command", shell, "", "run as /bin/sh -c; a simple command replaces the shell", in(func(s *Service) any { return &s.Command })),
	key("exec", argv, "", "run without a shell; exactly one of command and exec", in(func(s *Service) any { return &s.Exec })),
	key("working_dir", directory, "", "working directory (default: the manifest's)", in(func(s *Service) any { return &s.Dir })),
	key("depends_on", dependencies, "",
		"what must be up before: names, or {service, condition, on_failure}", in(func(s *Service) any { return &s.DependsOn })),
	key("umask", umask, "0022", "file mode creation mask", in(func(s *Service) any { return &s.Umask })),
	key("limits", object(&limitsObject), "", "resource limits", in(func(s *Service) any { return &s.Limits })),
	key("logs", object(&logsObject), "", "what happens to its output", in(func(s *Service) any { return &s.Logs })),
	key("sockets", sockets, "", "sockets made for it and kept over restarts, passed as LISTEN_FDS", in(func(s *Service) any { return &s.Sockets })),
	key("spawn", spawnType, "", "whether it may ask for children of its own", in(func(s *Service) any { return &s.Spawn })),
}

// restartKeys say how it comes back, and how it is ended.
var restartKeys = []*Key{
	key("restart_policy", choice[generation.Policy]("always on-failure never"), "never",
		"after which ends it is started again", in(func(s *Service) any { return &s.Restart.Policy })),
	key("backoff", duration, "5s", "delay before the first restart; doubles with each failure", in(func(s *Service) any { return &s.Restart.Backoff })),
	key("max_backoff", duration, "5m", "the longest delay", in(func(s *Service) any { return &s.Restart.MaxBackoff })),
	key("max_restarts", integer(0, 1_000_000_000), "8", "restarts without a stable run before it is given up", in(func(s *Service) any { return &s.Restart.MaxRestarts })),
	key("retry_after", retry, "15m", `how long it stays given up, or "never" to wait for a start`, in(func(s *Service) any { return &s.Restart.RetryAfter })),
	key("stable_after", duration, "60s", "uptime after which delay and count begin anew", in(func(s *Service) any { return &s.Restart.StableAfter })),
	key("exit_codes", object(&exitsObject), "", "what counts as success, and what is final", in(func(s *Service) any { return &s.Exits })),
	key("stop", object(&stopObject), "", "how it is stopped", in(func(s *Service) any { return s })),
}

var exitsObject = Object{Name: "exit_codes", Keys: []*Key{
	key("success", exits, "", "exit codes and signals that count as success (default 0)", in(func(e *Exits) any { return &e.Success })),
	key("no_restart", exits, "", "exit codes and signals after which it is not started again", in(func(e *Exits) any { return &e.NoRestart })),
}}

var stopObject = Object{Name: "stop", Keys: []*Key{
	key("signal", signal, "SIGTERM", "first signal", in(func(s *Service) any { return &s.Stop.Signal })),
	key("timeout", duration, "10s", "time until everything is killed", in(func(s *Service) any { return &s.Stop.Timeout })),
	key("kill", eitherOf("main", "group"), "main", "who gets the signal: the main process, or group for all", in(func(s *Service) any { return &s.Stop.Group })),
	key("command", shell, "", "run before the signal is sent, within the timeout", in(func(s *Service) any { return &s.StopCommand })),
}}

var logsObject = Object{Name: "logs", Lenient: true, Keys: []*Key{
	key("sink", choice[generation.Sink]("file journal none"), "file", "where output goes", in(func(l *generation.Logs) any { return &l.Sink })),
	key("max_bytes", logSize, "10M", "size at which a log is rotated", in(func(l *generation.Logs) any { return &l.MaxBytes })),
	key("max_files", integer(0, 10_000), "5", "rotated logs that are kept", in(func(l *generation.Logs) any { return &l.MaxFiles })),
	key("format", choice[generation.LogFormat]("text raw"), "text", "text with time and stream, or raw", in(func(l *generation.Logs) any { return &l.Format })),
}}

// directory is a path that the service starts in.
var directory = &Type{Name: "a path", Accepts: "a path", form: filePath, read: func(r *reader, v value, to any) {
	if raw, ok := r.rawPath(v); ok {
		if dir, ok := r.absolute(v, raw); ok {
			*to.(*string) = dir
		}
	}
}}

func readExit(r *reader, v value) (generation.Exit, bool) {
	text, ok := r.text(v, "an exit code or a signal")
	if !ok {
		return generation.Exit{}, false
	}
	exit, err := parseExit(text.Value)
	if err != nil {
		r.badWord(v, text, "an exit code or a signal", "a number from 0 to 255, or a name such as SIGTERM", err)
	}
	return exit, err == nil
}

var dependencyObject = Object{Name: "a dependency", Lenient: true, need: node{"required": []string{"service"}}, Keys: []*Key{
	key("service", &Type{Name: "a service", Accepts: "the name of a service", form: filled, read: readDependencyName}, "",
		"the service that must be up", in(func(d *Dependency) any { return d })),
	key("condition", choice[generation.Condition]("started healthy completed"), "started",
		"what it must be", in(func(d *Dependency) any { return &d.Condition })),
	key("on_failure", eitherOf("restart", "keep"), "restart", "restart with it when it fails, or keep running", in(func(d *Dependency) any { return &d.Keep })),
}}

var dependencies = func() *Type {
	t := list("a list of services", either(filled, keysOf(&dependencyObject)), readDependency)
	t.Object = &dependencyObject
	return t
}()

func readDependency(r *reader, v value) (Dependency, bool) {
	d := Dependency{at: v}
	r.defaults(&dependencyObject, &d)
	if target(v.node).Kind == yaml.MappingNode {
		before := r.errors
		r.object(&dependencyObject, v, &d)
		if d.Service == "" && r.errors == before {
			r.bad(v, "a dependency without a service", "add service: NAME")
		}
		return d, d.Service != ""
	}
	readDependencyName(r, v, &d)
	return d, d.Service != ""
}

func readDependencyName(r *reader, v value, to any) {
	if text, ok := r.text(v, "the name of a service"); ok {
		d := to.(*Dependency)
		d.Service, d.raw = text.Value, text.Raw
		if text.Value == "" {
			r.bad(v, "the name of a service is empty", "")
		}
	}
}

// oneOf says what is wrong with a choice between command and exec.
func oneOf(command, exec bool) error {
	switch {
	case command && exec:
		return errors.New("both command and exec")
	case !command && !exec:
		return errors.New("neither command nor exec")
	}
	return nil
}
