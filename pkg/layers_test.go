package pkg

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "systemg.org/sysg/"

// layer is a height: a package imports packages of lower layers, and of its
// own only where within allows it.
type layer int

const (
	kernel layer = iota
	contracts
	privileged
	model
	effects
	engine
	edge
	commands
)

// layers says where each package stands. A package that is not listed fails the
// test: decide where it belongs, and say so in docs/DESIGN.md.
var layers = map[string]layer{
	"pkg/sys": kernel, "pkg/caps": kernel, "pkg/cgroup": kernel,
	"pkg/spec": contracts, "pkg/api": contracts, "pkg/generation": contracts, "pkg/envfile": contracts,
	"pkg/paths":   contracts,
	"pkg/order":   contracts,
	"pkg/digest":  contracts,
	"pkg/version": contracts,
	"pkg/confine": privileged, "pkg/grant": privileged,
	"pkg/manifest": model, "pkg/schedule": model, "pkg/plan": model, "pkg/machine": model,
	"pkg/seccomp":    model,
	"pkg/execclient": effects, "pkg/probe": effects, "pkg/logs": effects, "pkg/store": effects,
	"pkg/systemd": effects, "pkg/security": effects, "pkg/observe": effects, "pkg/metrics": effects, "pkg/doctor": effects,
	"pkg/supervisor": engine,
	"pkg/server":     edge, "pkg/client": edge,
	"cmd/sysg": commands, "cmd/sysgd": commands, "cmd/sysg-exec": commands,
}

// within are the imports that stay inside one layer.
var within = map[string][]string{
	"pkg/generation": {"pkg/digest", "pkg/order", "pkg/spec"},
	"pkg/api":        {"pkg/order"},
	"pkg/cgroup":     {"pkg/sys"},
	"pkg/caps":       {"pkg/sys"},
	"pkg/plan":       {"pkg/machine"},
	// What start takes for a schedule and what validate does must be one thing.
	"pkg/manifest": {"pkg/plan", "pkg/schedule"},
	"pkg/doctor":   {"pkg/store"},
}

// notBelow are imports that point down and are forbidden all the same: the
// engine reaches the world through the interfaces it declares, the model
// through nothing at all, and the privileged packages know no manifest.
var notBelow = map[layer][]layer{
	model:   {kernel, privileged},
	effects: {privileged},
	engine:  {privileged},
	edge:    {privileged},
}

// only names the packages that may import something; a name that ends in
// ".go" is a single file.
var only = map[string][]string{
	"gopkg.in/yaml.v3":          {"pkg/manifest"},
	"github.com/robfig/cron/v3": {"pkg/schedule"},
	"golang.org/x/sys/unix": {
		"pkg/sys", "pkg/caps", "pkg/cgroup", "pkg/confine", "pkg/grant",
		"pkg/execclient", "pkg/server/peer.go", "pkg/systemd", "cmd/sysg-exec",
	},
	"github.com/coreos/go-systemd/v22/": {"pkg/systemd"},
	"github.com/godbus/dbus/v5":         {"pkg/systemd"},
	"github.com/cilium/ebpf":            {"pkg/observe"},
	"github.com/spf13/pflag":            {"cmd/sysg", "cmd/sysgd"},
	"golang.org/x/term":                 {"cmd/sysg"},
	"github.com/gdamore/tcell/v3/":      {}, // The tests have an emulator of terminals.
	"github.com/rogpeppe/go-internal/":  {},
}

// pure are imports that a model package must do without, since its answers
// depend on its arguments alone.
var pure = []string{"os", "os/exec", "net", "net/http", "log", "log/slog", "syscall", "io/ioutil"}

// forbidden are the calls of a package that a layer may not make.
var forbidden = map[layer][]string{
	model: {"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.NewTimer"},
}

// source is one parsed file that is not a test.
type source struct {
	pkg  string // path below the module
	file string
	ast  *ast.File
}

