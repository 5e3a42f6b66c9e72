package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/manifest"
)

const validateHelp = `Check a manifest, and say everything that is wrong with it.

It refuses exactly what start refuses. What a manifest of systemg 0.66 finds
otherwise here is told as well. Exit code: 0 if the manifest can be started, 1
if not. A key that only the system's instance can enforce leaves a manifest
valid, but not to be started in a user's.`

var validateVerb = verb{
	name: "validate", short: "check a manifest", help: validateHelp, offline: true, xml: true,
	setup: func(flags *pflag.FlagSet) action {
		var config string
		flags.StringVarP(&config, "config", "c", "", "the manifest")
		return func(_ context.Context, a *app, _ []string) error {
			return validate(a, config)
		}
	},
}

// report is what validate answers in JSON, in the older program's form with a
// few fields more.
type report struct {
	Config      string    `json:"config"`
	Valid       bool      `json:"valid"`
	Startable   bool      `json:"startable"`
	Diagnostics []finding `json:"diagnostics"`
}

type finding struct {
	Severity   string        `json:"severity"` // error or warning
	Code       string        `json:"code"`
	File       string        `json:"file"`
	Line       int           `json:"line"`
	Column     int           `json:"column"`
	Key        string        `json:"key"`
	Kind       manifest.Kind `json:"kind"`
	Message    string        `json:"message"`
	Why        string        `json:"why"`
	Suggestion string        `json:"suggestion"`
	// Doc is the command that explains the code.
	Doc string `json:"doc"`
}

func validate(a *app, config string) error {
	path, err := a.findManifest(config)
	if err != nil {
		return err
	}
	if path == "" {
		return noManifest()
	}
	problems, sources, err := a.judge(path)
	if err != nil {
		return err
	}
	r := reportOf(path, problems)
	switch {
	case a.out.json || a.out.xml:
		if err := a.out.print("report", r); err != nil {
			return err
		}
	default:
		// What is wrong is what was asked for.
		printProblems(a.out.stdout, problems, sources)
		if !a.out.quiet {
			fmt.Fprint(a.out.stdout, r.verdict())
		}
	}
	if !r.Valid || !r.Startable {
		return exit(failed)
	}
	return nil
}

// verdict is the last line for people, nothing where the errors speak for
// themselves.
func (r report) verdict() string {
	switch {
	case r.Startable:
		return r.Config + " is valid\n"
	case r.Valid:
		return r.Config + " is valid, but for the system's instance (sysg --sys)\n"
	}
	return ""
}

// judge is all that is wrong with a manifest, compiled and all. An error is
// one that is not the manifest's.
func (a *app) judge(path string) (manifest.Problems, *manifest.Sources, error) {
	m, sources, err := a.read(path)
	var problems manifest.Problems
	if err == nil {
		problems = slices.Concat(m.Warnings, m.Differences)
		err = a.check(m, sources)
	}
	var bad *badManifest
	if errors.As(err, &bad) {
		return append(problems, bad.problems...), sources, nil
	}
	return problems, sources, err
}

func reportOf(path string, problems manifest.Problems) report {
	r := report{Config: path, Valid: true, Startable: true, Diagnostics: []finding{}}
	for _, p := range problems {
		severity := "warning"
		if !p.Warning {
			severity, r.Startable = "error", false
			r.Valid = r.Valid && p.Kind == manifest.KindSystemMode
		}
		r.Diagnostics = append(r.Diagnostics, finding{
			Severity: severity, Code: p.Code(), File: p.Path, Line: p.Line, Column: p.Column, Key: p.Key, Kind: p.Kind,
			Message: p.Message, Why: p.Why, Suggestion: p.Suggestion, Doc: "sysg explain " + p.Code(),
		})
	}
	return r
}
