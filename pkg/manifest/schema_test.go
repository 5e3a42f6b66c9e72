package manifest

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

const schemaFile = "../../docs/systemg.schema.json"

func TestTheSchemaInDocsIsCurrent(t *testing.T) { golden(t, schemaFile, string(Schema())) }

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// plain is a tree as an editor sees it: aliases and includes replaced, words
// resolved as YAML does.
func plain(n *yaml.Node) any {
	n = target(n)
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[target(n.Content[i]).Value] = plain(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i := range n.Content {
			list[i] = plain(n.Content[i])
		}
		return list
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true" || n.Value == "True" || n.Value == "TRUE"
	case "!!int":
		var number int64
		if n.Decode(&number) == nil {
			return float64(number)
		}
	case "!!float":
		if number, err := strconv.ParseFloat(n.Value, 64); err == nil && !math.IsInf(number, 0) && !math.IsNaN(number) {
			return number
		}
	}
	return n.Value
}

// corpus calls test for every manifest of this repository that has a tree.
func corpus(t *testing.T, patterns []string, test func(t *testing.T, opts Options, file string, text []byte)) {
	t.Helper()
	for _, pattern := range patterns {
		eachManifest(t, pattern, func(t *testing.T, file string, text []byte) {
			opts := options()
			if strings.HasPrefix(file, "../") {
				opts.Open = os.ReadFile
			}
			test(t, opts, file, text)
		})
	}
}

// exampleManifests are the files of examples/ at any depth.
func exampleManifests(t *testing.T) []string {
	t.Helper()
	var patterns []string
	for depth := range 4 {
		pattern := "../../examples/" + strings.Repeat("*/", depth) + "*.yaml"
		if found, err := filepath.Glob(pattern); err != nil {
			t.Fatal(err)
		} else if len(found) > 0 {
			patterns = append(patterns, pattern)
		}
	}
	if len(patterns) == 0 {
		t.Fatal("no examples")
	}
	return patterns
}

func TestTheSchemaAcceptsEveryGoodManifest(t *testing.T) {
	schema := compiledSchema(t)
	corpus(t, append(exampleManifests(t), "testdata/good/*.yaml"), func(t *testing.T, opts Options, file string, text []byte) {
		path := "/srv/app/systemg.yaml"
		if strings.HasPrefix(file, "../") {
			absolute, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			path = absolute
		}
		tree, problems := document(path, text, opts)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if err := schema.Validate(plain(tree)); err != nil {
			t.Error(err)
		}
	})
}

// parserOnly are the bad manifests whose every fault is beyond a schema, and why.
var parserOnly = map[string]string{
	"cron-with-others": "which keys go together",
	"cron-zone":        "which zones there are",
	"cycle":            "what depends on what",
	"expansion":        "what the environment has",
	"isolated-network": "which keys go together",
	"socket-conflicts": "what other services listen on",
	"system-only":      "which instance it is for",
	"not-utf-8":        "no YAML at all",
	"nul":              "a NUL in a word",
	"twice":            "a key that is there twice, of which an editor sees one",
	"two-documents":    "no single document",
	"unknown-anchor":   "no YAML at all",
	"unset-variable":   "what the environment has",
	"yaml-syntax":      "no YAML at all",
}

func TestTheSchemaRefusesEveryBadManifestItCanSee(t *testing.T) {
	schema := compiledSchema(t)
	tried := map[string]bool{}
	corpus(t, []string{"testdata/bad/*.yaml"}, func(t *testing.T, opts Options, file string, text []byte) {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		tried[name] = true
		tree, _ := document("/srv/app/systemg.yaml", text, opts)
		refused := tree != nil && schema.Validate(plain(tree)) != nil
		if _, only := parserOnly[name]; refused == only {
			t.Errorf("refused by the schema: %v, named as only for the parser: %v", refused, only)
		}
	})
	for name := range parserOnly {
		if !tried[name] {
			t.Errorf("%s is no bad manifest", name)
		}
	}
}

