package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/manifest"
	"systemg.org/sysg/pkg/sys"
)

const migrateHelp = `Rewrite a manifest of the older program in the present form.

project: and services: become projects:, and version 1 becomes "2". Comments and
!include stay as they are. The result is printed; with --in-place it replaces the
file, and what the file was is kept as FILE.bak. What works otherwise than in
systemg 0.66, and what is wrong, is told on stderr.`

var migrateVerb = verb{
	name: "migrate", usage: "CONFIG", short: "rewrite an older manifest", help: migrateHelp, words: 1, offline: true,
	setup: func(flags *pflag.FlagSet) action {
		inPlace := flags.Bool("in-place", false, "change the file, and keep it as FILE.bak")
		return func(_ context.Context, a *app, words []string) error {
			if len(words) == 0 {
				return &usage{"migrate", "the manifest is missing"}
			}
			return migrate(a, words[0], *inPlace)
		}
	},
}

func migrate(a *app, config string, inPlace bool) error {
	path, err := filepath.Abs(config)
	if err != nil {
		return fmt.Errorf("cannot tell where %q is: %w", config, err)
	}
	problems, sources, err := a.judge(path)
	if err != nil {
		return err
	}
	text, err := openManifest(path)
	if err != nil {
		return &badManifest{problems, sources}
	}
	migrated, err := manifest.Migrate(path, text)
	var stuck manifest.Problems
	if errors.As(err, &stuck) {
		return &badManifest{stuck, sources}
	}
	if err != nil {
		return err
	}
	// The places are those of the file as it was read.
	printProblems(a.out.stderr, problems, sources)
	if !inPlace {
		_, err := a.out.stdout.Write(migrated)
		return err
	}
	return a.replaceManifest(path, text, migrated)
}

// replaceManifest puts a new text in the place of a file, and keeps the old one
// beside it. A copy of an earlier migration is not written over.
func (a *app) replaceManifest(path string, text, migrated []byte) error {
	if bytes.Equal(text, migrated) {
		a.tellMigrated(path + " is in the present form already")
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("cannot replace the manifest: %w", err)
	}
	copied := path + ".bak"
	if kept, err := os.ReadFile(copied); !errors.Is(err, fs.ErrNotExist) && !slices.Equal(kept, text) {
		return &api.Diagnostic{
			Code: api.CodeConflict, Title: fmt.Sprintf("%s is there already, and is not what %s is now", copied, filepath.Base(path)),
			Help: []api.Help{{Label: "move it away", Command: "mv -- " + copied + " ELSEWHERE"}},
		}
	}
	for _, file := range []struct {
		path string
		text []byte
	}{{copied, text}, {path, migrated}} {
		if err := sys.WriteFileAtomic(file.path, file.text, info.Mode().Perm()); err != nil {
			return fmt.Errorf("cannot write %q: %w", file.path, err)
		}
	}
	a.tellMigrated(path + " is migrated; what it was is in " + copied)
	return nil
}

func (a *app) tellMigrated(text string) {
	if !a.out.quiet {
		fmt.Fprintln(a.out.stdout, text)
	}
}
