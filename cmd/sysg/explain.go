package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/manifest"
)

const explainName = "explain"

var explainVerb = verb{
	name: explainName, offline: true, usage: "[CODE]", short: "explain the code of an error", words: 1,
	help: "Explain a code such as SG0102: what it means, its usual cause, and what to do.\nWithout a code, list them all.",
	setup: func(*pflag.FlagSet) action {
		return func(_ context.Context, a *app, words []string) error {
			if len(words) == 0 {
				return listCodes(a.out)
			}
			return explainCode(a.out, words[0])
		}
	},
}

func listCodes(out *output) error {
	if out.json {
		out.printJSON(api.Explanations())
		return nil
	}
	for _, e := range api.Explanations() {
		fmt.Fprintf(out.stdout, "%s  %s\n", e.Code, e.Meaning)
	}
	return nil
}

func explainCode(out *output, word string) error {
	code := strings.ToUpper(word)
	if explainAbsence(out, code) {
		return nil
	}
	all := api.Explanations()
	i := slices.IndexFunc(all, func(e api.Explanation) bool { return e.Code == code })
	switch {
	case i < 0:
		return unknownCode(word, code, all)
	case out.json:
		out.printJSON(all[i])
	default:
		e := all[i]
		fmt.Fprintf(out.stdout, "%s: %s\n\nUsual cause: %s\n\nWhat to do: %s\n", e.Code, e.Meaning, e.Cause, e.Remedy)
	}
	return nil
}

// explainAbsence tells of a code that the older program had, and we do not.
func explainAbsence(out *output, code string) bool {
	absences := api.Absences()
	i := slices.IndexFunc(absences, func(a api.Absence) bool { return a.Code == code })
	switch {
	case i < 0:
		return false
	case out.json:
		out.printJSON(absences[i])
	default:
		a := absences[i]
		fmt.Fprintf(out.stdout, "%s: %s\n\nIt does not occur: %s\n", a.Code, a.Meaning, a.Reason)
	}
	return true
}

// unknownCode names the code that is nearest to what was asked for.
func unknownCode(word, code string, all []api.Explanation) error {
	var codes []string
	for _, e := range all {
		codes = append(codes, e.Code)
	}
	problem := fmt.Sprintf("there is no code %q; sysg explain lists them", word)
	if meant, found := manifest.Nearest(code, codes); found {
		problem = fmt.Sprintf("there is no code %q, did you mean %s?", word, meant)
	}
	return &usage{explainName, problem}
}