// words are values that a key may be given, right or wrong.
var candidates = []string{
	"", "~", `""`, `" "`, "x", "web", "-1", "0", "1", "64", "256", "777", "0777", "0o22", "1.5", "true", `"true"`, "yes",
	"500ms", "5s", "0s", "1m30s", `"5 s"`, "5x", "+5", `"+5s"`, "10M", "10MiB", "1_000", `"1_0K"`, "10 parsecs", "2K:1K", "1:2", "unlimited", "unlimited:1",
	"never", "always", "Always", "file", "journal", "none", "main", "group", "immediate", "rolling", "stable", "health", "notify", "restart", "keep",
	"started", "SIGTERM", "term", "SIGRTMIN+3", "SIGFOO9", "2001-01-01", ".inf", "$FOO", "${COUNT}", "$$", "[]", "[x]", "[1]", "[~]", "[[x]]", "[{}]",
	"[web, {service: web}]", "[{service: web, condition: healthy}]", "{}", "{x: 1}", "{X: 1}", "{x: [1]}", "{x: ~}", "{id: p}", "{id: p, name: x, more: 1}",
	"{web: {command: x}}", "{p: {services: {web: {command: x}}}}", "{p: {services: {}}}", "{p: ~}", "{.p: {command: x}}", "{command: x}",
	"{exec: [x]}", "{command: x, exec: [x]}", "{command: x, retries: 3, timeout: 5}", "{success: [0, TERM]}", "{file: x.env}", "{sink: none}", "{nofile: 10}",
	"{vars: {A: 1, b-c: 2}}", "{vars: {1A: 1}}", "{pre_start: x, mistake: 1}",
	"{log: 'up$'}", "{log: '('}", "{fd: 3}", "{fd: 2}", "{log: x, fd: 3}", "{onstart: {command: x}}", "{onstart: {timeout: 5}}", "{expression: '@hourly'}", "{expression: x}",
	"[{name: a, listen: 'tcp://:80'}]", "[{name: a, inherit: b}]", "[{name: a}]", "[{listen: 'tcp://:80'}]", "tcp://localhost:80", "tcp://example.org:80", "'unix:/x'", "'unix:'",
	"'@daily'", "0 3 * * *", "Europe/Berlin", "UTC", "http://localhost:80/", "http://", "ftp://x", "localhost:80", "localhost", "/x/y",
	"{mode: dynamic}", "{mode: other}", "{children: 5}", "{limits: {depth: -1}}", "cascade", "one", "skip", "errno", "none", "strict", "service", "{allow: [read]}", "{allow: ~}", "{}", "{default: kill}",
	"[3000, 3001]", "[a, a]", "[a, b, c]", "['a b', c]", "{slots: [1, 2], switch_command: x}", "{slots: [1, 2]}", "[CAP_CHOWN]", "[cap_nope]", "[network]", "0-3,8", "[0, 3-5]", "[0, x]",
	"idle", "best-effort:3", "'idle:3'", "150%", "max", "max 100000", "8:0 rbps=1", "{network: true}", "{ro_paths: [/usr]}", "{memory_max: 1G}", "{sample_interval_secs: 5}", "[80, 443]", "[70000]", "300", "900",
}

