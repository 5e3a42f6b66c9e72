package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
)

// verb is one subcommand. setup declares its flags and returns what to do once
// they are parsed, with the words that are none.
type verb struct {
	name  string
	usage string // the words after the flags
	short string
	help  string
	words int // how many words it takes
	// internal is for sysg itself: not in help, and flags end at the first word.
	internal bool
	// program is for a verb whose words may be a command to run: flags end at
	// the first of them.
	program bool
	// installs: it changes what the system runs, for which --sys needs root.
	installs bool
	// operates: where there is nothing to install, operators of the system's
	// instance may do it too.
	operates bool
	// offline: it works with files alone, and has no instance to talk to.
	offline bool
	// later is for verbs that the older program did not have. Their exit codes
	// tell the failures apart; those of the others are as they were.
	later bool
	// xml: it writes XML as well.
	xml bool
	// asks: it changes nothing and prints only what it was told, so that it may
	// ask again where the supervisor died before it answered.
	asks  bool
	setup func(*pflag.FlagSet) action
}

type action func(ctx context.Context, a *app, words []string) error

// verbs are all verbs, in the order of help.
func verbs() []verb {
	return []verb{
		startVerb, stopVerb, restartVerb, reloadVerb, planVerb, generationsVerb, rollbackVerb, statusVerb, inspectVerb, securityVerb, logsVerb, whyVerb, cronVerb, eventsVerb, purgeVerb, doctorVerb, validateVerb, schemaVerb, migrateVerb, explainVerb, versionVerb, completionVerb, helpVerb(), activateVerb, spawnVerb, completeVerb(),
	}
}

// globals are the flags that stand before or after the verb.
type globals struct {
	system, user, plain, noColor, quiet, verbose, noPager, drop bool
	help, version                                               bool
	xml                                                         bool // the verb writes it
	color, format, logLevel                                     string
}

// declare adds the global flags to a set. What is set already stays the
// default, so that a flag before the verb counts behind it as well.
func (g *globals) declare(flags *pflag.FlagSet) {
	flags.BoolVar(&g.system, "sys", g.system, "talk to the system's instance")
	flags.BoolVar(&g.user, "user", g.user, "talk to your own instance (default)")
	flags.BoolVar(&g.drop, "drop-privileges", g.drop, "run services without a user as nobody, in the system's instance")
	flags.BoolVar(&g.plain, "plain", g.plain, "no colour, nothing that moves, no following of logs")
	flags.BoolVar(&g.noColor, "no-color", g.noColor, "no colour")
	flags.StringVar(&g.color, "color", g.color, "colour: auto, always or never")
	flags.StringVar(&g.format, "format", g.format, "output: text or json; json without a value")
	flags.Lookup("format").NoOptDefVal = "json"
	flags.BoolVarP(&g.quiet, "quiet", "q", g.quiet, "say nothing on success")
	flags.BoolVarP(&g.verbose, "verbose", "v", g.verbose, "say each step")
	flags.StringVar(&g.logLevel, "log-level", g.logLevel, "level of a supervisor that is started: trace, debug, info, warn, error or off")
	flags.BoolVar(&g.noPager, "no-pager", g.noPager, "do not page long output with $PAGER")
	flags.BoolVarP(&g.help, "help", "h", g.help, "show help")
	flags.BoolVar(&g.version, "version", g.version, "show the version")
	_ = flags.MarkHidden("no-pager")
}

// dispatch parses args and does what they say.
func (a *app) dispatch(args []string) error {
	g := globals{color: "auto", format: "text"}
	flags := newFlags("sysg", &g)
	flags.SetInterspersed(false)
	if err := flags.Parse(joinFormat(args, flags, true)); err != nil {
		return unknownFlag("", err, flags)
	}
	words := flags.Args()
	switch {
	case len(words) > 0:
	case g.version:
		words = []string{versionVerb.name}
	case g.help:
		g.help = false // the verb is to speak, not to be spoken of
		words = []string{helpVerb().name}
	default:
		return &usage{problem: "a command is missing"}
	}
	name := words[0]
	i := slices.IndexFunc(verbs(), func(v verb) bool { return v.name == name })
	if i < 0 {
		return unknownCommand(name)
	}
	v := verbs()[i]
	flags = newFlags(v.name, &g)
	flags.SetInterspersed(!v.internal && !v.program)
	do := v.setup(flags)
	if err := flags.Parse(joinFormat(words[1:], flags, v.internal || v.program)); err != nil {
		return unknownFlag(v.name, err, flags)
	}
	switch {
	case g.help:
		printVerbHelp(a.out, v, flags)
		return nil
	case g.version: // Whoever asks for it wants nothing done.
		return a.dispatch([]string{versionVerb.name})
	case flags.NArg() > v.words && !v.internal && !v.program:
		return unexpectedWord(v, flags.Arg(v.words), flags)
	}
	g.xml = v.xml
	if err := a.adopt(g, flags.Changed("format")); err != nil {
		return err
	}
	if err := a.enter(v, g); err != nil {
		return err
	}
	err := do(context.Background(), a, flags.Args())
	if v.asks && errors.Is(err, client.ErrWentAway) {
		err = do(context.Background(), a, flags.Args())
	}
	if v.later {
		return telling(err)
	}
	return err
}

func newFlags(name string, g *globals) *pflag.FlagSet {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() {}
	g.declare(flags)
	return flags
}

// adopt checks the global flags and sets the output up by them.
func (a *app) adopt(g globals, formatGiven bool) error {
	switch {
	case g.system && g.user:
		return &usage{problem: "--sys and --user exclude each other"}
	case !slices.Contains([]string{"auto", "always", "never"}, g.color):
		return &usage{problem: fmt.Sprintf("--color is auto, always or never, not %q", g.color)}
	case g.format == "xml" && !g.xml:
		return &api.Diagnostic{Code: api.CodeConflict, Title: "this command does not write xml", Help: []api.Help{
			{Label: "write json", Command: "--format json"},
		}}
	case !slices.Contains(formats, g.format):
		return &usage{problem: fmt.Sprintf("--format is text, json or xml, not %q", g.format)}
	}
	level, err := logLevel(g.logLevel)
	if err != nil {
		return err
	}
	a.logLevel = level
	a.out.adopt(g, formatGiven, a.env)
	return nil
}

// logLevel is the daemon's word for what people write.
func logLevel(text string) (string, error) {
	words := map[string]string{
		"": "", "trace": "debug", "debug": "debug", "info": "info", "information": "info", "warn": "warn", "warning": "warn",
		"error": "error", "err": "error", "off": "off", "5": "debug", "4": "debug", "3": "info", "2": "warn", "1": "error", "0": "off",
	}
	level, known := words[strings.ToLower(text)]
	if !known {
		return "", &usage{problem: fmt.Sprintf("--log-level is trace, debug, info, warn, error or off, not %q", text)}
	}
	return level, nil
}
