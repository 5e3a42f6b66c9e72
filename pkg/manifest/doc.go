// Package manifest reads systemg.yaml, says everything that is wrong with it at
// once, and compiles it to generations. It is the only package that knows YAML.
//
//	text ──▶ document ──▶ tables ──▶ Manifest ──▶ checks ──▶ Compile
//	         bounds,      keys,      expanded     graph,     one generation
//	         duplicates   types      values       choices    a project
//
// # Tables
//
// Every object of the manifest is a table (Object) of its keys: name, type,
// default, one line of doc. The table is what is parsed by: a key that is not in
// it is unknown. The text in the column of defaults is what is read where the
// key is missing, so it cannot be wrong. A row may be one that only the system's
// instance can enforce (forSystem): a user's instance reads and checks it, and
// then refuses it by name, since nothing that asks for protection is ever
// accepted and ignored.
//
// Schema makes a JSON Schema of the same tables, by which editors check. It
// accepts whatever the parser does, and more: a test holds both. The tables in
// docs/manifest.md are made of them as well.
//
// # Includes
//
// !include path puts the root of another file in the place of the node. Its
// paths are below its own directory, its anchors are its own, and its variables
// are looked up where it is included. It is read once, measured like the target
// of an alias, and counts for the bounds of the whole (see include.go).
//
// # Values
//
// ${NAME}, $NAME, ${NAME:-default} and $$ are expanded in scalar values, after
// YAML is parsed, so that a value can never change the structure. NAME is
// looked up in the service's own env, the project's, the root's, and then in
// the environment of the command that loads the manifest. Shell strings
// (command, pre_start, a probe's command) are left alone: the shell expands
// them, and Compile exports to it what they refer to.
//
// A free text with a variable in it may be a secret. It goes to the launch
// part of the generation only, and messages show it as it was written. What
// supervision itself needs, that is names, numbers and durations, is in both.
//
// # Files
//
// A generation remembers the files that it was made of, with the sums of what
// they had (fileSet), and the variables of the command's environment that were
// asked for, so that a restart can read the manifest as the start did. The sum
// of an env file is a part of the services that read it: where its content has
// changed they have.
//
// # The older program
//
// Versions 1 and 2 may be manifests of systemg 0.66. What it ignored is a
// warning there, what works otherwise is told (differences), and Migrate
// rewrites its form with one project, by lines, so that all else stays.
//
// # Purity
//
// The package touches no file, clock or environment of its own. Files come
// through the caller's Opener, which is where ownership is checked: Judge is
// the rule for that, pure as well. Whatever is in the text, reading it takes
// bounded time and memory (see document.go).
package manifest
