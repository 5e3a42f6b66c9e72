package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"

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

// The collector begins to hurry at so much memory. What a manifest can take is
// less, whatever is in it, and what else there is has been let go. A large file
// is copied as a whole a few times, so that for one it begins earlier.
const (
	readingMemory = 84 << 20
	largeMemory   = 60 << 20
	largeFile     = 4 << 20
)

func hurry(from int64) {
	if debug.SetMemoryLimit(-1) > from {
		debug.SetMemoryLimit(from)
	}
}

// read reads and checks a manifest. It returns the texts of its files as well,
// as far as they could be read.
func (a *app) read(path string) (*manifest.Manifest, *manifest.Sources, error) {
	hurry(readingMemory)
	var sources manifest.Sources
	opts, err := a.manifestOptions(&sources)
	if err != nil {
		return nil, &sources, err
	}
	m, err := manifest.Load(path, opts)
	var problems manifest.Problems
	if errors.As(err, &problems) {
		return nil, &sources, &badManifest{problems, &sources}
	}
	return m, &sources, err
}

// compile makes a generation of each project, with our environment as what
// the services inherit.
func (a *app) compile(m *manifest.Manifest, sources *manifest.Sources) ([]generation.Generation, error) {
	accepted()
	generations, err := m.Compile(manifest.CompileOptions{Environ: a.environ()})
	return generations, uncompiled(err, sources)
}

// check says whether compile fails.
func (a *app) check(m *manifest.Manifest, sources *manifest.Sources) error {
	accepted()
	return uncompiled(m.Check(manifest.CompileOptions{Environ: a.environ()}), sources)
}

// accepted ends what hurry began: what is accepted may be as large as it is, and
// to collect it again and again would take longer than all the rest.
func accepted() { debug.SetMemoryLimit(math.MaxInt64) }

func uncompiled(err error, sources *manifest.Sources) error {
	var problems manifest.Problems
	if errors.As(err, &problems) {
		return &badManifest{problems, sources}
	}
	if err != nil {
		return &api.Diagnostic{Code: api.CodeManifest, Title: err.Error()}
	}
	return nil
}
