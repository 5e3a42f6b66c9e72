package manifest

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"gopkg.in/yaml.v3"
	"systemg.org/sysg/pkg/envfile"
)

var envObject = Object{Name: "env", other: readPlainVar, variables: plainVarPattern, Keys: []*Key{
	key("file", &Type{Name: "env files", Accepts: "a path or a list of paths", form: either(filePath, listOf(filePath)), nullable: true, read: readEnvFiles}, "",
		"env files, read at each launch; a leading - makes one optional", in(func(e *Env) any { return &e.Files })),
	key("vars", &Type{Name: "variables", Accepts: "a mapping of names to values", form: mapOf(namePattern, scalar), nullable: true, read: readVars}, "",
		"variables", in(func(e *Env) any { return &e.Vars })),
	key("inherit_env", optional[bool](boolean), "",
		"whether to start from the environment of the command that started it", in(func(e *Env) any { return &e.Inherit })),
	key("clear_session_vars", optional[bool](boolean), "",
		"whether variables of the login session are left out (default true)", in(func(e *Env) any { return &e.ClearSession })),
	key("strip", list("a list of names", variableName, readName), "",
		"names of variables that are not inherited", in(func(e *Env) any { return &e.Strip })),
}}

// envType reads an env object and opens its scope for what is read after it.
// Whoever reads the object around it restores the scope.
var envType = &Type{Name: "env", Accepts: "a mapping", Object: &envObject, form: keysOf(&envObject), nullable: true, read: readEnv}

func readEnv(r *reader, v value, to any) {
	e := to.(*Env)
	r.object(&envObject, v, e)
	s := &scope{outer: r.scope, files: e.Files, vars: make(map[string]*Var, len(e.Vars)), busy: map[string]bool{}, ready: make(map[string]bool, len(e.Vars))}
	for _, variable := range e.Vars {
		if s.vars[variable.Name] != nil {
			r.bad(variable.at, fmt.Sprintf("variable %s is there twice", quote(variable.Name)), "")
		}
		s.vars[variable.Name] = variable
	}
	if !r.inService {
		r.checkFiles(s)
	}
	for _, variable := range e.Vars {
		r.resolve(s, variable)
	}
	r.scope = s
}

// checkFiles reads the env files of the root or of a project, which every
// service below needs.
func (r *reader) checkFiles(s *scope) {
	if wrong := r.loadFiles(s); wrong != nil {
		r.bad(wrong.file.at, fmt.Sprintf("cannot use env file %s: %s", quotePath(wrong.file.Path), fileFault(wrong.cause)), "a leading - makes a file optional")
	}
}

// fileFault is the bare reason, without the path that the message has already.
func fileFault(err error) string {
	var wrong *envfile.Error
	if errors.As(err, &wrong) {
		return fmt.Sprintf("line %d: %s", wrong.Line, wrong.Problem)
	}
	return openFault(err)
}

func readEnvFiles(r *reader, v value, to any) {
	files := to.(*[]EnvFile)
	if target(v.node).Kind == yaml.SequenceNode {
		list("a list of paths", filePath, readEnvFile).read(r, v, files)
		return
	}
	if file, ok := readEnvFile(r, v); ok {
		*files = []EnvFile{file}
	}
}

func readEnvFile(r *reader, v value) (EnvFile, bool) {
	raw, ok := r.rawPath(v)
	if !ok {
		return EnvFile{}, false
	}
	raw, optional := strings.CutPrefix(raw, "-")
	file, ok := r.absolute(v, raw)
	return EnvFile{Path: file, Optional: optional, at: v}, ok
}

// rawPath reads a path as it is written. A bare ~ is nothing at all to YAML,
// and the home directory to everybody else.
func (r *reader) rawPath(v value) (string, bool) {
	if n := target(v.node); isNull(n) && n.Value == "~" {
		return "~", true
	}
	return r.raw(v, "a path")
}

// absolute expands a path and anchors it: at the home directory where it says
// so, else at the directory of the file that it is in.
func (r *reader) absolute(v value, raw string) (string, bool) {
	raw, base, ok := anchor(raw, path.Dir(v.file), r.home())
	if !ok {
		r.bad(v, "the home directory is not known", "write an absolute path")
		return "", false
	}
	text, ok := r.expand(v, raw, r.scope)
	if !ok || !r.noNUL(v, text.Value) {
		return "", false
	}
	if text.Value == "" {
		r.bad(v, "the path is empty", "")
		return "", false
	}
	file := path.Clean(text.Value)
	if !path.IsAbs(file) {
		file = path.Join(base, file)
	}
	if len(file) > maxPath {
		r.bad(v, "the path is longer than the kernel takes", "")
		return "", false
	}
	return file, true
}

// maxPath is the longest path (PATH_MAX, less its NUL).
const maxPath = 4095

func readVars(r *reader, v value, to any) {
	if !r.is(v, yaml.MappingNode, "a mapping of names to values") {
		return
	}
	v.node = target(v.node)
	for k, entry := range v.pairs() {
		r.addVar(k, entry, to.(*[]*Var))
	}
}

// addVar adds a variable with its raw text; readEnv expands it.
func (r *reader) addVar(k, v value, to *[]*Var) {
	if !envfile.IsName(k.name) {
		r.bad(k, fmt.Sprintf("%s cannot be the name of a variable", quote(k.name)), "use letters, digits, _ . and -, a letter or _ first")
		return
	}
	raw, ok := r.raw(v, "text")
	if ok {
		*to = append(*to, &Var{Name: k.name, Text: Text{Raw: raw}, at: v})
	}
}

// readPlainVar takes the keys of env that are variables themselves.
func readPlainVar(r *reader, k, v value, to any) bool {
	for i, c := range []byte(k.name) {
		if c != '_' && !('A' <= c && c <= 'Z') && !(i > 0 && '0' <= c && c <= '9') {
			return false
		}
	}
	r.addVar(k, v, &to.(*Env).Vars)
	return k.name != ""
}

func readName(r *reader, v value) (string, bool) {
	text, ok := r.text(v, "a name")
	if ok && !envfile.IsName(text.Value) {
		r.bad(v, fmt.Sprintf("%s cannot be the name of a variable", quote(text.Raw)), "")
		return "", false
	}
	return text.Value, ok
}
