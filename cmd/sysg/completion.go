package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

const completionHelp = `Print a script that completes the commands and flags of sysg in a shell.

For bash, into the folder that it reads them from:
  sysg completion bash > ~/.local/share/bash-completion/completions/sysg
For zsh, into a folder of $fpath:
  sysg completion zsh > _sysg
For fish:
  sysg completion fish > ~/.config/fish/completions/sysg.fish`

// shells write the script of each shell.
var shells = map[string]func([]completed) string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}

// completionVerb is a function, not a variable, as it refers to all verbs.
func completionVerb() verb {
	return verb{
		name: "completion", usage: "bash|zsh|fish", short: "print a script that completes commands in a shell", help: completionHelp,
		words: 1, offline: true, later: true,
		setup: func(*pflag.FlagSet) action {
			return func(_ context.Context, a *app, words []string) error {
				if len(words) == 0 || shells[words[0]] == nil {
					return &usage{"completion", "name the shell: " + strings.Join(slices.Sorted(maps.Keys(shells)), ", ")}
				}
				fmt.Fprint(a.out.stdout, shells[words[0]](completions()))
				return nil
			}
		},
	}
}

// completed is what can be written of one command, "" for before any.
type completed struct {
	name, short string
	words       []string
	flags       []*pflag.Flag
}

// completions are those of all commands.
func completions() []completed {
	all := []completed{{flags: visible(general())}}
	for _, v := range verbs() {
		if v.internal {
			continue
		}
		all[0].words = append(all[0].words, v.name)
		flags := newFlags(v.name, &globals{})
		v.setup(flags)
		one := completed{name: v.name, short: v.short, flags: visible(flags)}
		if word, _, _ := strings.Cut(v.usage, " "); strings.Contains(word, "|") {
			one.words = strings.Split(word, "|")
		}
		all = append(all, one)
	}
	return all
}

func visible(flags *pflag.FlagSet) (found []*pflag.Flag) {
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			found = append(found, f)
		}
	})
	return found
}

// all are the words and flags.
func (c completed) all() string {
	all := slices.Clone(c.words)
	for _, f := range c.flags {
		all = append(all, "--"+f.Name)
	}
	return strings.Join(all, " ")
}

// bashCompletion takes the first word that is no flag for the command; that of
// a flag before it would be one too, but those are few and seldom used.
func bashCompletion(all []completed) string {
	return fmt.Sprintf(`_sysg() {
    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb= word words=
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in -*) ;; *) verb=$word; break ;; esac
    done
    COMPREPLY=()
    case $before in -c | --config) return ;; esac
    case $verb in
%s    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _sysg sysg
`, cases(all, "words='%s'"))
}

func zshCompletion(all []completed) string {
	return fmt.Sprintf(`#compdef sysg
local verb word
for word in ${words[2,CURRENT-1]}; do
    case $word in -*) ;; *) verb=$word; break ;; esac
done
case $words[CURRENT-1] in -c | --config) _files; return ;; esac
case $verb in
%sesac
_files
`, cases(all, "compadd -- %s"))
}

// cases is a branch of a shell's case for each command.
func cases(all []completed, do string) string {
	var b strings.Builder
	for _, c := range all {
		fmt.Fprintf(&b, "    '%s') "+do+" ;;\n", c.name, c.all())
	}
	return b.String()
}

func fishCompletion(all []completed) string {
	var b strings.Builder
	for _, c := range all[1:] {
		fmt.Fprintf(&b, "complete -c sysg -f -n __fish_use_subcommand -a %s -d %s\n", c.name, fishQuoted(c.short))
		for _, word := range c.words {
			fmt.Fprintf(&b, "complete -c sysg -f -n '__fish_seen_subcommand_from %s' -a %s\n", c.name, word)
		}
		for _, f := range c.flags {
			fmt.Fprintf(&b, "complete -c sysg -n '__fish_seen_subcommand_from %s' -l %s", c.name, f.Name)
			if f.Shorthand != "" {
				fmt.Fprintf(&b, " -s %s", f.Shorthand)
			}
			if f.NoOptDefVal == "" {
				b.WriteString(" -r")
			}
			fmt.Fprintf(&b, " -d %s\n", fishQuoted(f.Usage))
		}
	}
	return b.String()
}

func fishQuoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