// blindSpots are what only the parser refuses, by the type it is about. Each
// is true of at least one candidate.
var blindSpots = []struct {
	name string
	hit  func(key, value, problem string) bool
}{
	{"units, ranges and names inside words", func(_, _, p string) bool { return strings.Contains(p, "cannot read") }},
	{"words of variables", func(_, v, _ string) bool { return strings.Contains(v, "$") }},
	{"how a number is written", func(_, v, _ string) bool { return strings.HasPrefix(v, "+") || v == "1_000" || v == "0o22" }},
	{"files that are not there", func(_, _, p string) bool { return strings.Contains(p, "env file") }},
	{"other services and their checks", func(_, _, p string) bool {
		return strings.Contains(p, "to depend on") || strings.Contains(p, "health check") || strings.Contains(p, "is there twice")
	}},
	{"names of capabilities, in any case", func(_, _, p string) bool { return strings.Contains(p, "no capability is called") }},
	{"fields, zones and dates of cron", func(_, _, p string) bool { return strings.Contains(p, "cannot use the") }},
	{"what goes with which strategy", func(_, _, p string) bool { return strings.Contains(p, "is only of use with") }},
	{"a bare ~, which is a null like nothing at all", func(k, v, _ string) bool {
		return (v == "" || v == "~" || v == "[~]") && (strings.Contains(k, "working_dir") || strings.Contains(k, "file") || strings.Contains(k, "path") || strings.Contains(k, "root") || strings.Contains(k, "unix:"))
	}},
}

// TestSchemaAndParserAgreeOnEveryKey gives each key of each table each of the
// candidates. What the parser accepts the schema must accept; what the schema
// lets through and the parser does not must be a blind spot that is named.
func TestSchemaAndParserAgreeOnEveryKey(t *testing.T) {
	schema := compiledSchema(t)
	seen := map[string]bool{}
	accepted := 0
	for _, version := range []string{"2", "3"} {
		for _, template := range templates(version) {
			for _, value := range candidates {
				text := strings.ReplaceAll(template, "VALUE", value)
				tree, problems := document("/srv/app/systemg.yaml", []byte(text), options())
				if problems != nil {
					continue
				}
				_, err := Parse("/srv/app/systemg.yaml", []byte(text), wideOptions())
				wrong := schema.Validate(plain(tree))
				switch {
				case err == nil && wrong != nil:
					t.Errorf("only the schema refuses\n%s%v", text, wrong)
				case err == nil:
					accepted++
				case wrong == nil:
					spot := slices.IndexFunc(blindSpots, func(b struct {
						name string
						hit  func(key, value, problem string) bool
					},
					) bool {
						return b.hit(template, value, err.Error())
					})
					if spot < 0 {
						t.Errorf("only the parser refuses\n%s%v", text, err)
						continue
					}
					seen[blindSpots[spot].name] = true
				}
			}
		}
	}
	for _, spot := range blindSpots {
		if !seen[spot.name] {
			t.Errorf("blind spot %q is none", spot.name)
		}
	}
	if accepted < 300 {
		t.Errorf("only %d manifests are accepted", accepted)
	}
}

// wideOptions are those of a machine that has whatever a manifest may name.
func wideOptions() Options {
	opts := systemOptions("# with default_user: root")
	opts.State = "/"
	opts.LookupUser = func(name string) (Account, bool) { return Account{Name: name, Home: "/home"}, true }
	opts.LookupGroup = func(string) (uint32, bool) { return 1, true }
	return opts
}

