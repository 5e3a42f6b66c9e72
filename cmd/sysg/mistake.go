package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/manifest"
)

// former are commands of the older program that are none here, with what to do
// instead.
var former = map[string]string{
	"init":               "it is not part of this version: run `sysg start` under an init such as tini",
	"migrate-state":      "there is nothing to do: `sysg start` takes the older program's settings over, and starts services anew from their manifests",
	"supervise":          "`sysg start` runs the supervisor where there is none",
	"upgrade-info":       "`sysg version --format json` tells the versions",
	"upgrade-supervisor": "`sysg restart` replaces a supervisor of another version",
}

// unknownCommand says which command was probably meant.
func unknownCommand(name string) *usage {
	if instead := former[name]; instead != "" {
		return &usage{problem: fmt.Sprintf("there is no command %q any more: %s", name, instead)}
	}
	var known []string
	for _, v := range verbs() {
		if !v.internal {
			known = append(known, v.name)
		}
	}
	problem := fmt.Sprintf("unknown command %q", name)
	if nearest, found := manifest.Nearest(name, known); found {
		problem += fmt.Sprintf(", did you mean %q?", nearest)
	}
	return &usage{problem: problem}
}

// unknownFlag is what the flag library says, and which flag was probably
// meant. Before the command that may be one which only commands have.
func unknownFlag(verb string, err error, flags *pflag.FlagSet) *usage {
	problem := err.Error()
	var missing *pflag.NotExistError
	if !errors.As(err, &missing) {
		return &usage{verb, problem}
	}
	var known []string
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	name := missing.GetSpecifiedName()
	if nearest, found := manifest.Nearest(name, known); found && len(name) > 1 {
		problem += fmt.Sprintf(", did you mean --%s?", nearest)
	} else if verb == "" {
		problem += ", a command's own flags stand after it"
	}
	return &usage{verb, problem}
}

// unexpectedWord is for who writes `start FILE` or `logs SERVICE`.
func unexpectedWord(v verb, word string, flags *pflag.FlagSet) *usage {
	problem := fmt.Sprintf("unexpected word %q", word)
	switch {
	case isManifest(word) && flags.Lookup("config") != nil:
		problem += ", a manifest is named with -c"
	case flags.Lookup("service") != nil:
		problem += ", a service is named with -s"
	}
	return &usage{v.name, problem}
}

// isManifest says whether a word looks like a manifest's name.
func isManifest(word string) bool {
	return strings.HasSuffix(word, ".yaml") || strings.HasSuffix(word, ".yml")
}

func quoted(word string) string { return fmt.Sprintf("%q", word) }
