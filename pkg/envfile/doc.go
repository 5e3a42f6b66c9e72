// Package envfile reads env files: the one parser for them, used by sysg when
// it loads a manifest and by sysg-exec at each launch, so that both always
// agree on what a file means.
//
// The grammar:
//
//	# a comment, and blank lines
//	KEY=value                 up to the end of the line, trimmed
//	export KEY=value          the word export changes nothing
//	KEY='as it is'            no escapes, no variables; may span lines
//	KEY="a\tb \"c\" ${OTHER}" \n \t \" \\ \$ and ${NAME}; may span lines
//
// ${NAME} is an earlier variable of the file, else what the caller's lookup
// says, and an error if neither has it. A later definition of a name replaces
// an earlier one. A comment may follow a closing quote; an unquoted value has
// none, since # is common in passwords.
//
// Errors carry the line and never a piece of the file, which holds secrets
// while errors end up in logs. What a file can expand to is bounded (MaxSize):
// in system mode the reader is root and the file's author is not.
package envfile
