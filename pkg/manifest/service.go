package manifest

import (
	"errors"
	"fmt"

	"gopkg.in/yaml.v3"
	"systemg.org/sysg/pkg/generation"
)

var serviceObject = Object{Name: "a service", need: exactlyOne("command", "exec"), Keys: []Key{
	key("env", envType, "", "environment", in(func(s *Service) any { return &s.Env })),
	key("command", shell, "", "run as /bin/sh -c; a simple command replaces the shell", in(func(s *Service) any { return &s.Command })),
	key("exec", argv, "", "run without a shell; exactly one of command and exec", in(func(s *Service) any { return &s.Exec })),
	key("working_dir", directory, "", "working directory (default: the manifest's)", in(func(s *Service) any { return &s.Dir })),
	key("depends_on", dependencies, "",
		"what must be up before: names, or {service, condition, on_failure}", in(func(s *Service) any { return &s.DependsOn })),
	key("restart_policy", choice[generation.Policy]("always on-failure never", ""), "never",
		"after which ends it is started again", in(func(s *Service) any { return &s.Restart.Policy })),
	key("backoff", duration, "5s", "delay before the first restart; doubles with each failure", in(func(s *Service) any { return &s.Restart.Backoff })),
	key("max_backoff", duration, "5m", "the longest delay", in(func(s *Service) any { return &s.Restart.MaxBackoff })),
	key("max_restarts", integer(0, 1_000_000_000), "8", "restarts without a stable run before it is given up", in(func(s *Service) any { return &s.Restart.MaxRestarts })),
	key("retry_after", retry, "15m", `how long it stays given up, or "never" to wait for a start`, in(func(s *Service) any { return &s.Restart.RetryAfter })),
	key("stable_after", duration, "60s", "uptime after which delay and count begin anew", in(func(s *Service) any { return &s.Restart.StableAfter })),
	key("exit_codes", object(&exitsObject), "", "what counts as success, and what is final", in(func(s *Service) any { return &s.Exits })),
	key("stop", object(&stopObject), "", "how it is stopped", in(func(s *Service) any { return &s.Stop })),
	key("ready", Type{Name: "a readiness rule", Accepts: "stable, health", Choices: readyChoice.Choices, form: readyChoice.form, read: readReady}, "",
		"what makes it ready (default: health with a health check, else stable)", in(func(s *Service) any { return &s.Ready })),
	key("stable_for", duration, "250ms", "how long it must live to be ready by stable", in(func(s *Service) any { return &s.StableFor })),
	key("start_timeout", positive, "5m", "time to become ready", in(func(s *Service) any { return &s.StartTimeout })),
	key("deployment", object(&deploymentObject), "", "replacement, pre_start and health check", in(func(s *Service) any { return &s.Deployment })),
	key("umask", umask, "0022", "file mode creation mask", in(func(s *Service) any { return &s.Umask })),
	key("limits", object(&limitsObject), "", "resource limits", in(func(s *Service) any { return &s.Limits })),
	key("logs", object(&logsObject), "", "what happens to its output", in(func(s *Service) any { return &s.Logs })),
	later("watchdog", "period in which sd_notify WATCHDOG=1 is expected"),
	later("liveness", "health check while running"),
	later("hooks", "commands at onstart, onerr, onstop, onexit"),
	later("cron", "schedule"),
	later("skip", "whether it is left out"),
	later("user", "user it runs as"),
	later("group", "group it runs as"),
	later("supplementary_groups", "further groups"),
	later("capabilities", "capabilities it keeps"),
	later("isolation", "namespaces, file system views, seccomp, landlock"),
	later("sockets", "listening sockets passed as LISTEN_FDS"),
	later("spawn", "children started on behalf of the running service"),
}}