// templates are manifests in which one key has VALUE.
func templates(version string) []string {
	var all []string
	for _, at := range []struct {
		object *Object
		format string
	}{
		{&rootObject, "%s: VALUE\nx-services: {}\n"},
		{&rootObject, "%s: VALUE\nservices: {web: {command: x}}\n"},
		{&oneProjectObject, "project: {id: p, %s: VALUE}\nservices: {web: {command: x}}\n"},
		{&projectObject, "projects: {p: {%s: VALUE, services: {web: {command: x}}}}\n"},
		{&serviceObject, "services:\n  db: {command: x}\n  svc: {%s: VALUE}\n"},
		{&serviceObject, "services:\n  web: {command: x}\n  svc: {%s: VALUE, command: x}\n"},
		{&envObject, "env: {%s: VALUE}\nservices: {web: {command: x}}\n"},
		{&exitsObject, "services: {web: {command: x, exit_codes: {%s: VALUE}}}\n"},
		{&stopObject, "services: {web: {command: x, stop: {%s: VALUE}}}\n"},
		{&logsObject, "services: {web: {command: x, logs: {%s: VALUE}}}\n"},
		{&limitsObject, "services: {web: {command: x, limits: {%s: VALUE}}}\n"},
		{&deploymentObject, "services: {web: {command: x, deployment: {%s: VALUE}}}\n"},
		{&healthObject, "services: {web: {command: x, deployment: {health_check: {%s: VALUE}}}}\n"},
		{&healthObject, "services: {web: {command: x, deployment: {health_check: {%s: VALUE, command: x}}}}\n"},
		{&livenessObject, "services: {web: {command: x, liveness: {%s: VALUE, exec: [x]}}}\n"},
		{&candidateObject, "services: {web: {command: x, deployment: {strategy: rolling, blue_green: {slots: [a, b], switch_command: x, candidate_health_check: {%s: VALUE}}}}}\n"},
		{&blueGreenObject, "services: {web: {command: x, deployment: {strategy: rolling, blue_green: {%s: VALUE}}}}\n"},
		{&blueGreenObject, "services: {web: {command: x, deployment: {strategy: rolling, blue_green: {slots: [a, b], %s: VALUE, switch_command: x}}}}\n"},
		{&readyObject, "services: {web: {command: x, ready: {%s: VALUE}}}\n"},
		{&hooksObject, "services: {web: {command: x, hooks: {%s: VALUE}}}\n"},
		{&hookObject, "services: {web: {command: x, hooks: {onerr: {%s: VALUE}}}}\n"},
		{&hookObject, "services: {web: {command: x, hooks: {onerr: {command: x, %s: VALUE}}}}\n"},
		{&cronObject, "services: {web: {command: x, cron: {%s: VALUE}}}\n"},
		{&cronObject, "services: {web: {command: x, cron: {expression: '@daily', %s: VALUE}}}\n"},
		{&socketObject, "services: {web: {command: x, sockets: [{%s: VALUE, name: a}]}}\n"},
		{&socketObject, "services: {web: {command: x, sockets: [{%s: VALUE, name: a, listen: 'unix:a.sock'}]}}\n"},
		{&spawnObject, "services: {web: {command: x, spawn: {%s: VALUE}}}\n"},
		{&spawnLimitsObject, "services: {web: {command: x, spawn: {limits: {%s: VALUE}}}}\n"},
		{&cgroupObject, "services: {web: {command: x, limits: {cgroup: {%s: VALUE}}}}\n"},
		{&isolationObject, "services: {web: {command: x, isolation: {%s: VALUE}}}\n"},
		{&seccompObject, "services: {web: {command: x, isolation: {seccomp: {%s: VALUE, deny: [x]}}}}\n"},
		{&landlockObject, "services: {web: {command: x, isolation: {landlock: {%s: VALUE}}}}\n"},
		{&metricsObject, "metrics: {%s: VALUE}\nservices: {web: {command: x}}\n"},
		{&statusObject, "status: {%s: VALUE}\nservices: {web: {command: x}}\n"},
		{&dependencyObject, "services: {web: {command: x}, w: {command: x, depends_on: [{%s: VALUE, service: web}]}}\n"},
	} {
		if version == "2" && !at.object.Lenient {
			continue // It is the same in all versions.
		}
		names := []string{"mistake", "MISTAKE"}
		for _, k := range at.object.Keys {
			// Versions differ in unknown keys, and in what is only ignored.
			if version == "3" || k.Name == "version" || k.Name == "status" {
				names = append(names, k.Name)
			}
		}
		for _, name := range names {
			if version == "2" && name == "version" {
				all = append(all, fmt.Sprintf(at.format, name))
				continue
			}
			all = append(all, "version: "+version+"\n"+fmt.Sprintf(at.format, name))
		}
	}
	return append(all, "version: "+version+"\nservices: VALUE\n", "version: "+version+"\nVALUE: {}\nservices: {web: {command: x}}\n")
}
