package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// helpVerb is a function, not a variable, as it refers to all verbs.
func helpVerb() verb {
	return verb{
		name: "help", offline: true, usage: "[COMMAND]", short: "explain sysg, or one of its commands", words: 1,
		help: "Explain sysg, or one of its commands.",
		setup: func(*pflag.FlagSet) action {
			return func(_ context.Context, a *app, words []string) error {
				if len(words) == 0 {
					printHelp(a.out)
					return nil
				}
				return a.dispatch([]string{words[0], "--help"})
			}
		},
	}
}

func printHelp(out *output) {
	fmt.Fprint(out.stdout, "sysg starts a stack of services from one YAML file and keeps it running.\n\nUsage: sysg COMMAND [flags]\n\nCommands:\n")
	for _, v := range verbs() {
		if !v.internal {
			fmt.Fprintf(out.stdout, "  %-11s %s\n", v.name, v.short)
		}
	}
	fmt.Fprintf(out.stdout, "\nFlags of every command:\n%s\n`sysg help COMMAND` explains a command.\n", describeFlags(general(), nil))
}

// general are the flags of every verb.
func general() *pflag.FlagSet { return newFlags("sysg", &globals{}) }

// printVerbHelp explains one verb: its own flags, then where the others are.
func printVerbHelp(out *output, v verb, flags *pflag.FlagSet) {
	own := describeFlags(flags, general())
	usage := "sysg " + v.name
	if own != "" {
		usage += " [flags]"
	}
	if v.usage != "" {
		usage += " " + v.usage
	}
	fmt.Fprintf(out.stdout, "Usage: %s\n\n%s\n", usage, v.help)
	if own != "" {
		fmt.Fprintf(out.stdout, "\nFlags:\n%s", own)
	}
	fmt.Fprint(out.stdout, "\nFlags of every command: sysg help\n")
}

// describeFlags is a line for each flag that is not among others.
func describeFlags(flags, others *pflag.FlagSet) string {
	rows := [][]string{}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || others != nil && others.Lookup(f.Name) != nil {
			return
		}
		short := "    --"
		if f.Shorthand != "" {
			short = "-" + f.Shorthand + ", --"
		}
		value := ""
		switch f.Value.Type() {
		case "bool":
		case "int":
			value = " N"
		default:
			value = " " + strings.ToUpper(f.Name)
		}
		rows = append(rows, []string{"  " + short + f.Name + value, f.Usage})
	})
	if len(rows) == 0 {
		return ""
	}
	return align(rows, func(_, _ int, text string) string { return text })
}
