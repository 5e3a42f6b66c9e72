package manifest

import (
	"math"
	"time"

	"gopkg.in/yaml.v3"
	"systemg.org/sysg/pkg/generation"
)

// Settings are what sysgd.conf says, for all manifests of an instance. Its keys
// are those of the older program's supervisor.xml.
type Settings struct {
	// CommandWait is how long sysg waits for a command, 0 for ever.
	CommandWait time.Duration
	// MaxConcurrent is how many services may be on their way up at a time, -1
	// for any number.
	MaxConcurrent int
	// Logs is where the logs of every manifest begin.
	Logs generation.Logs
	// PreStart and Stability are defaults of pre_start_timeout and stable_for.
	PreStart, Stability time.Duration
	// DefaultUser is as whom services of the system's instance run that name no
	// user; "" refuses them.
	DefaultUser string
	// Closed: in the system's instance, who is neither root nor an operator is
	// not even told what runs.
	Closed bool

	seconds, prestart, stability, verify, settle int
}

var settingsObject = Object{Name: "sysgd.conf", Keys: []*Key{
	key("timeouts", object(&timeoutsObject), "", "how long things may take", in(func(s *Settings) any { return s })),
	key("start", object(&startObject), "", "how services are started", in(func(s *Settings) any { return s })),
	key("logs", object(&logsObject), "", "what happens to the output of every service", in(func(s *Settings) any { return &s.Logs })),
	forSystem(key("services", object(&defaultsObject), "", "what services are that do not say it themselves", in(func(s *Settings) any { return s })),
		func(_ *reader, s *Settings) bool { return s.DefaultUser != "" }),
	forSystem(key("access", object(&accessObject), "", "who may ask", in(func(s *Settings) any { return s })),
		func(_ *reader, s *Settings) bool { return s.Closed }),
}}

var defaultsObject = Object{Name: "services", Keys: []*Key{
	key("default_user", account("a user"), "", "as whom services run that name no user; they are refused without", in(func(s *Settings) any { return &s.DefaultUser })),
}}

var accessObject = Object{Name: "access", Keys: []*Key{
	key("others", eitherOf("viewer", "none"), "viewer", "what those may who are neither root nor in group sysg: see status, or nothing", in(func(s *Settings) any { return &s.Closed })),
}}

var timeoutsObject = Object{Name: "timeouts", Keys: []*Key{
	key("command_wait_secs", integer(0, math.MaxInt32), "900", "how long sysg waits for a command, 0 for ever", in(func(s *Settings) any { return &s.seconds })),
	key("pre_start_secs", integer(1, math.MaxInt32), "300", "default of pre_start_timeout", in(func(s *Settings) any { return &s.prestart })),
	key("startup_stability_ms", integer(0, math.MaxInt32), "250", "default of stable_for", in(func(s *Settings) any { return &s.stability })),
	// What follows was a wait of the older program's, which looked now and then.
	key("stop_verify_secs", integer(1, math.MaxInt32), "10", "has no effect: a stop is answered when it is true", in(func(s *Settings) any { return &s.verify })),
	key("start_settle_secs", integer(1, math.MaxInt32), "360", "has no effect: a start is answered when it is true", in(func(s *Settings) any { return &s.settle })),
}}

var startObject = Object{Name: "start", Keys: []*Key{
	key("max_concurrent", integer(-1, math.MaxInt32), "-1", "how many services may be on their way up at a time, -1 for any number", in(func(s *Settings) any { return &s.MaxConcurrent })),
}}

// ParseSettings reads the text of sysgd.conf, of which opts say whose it is. The
// error is Problems. An empty text gives the defaults.
func ParseSettings(file string, text []byte, opts Options) (Settings, error) {
	tree, problems := document(file, text, Options{})
	if tree == nil {
		return Settings{}, problems.sorted(file)
	}
	read := newFiles(file, text, opts.Open)
	r := &reader{path: file, version: 3, problems: problems, errors: len(problems), opts: opts, files: read}
	var s Settings
	for _, o := range []*Object{&timeoutsObject, &startObject} {
		r.defaults(o, &s)
	}
	r.defaults(&logsObject, &s.Logs)
	top := value{}
	if top.node, top.file = enter(tree, file); isNull(top.node) {
		top.node = &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	}
	r.object(&settingsObject, top, &s)
	if problems := r.problems.sorted(file); problems.fatal() {
		return Settings{}, problems
	}
	if s.MaxConcurrent == 0 {
		s.MaxConcurrent = -1
	}
	s.CommandWait, s.PreStart = time.Duration(s.seconds)*time.Second, time.Duration(s.prestart)*time.Second
	s.Stability = time.Duration(s.stability) * time.Millisecond
	return s, nil
}
