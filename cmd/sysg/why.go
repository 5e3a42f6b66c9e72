package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
)

const whyHelp = `Tell why a service is in the state it is in.

The first line is the service itself, each further one what explains the one
above, down to the root; each with what was seen and what to do about it.
--format json prints an object with the chain in "links", nearest first.`

var whyVerb = verb{
	name: "why", asks: true, later: true, usage: "SERVICE", short: "tell why a service is in its state", help: whyHelp, words: 1,
	setup: func(flags *pflag.FlagSet) action {
		var project string
		flags.StringVarP(&project, "project", "p", "", "the service's project")
		return func(ctx context.Context, a *app, words []string) error {
			if len(words) == 0 {
				return &usage{"why", "which service?"}
			}
			return why(ctx, a, scope{project, words})
		}
	},
}

func why(ctx context.Context, a *app, wanted scope) error {
	conn, err := a.reach()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return err
	}
	selections, err := wanted.resolve(catalogueOf(snapshot))
	if err != nil {
		return forWhy(err)
	}
	links, err := conn.Why(ctx, api.Why{Project: selections[0].project, Service: selections[0].services[0]})
	if err != nil {
		return err
	}
	if a.out.json {
		a.out.printJSON(struct {
			Links []api.Link `json:"links"`
		}{links})
		return nil
	}
	fmt.Fprint(a.out.stdout, renderWhy(links, a.out.colour))
	return nil
}

// forWhy makes the help of an ambiguous name fit a command without -s.
func forWhy(err error) error {
	var d *api.Diagnostic
	if isCode(err, api.CodeAmbiguous) && errors.As(err, &d) {
		for i := range d.Help {
			d.Help[i].Command = "sysg why " + strings.TrimPrefix(d.Help[i].Command, "-s ")
		}
	}
	return err
}

// renderWhy is a chain of causes, each link further to the right.
func renderWhy(links []api.Link, colour bool) string {
	var b strings.Builder
	for depth, link := range links {
		indent := strings.Repeat("   ", depth)
		arrow := ""
		if depth > 0 {
			arrow = "└─ "
			indent = strings.Repeat("   ", depth-1)
		}
		fmt.Fprintf(&b, "%s%s%s is %s", indent, arrow, paint(colour, bold, link.Service), paint(colour, phaseStyle(link.Phase), phaseWord(link.Phase)))
		if link.Since != "" {
			fmt.Fprintf(&b, " since %s", link.Since)
		}
		b.WriteString("\n")
		under := strings.Repeat("   ", depth) + "   "
		if link.Cause != "" {
			code := ""
			if link.Code != "" {
				code = " [" + link.Code + "]"
			}
			fmt.Fprintf(&b, "%sbecause %s%s\n", under, clean(link.Cause), code)
		}
		for _, line := range link.Evidence {
			fmt.Fprintf(&b, "%s%s %s\n", under, paint(colour, blue, "│"), clean(line))
		}
		for _, help := range link.Help {
			fmt.Fprintf(&b, "%s%s %s: %s\n", under, paint(colour, green, "help:"), help.Label, help.Command)
		}
	}
	return b.String()
}

func phaseWord(phase string) string {
	if phase == "down" {
		return "stopped"
	}
	return words(phase)
}

func phaseStyle(phase string) style {
	switch phase {
	case "ready", "done":
		return green
	case "failed", "given_up", "backing_off":
		return red
	case "down", "skipped", "listening", "scheduled":
		return faint
	default:
		return yellow
	}
}
