package manifest

import (
	"errors"
	"slices"

	"systemg.org/sysg/pkg/digest"
	"systemg.org/sysg/pkg/envfile"
	"systemg.org/sysg/pkg/generation"
)

// fileSet are the files that a manifest is made of, each with the sum of what it
// has. One that is not there, or that nobody may use, has none.
type fileSet struct {
	opener Opener
	sums   map[string]string
	// made are the manifest and what it includes: every project is made of them.
	made []string
	// asked are the variables of the command's environment that were looked up,
	// nil for those that are not set.
	asked map[string]*string
}

func newFiles(file string, text []byte, opener Opener) *fileSet {
	f := &fileSet{opener: opener, sums: map[string]string{}, asked: map[string]*string{}}
	f.sums[file], f.made = digest.Hex(text), []string{file}
	return f
}

// open opens a file and remembers its sum.
func (f *fileSet) open(file string) ([]byte, error) {
	text, err := f.opener(file)
	if f.sums[file] = ""; err == nil {
		f.sums[file] = digest.Hex(text)
	}
	return text, err
}

// maxSummed bounds the env files that are read for nothing but their sums.
const maxSummed = 64 << 20

// sumFiles opens the env files that nothing has asked for yet: what is in them
// is a part of their services. A service is refused by its launch if its file
// cannot be used by then, so that here it is only worth a word.
func (r *reader) sumFiles(projects []Project) {
	total := 0
	for i := range projects {
		for j := range projects[i].Services {
			s := &projects[i].Services[j]
			for _, file := range s.Env.Files {
				if _, known := r.files.sums[file.Path]; known || total > maxSummed {
					continue
				}
				text, err := r.files.open(file.Path)
				if total += len(text); err == nil {
					_, err = envfile.Parse(file.Path, text, func(string) (string, bool) { return "", true })
				}
				if err != nil && !(file.Optional && isMissing(err)) && !r.isTheirs(err) {
					r.differences.badFile(file, err)
				}
			}
		}
	}
}

// isTheirs says whether an env file is left to the launch, which reads it as the
// service's user: root does not read for a manifest what another can change.
func (r *reader) isTheirs(err error) bool {
	var untrusted *Untrusted
	return r.opts.System && errors.As(err, &untrusted)
}

// lookupEnv asks the environment of the command, and remembers the answer.
func (f *fileSet) lookupEnv(lookup func(string) (string, bool), name string) (string, bool) {
	if lookup == nil {
		return "", false
	}
	value, found := lookup(name)
	if f.asked[name] = nil; found {
		f.asked[name] = &value
	}
	return value, found
}

// variables are what was asked for, as KEY=value, or KEY where it is not set.
func (f *fileSet) variables() []string {
	var result []string
	for name, value := range f.asked {
		if value != nil {
			name += "=" + *value
		}
		result = append(result, name)
	}
	slices.Sort(result)
	return result
}

// sources are the files that a project is made of.
func (m *Manifest) sources(p *Project) []generation.Source {
	paths := slices.Clone(m.files.made)
	for _, e := range []*Env{&m.Env, &p.Env} {
		paths = appendFiles(paths, e)
	}
	for i := range p.Services {
		paths = appendFiles(paths, &p.Services[i].Env)
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	result := make([]generation.Source, len(paths))
	for i, file := range paths {
		result[i] = generation.Source{Path: file, Sum: m.files.sums[file]}
	}
	return result
}

func appendFiles(paths []string, e *Env) []string {
	for _, file := range e.Files {
		paths = append(paths, file.Path)
	}
	return paths
}
