package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/manifest"
)

const schemaHelp = `Print the JSON Schema of the manifest, by which editors complete and check.

  sysg schema > systemg.schema.json

An editor with the YAML language server uses it for files that begin with
  # yaml-language-server: $schema=systemg.schema.json`

var schemaVerb = verb{
	name: "schema", offline: true, short: "print the JSON Schema of the manifest", help: schemaHelp,
	setup: func(*pflag.FlagSet) action {
		return func(_ context.Context, a *app, _ []string) error {
			if _, err := a.out.stdout.Write(manifest.Schema()); err != nil {
				return fmt.Errorf("cannot print the schema: %w", err)
			}
			return nil
		}
	},
}