// sources parses every file of cmd and pkg that is no test.
func sources(t *testing.T) []source {
	t.Helper()
	var found []source
	for _, root := range []string{"../pkg", "../cmd"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "testdata":
				return filepath.SkipDir
			case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			if ok, err := build.Default.MatchFile(filepath.Dir(path), filepath.Base(path)); err != nil || !ok {
				return err
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			file := strings.TrimPrefix(filepath.ToSlash(path), "../")
			found = append(found, source{pkg: filepath.Dir(file), file: file, ast: parsed})
			return nil
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if len(found) == 0 {
		t.Fatal("no source found")
	}
	return found
}

func (s source) imports() []string {
	var paths []string
	for _, spec := range s.ast.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		paths = append(paths, path)
	}
	return paths
}

func TestImportsPointDown(t *testing.T) {
	for _, s := range sources(t) {
		for _, path := range s.imports() {
			if problem := judge(s, path); problem != "" {
				t.Errorf("%s imports %s: %s", s.file, path, problem)
			}
		}
	}
}

// judge says what is wrong with an import, "" if nothing is.
func judge(s source, path string) string {
	from, listed := home(s.pkg)
	if !listed {
		return fmt.Sprintf("package %s is in no layer", s.pkg)
	}
	if from == model && slices.Contains(pure, path) {
		return "a model package depends on its arguments alone"
	}
	for guarded, owners := range only {
		if path == strings.TrimSuffix(guarded, "/") || strings.HasSuffix(guarded, "/") && strings.HasPrefix(path, guarded) {
			if !slices.Contains(owners, s.file) && !slices.ContainsFunc(owners, func(o string) bool { return inside(s.pkg, o) }) {
				return fmt.Sprintf("only %v may", owners)
			}
		}
	}
	target, ours := strings.CutPrefix(path, module)
	if !ours {
		return ""
	}
	to, listed := home(target)
	switch {
	case !listed:
		return "it is in no layer"
	case target == s.pkg || inside(target, s.pkg):
		return ""
	case to > from || to == from && !slices.Contains(within[s.pkg], target):
		return "imports point down only"
	case slices.Contains(notBelow[from], to):
		return "that layer is out of its reach"
	}
	return ""
}

// home finds the layer of a package, which a folder below it shares.
func home(pkg string) (layer, bool) {
	for name, l := range layers {
		if inside(pkg, name) {
			return l, true
		}
	}
	return 0, false
}

func inside(pkg, folder string) bool {
	return pkg == folder || strings.HasPrefix(pkg, folder+"/")
}

func TestModelPackagesAskNoClock(t *testing.T) {
	for _, s := range sources(t) {
		l, _ := home(s.pkg)
		for _, call := range uses(s.ast, forbidden[l]) {
			t.Errorf("%s uses %s: the caller says what time it is", s.file, call)
		}
	}
}

// uses finds which of the names (package.Name) a file mentions.
func uses(file *ast.File, names []string) []string {
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := selector.X.(*ast.Ident); ok && slices.Contains(names, x.Name+"."+selector.Sel.Name) {
				found = append(found, x.Name+"."+selector.Sel.Name)
			}
		}
		return true
	})
	return found
}

// TestKernelPackagesKeepNothing: no goroutine and no variable of a package in
// what runs with privilege. A variable that is a table or an error is allowed:
// its declaration has a value, and nothing in the package assigns to it.
func TestKernelPackagesKeepNothing(t *testing.T) {
	for _, s := range sources(t) {
		l, _ := home(s.pkg)
		if l != kernel && l != privileged {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if _, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s starts a goroutine", s.file)
			}
			return true
		})
		for _, name := range mutable(s.ast) {
			t.Errorf("%s has the mutable package variable %s", s.file, name)
		}
	}
}

func mutable(file *ast.File) []string {
	declared, assigned := map[string]bool{}, map[string]bool{}
	var found []string
	for _, decl := range file.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok || general.Tok != token.VAR {
			continue
		}
		for _, spec := range general.Specs {
			value := spec.(*ast.ValueSpec)
			for _, name := range value.Names {
				declared[name.Name] = true
				if len(value.Values) == 0 && name.Name != "_" {
					found = append(found, name.Name)
				}
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || assign.Tok == token.DEFINE {
			return true
		}
		for _, target := range assign.Lhs {
			if name := root(target); name != nil && name.Obj != nil && name.Obj.Decl != nil {
				if _, global := name.Obj.Decl.(*ast.ValueSpec); global && declared[name.Name] {
					assigned[name.Name] = file.Scope.Lookup(name.Name) == name.Obj
				}
			}
		}
		return true
	})
	for name, yes := range assigned {
		if yes {
			found = append(found, name)
		}
	}
	return found
}

// root finds the variable behind x, x.f and x[i].
func root(expr ast.Expr) *ast.Ident {
	switch expr := expr.(type) {
	case *ast.Ident:
		return expr
	case *ast.SelectorExpr:
		return root(expr.X)
	case *ast.IndexExpr:
		return root(expr.X)
	}
	return nil
}

// TestNobodyWaitsByTheClock: waiting is for events, never for a while to pass.
func TestNobodyWaitsByTheClock(t *testing.T) {
	for _, s := range sources(t) {
		for _, call := range uses(s.ast, []string{"time.Sleep", "time.Tick", "time.NewTicker"}) {
			t.Errorf("%s uses %s: wait for the event", s.file, call)
		}
	}
}

// TestTheJudgeRefuses keeps the test itself honest: imports that must not be.
func TestTheJudgeRefuses(t *testing.T) {
	cases := map[source]string{
		{pkg: "pkg/spec", file: "pkg/spec/x.go"}:             module + "pkg/supervisor",
		{pkg: "pkg/plan", file: "pkg/plan/x.go"}:             "os",
		{pkg: "pkg/machine", file: "pkg/machine/x.go"}:       module + "pkg/sys",
		{pkg: "pkg/supervisor", file: "pkg/supervisor/x.go"}: "gopkg.in/yaml.v3",
		{pkg: "pkg/server", file: "pkg/server/other.go"}:     "golang.org/x/sys/unix",
		{pkg: "pkg/logs", file: "pkg/logs/x.go"}:             module + "pkg/store",
		{pkg: "pkg/unheard", file: "pkg/unheard/x.go"}:       "fmt",
		{pkg: "pkg/client", file: "pkg/client/x.go"}:         "github.com/coreos/go-systemd/v22/daemon",
	}
	for s, path := range cases {
		if judge(s, path) == "" {
			t.Errorf("%s may import %s", s.file, path)
		}
	}
	allowed := source{pkg: "pkg/server", file: "pkg/server/peer.go"}
	if problem := judge(allowed, "golang.org/x/sys/unix"); problem != "" {
		t.Errorf("%s may not import x/sys/unix: %s", allowed.file, problem)
	}
}
