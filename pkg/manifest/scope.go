package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf8"

	"systemg.org/sysg/pkg/envfile"
)

// scope is where the variables of one env object are found: its own vars, then
// its files, then the scope around it, then the environment of the command.
type scope struct {
	outer *scope
	vars  map[string]*Var
	// busy are those whose values are being expanded right now. A variable that
	// refers to itself means the one of the scope around it (PATH: /x:$PATH).
	busy  map[string]bool
	ready map[string]bool
	files []EnvFile
	// loaded says that fromFiles holds what the files define.
	loaded    bool
	fromFiles map[string]string
}

// lookup finds a variable for the values of scope s.
func (r *reader) lookup(s *scope, name string) (string, bool) {
	for ; s != nil; s = s.outer {
		if v := s.vars[name]; v != nil && !s.busy[name] {
			r.resolve(s, v)
			return v.Text.Value, true
		}
		// The files of a service are read at each launch and may not be there
		// yet, so they are only looked at for a variable that is asked for.
		r.loadFiles(s)
		if value, found := s.fromFiles[name]; found {
			return value, true
		}
	}
	return r.files.lookupEnv(r.opts.LookupEnv, name)
}

// maxReferences bounds how deep variables may refer to one another.
const maxReferences = 64

// resolve expands a variable of scope s, once.
func (r *reader) resolve(s *scope, v *Var) {
	if s.ready[v.Name] {
		return
	}
	if r.depth == maxReferences {
		r.bad(v.at, fmt.Sprintf("the variables refer to one another more than %d deep", maxReferences), "")
		return
	}
	r.depth++
	s.busy[v.Name] = true
	v.Text, _ = r.expand(v.at, v.Text.Raw, s)
	if len(v.Name)+1+len(v.Text.Value) > maxValue {
		r.bad(v.at, fmt.Sprintf("variable %s is longer than 128 KiB, the most that the kernel passes", quote(v.Name)), "")
	}
	s.busy[v.Name], s.ready[v.Name] = false, true
	r.depth--
}

// fileError is an env file that cannot be used.
type fileError struct {
	file  EnvFile
	cause error
}

// loadFiles reads the files of a scope, once.
func (r *reader) loadFiles(s *scope) *fileError {
	if s.loaded {
		return nil
	}
	s.loaded = true
	s.fromFiles = map[string]string{}
	for _, file := range s.files {
		if err := r.loadFile(s, file); err != nil {
			return &fileError{file, err}
		}
	}
	return nil
}

func (r *reader) loadFile(s *scope, file EnvFile) error {
	text, err := r.opts.Open(file.Path)
	if isMissing(err) && file.Optional {
		return nil
	}
	if err != nil {
		return err
	}
	if r.expanded += len(text); r.expanded > MaxDocument {
		return errors.New("the env files hold more than 8 MiB")
	}
	defined, err := envfile.Parse(file.Path, text, func(name string) (string, bool) {
		if value, found := s.fromFiles[name]; found {
			return value, true
		}
		return r.lookup(s.outer, name)
	})
	for _, entry := range defined {
		name, value, _ := strings.Cut(entry, "=")
		s.fromFiles[name] = value
	}
	return err
}

// expand expands a raw text in a scope and reports what is wrong with it.
func (r *reader) expand(v value, raw string, s *scope) (Text, bool) {
	if r.expanded > MaxDocument {
		return Text{Raw: raw}, false // Reported already.
	}
	text, err := expand(raw, func(name string) (string, bool) { return r.lookup(s, name) })
	if text.Expanded {
		r.expanded += len(text.Value)
	}
	switch {
	case r.expanded > MaxDocument:
		r.report(v, Problem{Kind: KindConfig, Message: "the values of this manifest expand to more than 8 MiB"})
	case err == nil && text.Expanded && !utf8.ValidString(text.Value):
		r.bad(v, "the value of "+quote(raw)+" is no text in UTF-8", "")
	case err == nil:
		return text, true
	case err.unset != "":
		r.report(v, Problem{
			Kind:       KindEnvVar,
			Message:    fmt.Sprintf("variable %s is not set", quote(err.unset)),
			Suggestion: fmt.Sprintf("set it, or write ${%s:-default}; $$ is a plain $", err.unset),
		})
	default:
		r.bad(v, quote(raw)+" "+err.message, "${NAME} or ${NAME:-default} is a variable, $$ is a plain $")
	}
	return Text{Raw: raw}, false
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