var exitsObject = Object{Name: "exit_codes", Keys: []Key{
	key("success", exits, "", "exit codes and signals that count as success (default 0)", in(func(e *Exits) any { return &e.Success })),
	key("no_restart", exits, "", "exit codes and signals after which it is not started again", in(func(e *Exits) any { return &e.NoRestart })),
}}

var stopObject = Object{Name: "stop", nested: true, Keys: []Key{
	key("signal", signal, "SIGTERM", "first signal", in(func(s *generation.Stop) any { return &s.Signal })),
	key("timeout", duration, "10s", "time until everything is killed", in(func(s *generation.Stop) any { return &s.Timeout })),
	key("kill", stopKill, "main", "who gets the signal: the main process, or group for all", in(func(s *generation.Stop) any { return &s.Group })),
	later("command", "run before the signal"),
}}

// stopKill reads main or group into the boolean for group.
var stopKill = func() Type {
	t := choice[string]("main group", "")
	t.read = func(r *reader, v value, to any) {
		if word, ok := r.choose(v, t); ok {
			*to.(*bool) = word == "group"
		}
	}
	return t
}()

var logsObject = Object{Name: "logs", Lenient: true, nested: true, Keys: []Key{
	key("sink", choice[generation.Sink]("file none", "journal"), "file", "where output goes", in(func(l *generation.Logs) any { return &l.Sink })),
	key("max_bytes", logSize, "10M", "size at which a log is rotated", in(func(l *generation.Logs) any { return &l.MaxBytes })),
	key("max_files", integer(0, 10_000), "5", "rotated logs that are kept", in(func(l *generation.Logs) any { return &l.MaxFiles })),
	key("format", choice[generation.LogFormat]("text raw", ""), "text", "text with time and stream, or raw", in(func(l *generation.Logs) any { return &l.Format })),
}}

// directory is a path that the service starts in.
var directory = Type{Name: "a path", Accepts: "a path", form: filePath, read: func(r *reader, v value, to any) {
	if raw, ok := r.rawPath(v); ok {
		if dir, ok := r.absolute(v, raw); ok {
			*to.(*string) = dir
		}
	}
}}

var readyChoice = choice[generation.ReadyBy]("stable health", "notify")

// readReady knows the forms that are mappings, to name what is missing.
func readReady(r *reader, v value, to any) {
	if n := target(v.node); n.Kind == yaml.MappingNode && len(n.Content) > 0 {
		switch name := target(n.Content[0]).Value; name {
		case "log", "fd":
			r.unsupported(v.child(name, n.Content[0]), "ready."+name)
			return
		}
	}
	readyChoice.read(r, v, to)
}

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

var dependencyObject = Object{Name: "a dependency", Lenient: true, need: node{"required": []string{"service"}}, Keys: []Key{
	key("service", Type{Name: "a service", Accepts: "the name of a service", form: filled, read: readDependencyName}, "",
		"the service that must be up", in(func(d *Dependency) any { return d })),
	key("condition", choice[generation.Condition]("started healthy completed", ""), "started",
		"what it must be", in(func(d *Dependency) any { return &d.Condition })),
	key("on_failure", onFailure, "restart", "restart with it when it fails, or keep running", in(func(d *Dependency) any { return &d.Keep })),
}}

// onFailure reads restart or keep into the boolean for keep.
var onFailure = func() Type {
	t := choice[string]("restart keep", "")
	t.read = func(r *reader, v value, to any) {
		if word, ok := r.choose(v, t); ok {
			*to.(*bool) = word == "keep"
		}
	}
	return t
}()

