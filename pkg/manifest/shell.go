package manifest

import (
	"slices"
	"strings"
)

// shellArgv is how a shell string is run. A single simple command replaces its
// shell, so that signals reach it and no shell stays behind.
func shellArgv(command string) []string {
	if isSimpleCommand(command) {
		return []string{"/bin/sh", "-c", "exec " + strings.Trim(command, blanks)}
	}
	return []string{"/bin/sh", "-c", command}
}

// blanks are what the shell takes for nothing around a command.
const blanks = " \t\n"

// shellWords mean something to the shell as the first word: its keywords, and
// its builtins, for which exec would find another program or none.
var shellWords = strings.Fields(`
	! case do done elif else esac fi for function if in select then time until while
	. : alias bg bind break builtin caller cd chdir command compgen complete compopt continue coproc declare dirs disown
	echo enable eval exec exit export false fc fg getopts hash help history jobs kill let local logout mapfile newgrp popd
	printf pushd pwd read readarray readonly return set shift shopt source suspend test times trap true type typeset
	ulimit umask unalias unset wait`)

// isSimpleCommand says whether "exec" before the command changes nothing but
// the shell that is left: one command, whose first word is plainly a program.
// If in doubt it is not.
func isSimpleCommand(command string) bool {
	command = strings.Trim(command, blanks)
	first, _, _ := strings.Cut(strings.ReplaceAll(command, "\t", " "), " ")
	if first == "" || first[0] == '-' || slices.Contains(shellWords, first) {
		return false
	}
	for _, c := range []byte(first) {
		if !isIDByte(c) && c != '/' && c != '+' {
			return false
		}
	}
	return isPlain(command)
}

// isPlain says whether nothing in the command ends it, begins another, or
// redirects. Text in single quotes is plain; so is a variable.
func isPlain(command string) bool {
	var quote byte
	for i := range len(command) {
		switch c := command[i]; {
		case quote == '\'':
			if c == quote {
				quote = 0
			}
		case c == '`' || c == '\\' || c == '$' && strings.HasPrefix(command[i+1:], "("):
			return false
		case quote == '"':
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case strings.IndexByte("|&;<>()\n\r#", c) >= 0:
			return false
		}
	}
	return quote == 0
}

// shellQuote makes one word of a text, for showing it to people.
func shellQuote(text string) string {
	plain := func(c byte) bool { return isIDByte(c) || strings.IndexByte("/:=@%+,", c) >= 0 }
	for i := range len(text) {
		if !plain(text[i]) {
			return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
		}
	}
	if text == "" {
		return "''"
	}
	return text
}
