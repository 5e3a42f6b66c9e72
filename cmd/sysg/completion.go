package main

import (
	"context"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
)

// The scripts for the shells know nothing of sysg: at each Tab they ask
// `sysg complete`, so that verbs, flags and the names of live services are
// always those of the program that is there.
//
//go:embed completion
var completionScripts embed.FS

// completionShells are the shells that there is a script for.
var completionShells = []string{"bash", "zsh", "fish"}

const completionHelp = `Print the script that completes sysg's commands, flags and services in a shell.
Packages install it; by hand:

  source <(sysg completion bash)                                   in ~/.bashrc
  source <(sysg completion zsh)                                    in ~/.zshrc
  sysg completion fish > ~/.config/fish/completions/sysg.fish`

var completionVerb = verb{
	name: "completion", offline: true, usage: "bash|zsh|fish", short: "print the completion script of a shell", help: completionHelp, words: 1,
	setup: func(*pflag.FlagSet) action {
		return func(_ context.Context, a *app, words []string) error {
			if len(words) == 0 || !slices.Contains(completionShells, words[0]) {
				return &usage{"completion", "which shell? bash, zsh or fish"}
			}
			script, err := completionScripts.ReadFile("completion/sysg." + words[0])
			if err != nil {
				return fmt.Errorf("cannot read the script: %w", err)
			}
			_, err = a.out.stdout.Write(script)
			return err
		}
	},
}

// completeVerb answers the scripts: its words are those of the command line
// after "sysg", the last one being what is typed just now. It prints a line for
// each candidate, with a tab and what it is; ":files" asks for names of files.
func completeVerb() verb {
	return verb{
		name: "complete", internal: true,
		setup: func(*pflag.FlagSet) action {
			return func(ctx context.Context, a *app, words []string) error {
				if len(words) == 0 {
					words = []string{""}
				}
				a.system = a.system || slices.Contains(words, "--sys")
				last := len(words) - 1
				for _, c := range a.candidates(ctx, words[:last], words[last]) {
					fmt.Fprintln(a.out.stdout, c)
				}
				return nil
			}
		},
	}
}

// typed is what is known of a command line so far.
type typed struct {
	verb  *verb
	flags *pflag.FlagSet
	// pending is the flag whose value comes next, nil for none.
	pending *pflag.Flag
	// words is how many words of the verb's there are already.
	words []string
}

// readTyped reads the words that are complete.
func readTyped(before []string) typed {
	t := typed{flags: general()}
	for _, word := range before {
		switch {
		case word == "=": // Some shells split there.
		case t.pending != nil:
			t.pending = nil
		case strings.HasPrefix(word, "-") && len(word) > 1:
			t.pending = valueOf(t.flags, word)
		case t.verb == nil:
			all := verbs()
			if i := slices.IndexFunc(all, func(v verb) bool { return v.name == word }); i >= 0 {
				t.verb, t.flags = &all[i], newFlags(word, &globals{})
				_ = t.verb.setup(t.flags)
			}
		default:
			t.words = append(t.words, word)
		}
	}
	return t
}

// valueOf is the flag of which the value is the next word.
func valueOf(flags *pflag.FlagSet, word string) *pflag.Flag {
	var flag *pflag.Flag
	if name, long := strings.CutPrefix(word, "--"); long {
		flag = flags.Lookup(name) // None for NAME=VALUE.
	} else {
		flag = flags.ShorthandLookup(word[len(word)-1:])
	}
	if flag == nil || flag.NoOptDefVal != "" {
		return nil
	}
	return flag
}

// candidates are the lines for what may stand in the place of current.
func (a *app) candidates(ctx context.Context, before []string, current string) []string {
	t := readTyped(before)
	prefix := ""
	if name, value, inline := strings.Cut(current, "="); inline && strings.HasPrefix(name, "--") {
		t.pending = t.flags.Lookup(name[2:])
		prefix, current = name+"=", value
	}
	var all []string
	switch {
	case t.pending != nil:
		all = a.valuesOf(ctx, t.pending.Name)
	case strings.HasPrefix(current, "-"):
		t.flags.VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				all = append(all, "--"+f.Name+"\t"+f.Usage)
			}
		})
	case t.verb == nil:
		all = verbLines()
	default:
		all = a.wordsOf(ctx, t.verb.name, t.words)
	}
	all = slices.DeleteFunc(all, func(line string) bool { return line != ":files" && !strings.HasPrefix(line, current) })
	for i := range all {
		if all[i] != ":files" {
			all[i] = prefix + all[i]
		}
	}
	return all
}

func verbLines() []string {
	var lines []string
	for _, v := range verbs() {
		if !v.internal {
			lines = append(lines, v.name+"\t"+v.short)
		}
	}
	return lines
}

// valuesOf are the values of a flag.
func (a *app) valuesOf(ctx context.Context, flag string) []string {
	switch flag {
	case "service":
		return a.unitLines(ctx)
	case "project":
		return slices.Sorted(maps.Keys(a.known(ctx)))
	case "config":
		return []string{":files"}
	case "format":
		return []string{"json", "text"}
	case "color":
		return []string{"always", "auto", "never"}
	case "log-level":
		return []string{"debug", "error", "info", "off", "trace", "warn"}
	case "kind":
		return []string{"stderr", "stdout"}
	}
	return nil
}

// wordsOf are what a verb takes after the words that it has.
func (a *app) wordsOf(ctx context.Context, name string, words []string) []string {
	switch first := len(words) == 0; {
	case name == "help" && first:
		return verbLines()
	case name == completionVerb.name && first:
		return slices.Clone(completionShells)
	case name == explainName && first:
		var lines []string
		for _, e := range api.Explanations() {
			lines = append(lines, e.Code+"\t"+e.Meaning)
		}
		return lines
	case name == cronVerb.name && first:
		return []string{"history\tthe runs there were", "next\twhen they run next", "run\trun one now"}
	case first && (name == whyVerb.name || name == inspectVerb.name), name == cronVerb.name && len(words) == 1:
		return a.unitLines(ctx)
	}
	return nil
}

// unitLines are the services, by their plain names where those are enough.
func (a *app) unitLines(ctx context.Context) []string {
	known, seen := a.known(ctx), map[string]int{}
	for _, services := range known {
		for _, service := range services {
			seen[service]++
		}
	}
	var lines []string
	for project, services := range known {
		for _, service := range services {
			if seen[service] == 1 {
				lines = append(lines, service+"\tin "+project)
			} else {
				lines = append(lines, project+"/"+service)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// known is what the supervisor has, or, where none runs, what is installed.
// Somebody waits at a prompt: there is no second try.
func (a *app) known(ctx context.Context) catalogue {
	a.hurried = true
	conn, err := a.reach()
	if err == nil {
		defer func() { _ = conn.Close() }()
		conn.AnswerWithin = min(brief, conn.AnswerWithin)
		if snapshot, err := conn.Status(ctx, api.Status{}); err == nil {
			return catalogueOf(snapshot)
		}
	}
	if a.instance == nil {
		return nil
	}
	return a.installed()
}