var dependencies = func() Type {
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

var limitsObject = Object{Name: "limits", Lenient: true, nested: true, Keys: append(rlimitKeys(),
	key("nice", optional[int](integer(-20, 19)), "", "scheduling priority", in(func(l *Limits) any { return &l.Nice })),
	key("oom_score_adj", optional[int](integer(-1000, 1000)), "", "preference of the kernel when memory runs out", in(func(l *Limits) any { return &l.OOMScore })),
	later("cpu_affinity", "CPUs it may run on"),
	later("ionice", "priority for disk access"),
	later("cgroup", "limits of memory, CPU, tasks and disk access"),
)}

// rlimitKeys are the limits of setrlimit(2), in the order of the kernel.
func rlimitKeys() []Key {
	var keys []Key
	for _, limit := range []struct{ name, doc string }{
		{"cpu", "CPU time in seconds"}, {"fsize", "size of a file"}, {"data", "size of the data segment"},
		{"stack", "size of the stack"}, {"core", "size of a core dump"}, {"rss", "resident memory"},
		{"nproc", "processes of the user"}, {"nofile", "open files"}, {"memlock", "locked memory"},
		{"as", "address space"}, {"sigpending", "queued signals"}, {"msgqueue", "bytes in message queues"},
		{"rtprio", "real-time priority"}, {"rttime", "real-time CPU time in microseconds"},
	} {
		t := rlimit
		t.read = func(r *reader, v value, to any) {
			result, before := generation.Rlimit{}, r.errors
			if rlimit.read(r, v, &result); r.errors == before {
				result.Name = limit.name
				to.(*Limits).Rlimits = append(to.(*Limits).Rlimits, result)
			}
		}
		keys = append(keys, key(limit.name, t, "", "limit: "+limit.doc, func(l any) any { return l }))
	}
	return keys
}

var deploymentObject = Object{Name: "deployment", Lenient: true, nested: true, Keys: []Key{
	key("strategy", choice[string]("immediate", "rolling"), "immediate", "how a running service is replaced", in(func(d *Deployment) any { return &d.Strategy })),
	key("pre_start", shell, "", "command that must succeed before each start", in(func(d *Deployment) any { return &d.PreStart })),
	key("pre_start_timeout", positive, "5m", "time for pre_start", in(func(d *Deployment) any { return &d.PreStartTimeout })),
	key("health_check", Type{Name: "a health check", Accepts: "a mapping", Object: &healthObject, form: keysOf(&healthObject), nullable: true, read: readHealth}, "",
		"check that tells whether it works", in(func(d *Deployment) any { return &d.Health })),
	later("grace_period", "time that a rolling candidate must stay healthy"),
	later("blue_green", "replacement in two slots"),
}}

var healthObject = Object{Name: "a health check", nested: true, need: exactlyOne("command", "exec"), Keys: []Key{
	key("command", shell, "", "shell command that exits 0 if all is well", in(func(h *Health) any { return &h.Command })),
	key("exec", argv, "", "the same without a shell", in(func(h *Health) any { return &h.Exec })),
	key("interval", positive, "2s", "time between attempts", in(func(h *Health) any { return &h.Interval })),
	key("attempt_timeout", positive, "30s", "time for one attempt", in(func(h *Health) any { return &h.AttemptTimeout })),
	key("total_timeout", positive, "", "time for all attempts", in(func(h *Health) any { return &h.TotalTimeout })),
	{Name: "timeout", Type: positive, Doc: "the same as total_timeout", Stage: Supported, AliasOf: "total_timeout", field: in(func(h *Health) any { return &h.TotalTimeout })},
	key("retries", integer(1, 1_000_000), "3", "attempts that may fail", in(func(h *Health) any { return &h.Retries })),
	later("url", "URL that answers 2xx"),
	later("tcp", "host and port that accept a connection"),
	later("unix", "socket that accepts a connection"),
}}

func readHealth(r *reader, v value, to any) {
	h := &Health{at: v}
	before := r.errors
	r.defaults(&healthObject, h)
	r.object(&healthObject, v, h)
	*to.(**Health) = h
	if r.errors > before {
		return
	}
	if err := oneOf(h.Command != "", h.Exec != nil); err != nil {
		r.report(v, Problem{Kind: KindHealthCheck, Message: fmt.Sprintf("the health check has %v", err), Suggestion: "give exactly one of them"})
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
