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

// badManifest is a manifest that cannot be used, and the texts of its files,
// of which each problem shows a line.
type badManifest struct {
	problems manifest.Problems
	sources  *manifest.Sources
}

// Error makes badManifest an error.
func (b *badManifest) Error() string { return b.problems.Error() }

// tell prints every problem.
func (b *badManifest) tell(out *output) { printProblems(out.stderr, b.problems, b.sources) }

// printProblems prints what is wrong, or worth knowing, about a manifest.
func printProblems(to io.Writer, problems manifest.Problems, sources *manifest.Sources) {
	for _, p := range problems {
		fmt.Fprint(to, p.Render(sources))
	}
}

// load reads, checks and compiles the manifest at an absolute path.
func (a *app) load(path string) ([]generation.Generation, error) {
	m, sources, err := a.read(path)
	if err != nil {
		return nil, err
	}
	if !a.out.quiet {
		printProblems(a.out.stderr, m.Warnings, sources)
	}
	return a.compile(m, sources)
}

// read reads and checks a manifest. It returns the texts of its files as well,
// as far as they could be read.
func (a *app) read(path string) (*manifest.Manifest, *manifest.Sources, error) {
	var sources manifest.Sources
	m, err := manifest.Load(path, manifest.Options{
		Open: func(file string) ([]byte, error) {
			content, err := openManifest(file)
			sources.Add(file, content)
			return content, err
		},
		LookupEnv: os.LookupEnv,
		Home:      a.env("HOME"), User: a.env("USER"), Shell: a.env("SHELL"),
	})
	var problems manifest.Problems
	if errors.As(err, &problems) {
		return nil, &sources, &badManifest{problems, &sources}
	}
	return m, &sources, err
}

// compile makes a generation of each project, with our environment as what
// the services inherit.
func (a *app) compile(m *manifest.Manifest, sources *manifest.Sources) ([]generation.Generation, error) {
	generations, err := m.Compile(manifest.CompileOptions{Environ: os.Environ()})
	var problems manifest.Problems
	if errors.As(err, &problems) {
		return nil, &badManifest{problems, sources}
	}
	if err != nil {
		return nil, &api.Diagnostic{Code: api.CodeManifest, Title: err.Error()}
	}
	return generations, nil
}
