package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/manifest"
)

// badManifest is a manifest that cannot be used, and its text, of which each
// problem shows a line.
type badManifest struct {
	problems manifest.Problems
	text     []byte
}

// Error makes badManifest an error.
func (b *badManifest) Error() string { return b.problems.Error() }

// tell prints every problem.
func (b *badManifest) tell(out *output) { printProblems(out.stderr, b.problems, b.text) }

// printProblems prints what is wrong, or worth knowing, about a manifest.
func printProblems(to io.Writer, problems manifest.Problems, text []byte) {
	for _, p := range problems {
		fmt.Fprint(to, p.Render(text))
	}
}

// load reads, checks and compiles the manifest at an absolute path.
func (a *app) load(path string) ([]generation.Generation, error) {
	m, text, err := a.read(path)
	if err != nil {
		return nil, err
	}
	if !a.out.quiet {
		printProblems(a.out.stderr, m.Warnings, text)
	}
	return a.compile(m, text)
}

// read reads and checks a manifest. It returns the text as well, as far as it
// could be read.
func (a *app) read(path string) (*manifest.Manifest, []byte, error) {
	var text []byte
	m, err := manifest.Load(path, manifest.Options{
		Open: func(file string) ([]byte, error) {
			content, err := openManifest(file)
			if file == path {
				text = content
			}
			return content, err
		},
		LookupEnv: os.LookupEnv,
		Home:      a.env("HOME"), User: a.env("USER"), Shell: a.env("SHELL"),
	})
	var problems manifest.Problems
	if errors.As(err, &problems) {
		return nil, text, &badManifest{problems, text}
	}
	return m, text, err
}

// compile makes a generation of each project, with our environment as what
// the services inherit.
func (a *app) compile(m *manifest.Manifest, text []byte) ([]generation.Generation, error) {
	generations, err := m.Compile(manifest.CompileOptions{Environ: os.Environ()})
	var problems manifest.Problems
	if errors.As(err, &problems) {
		return nil, &badManifest{problems, text}
	}
	if err != nil {
		return nil, &api.Diagnostic{Code: api.CodeManifest, Title: err.Error()}
	}
	return generations, nil
}
