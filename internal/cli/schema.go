package cli

import (
	"github.com/spf13/cobra"

	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/providers"
)

// newSchemaCommand writes a JSON Schema.
func newSchemaCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use: "schema [scenario|adapter|steps|provider]", Short: "Write the JSON Schema of scenarios, adapters, step lists or provider files, for editors",
		Long: `Schema writes the JSON Schema (draft-07) of scenario files, or with an argument that of adapter
files, step lists or provider files. Editors complete and check a file whose first line names its schema:

  # yaml-language-server: $schema=.passrig/scenario.schema.json

passrig init puts the schemas and that line in place.` + exits("0", "written", "2", "there is no such schema"),
		Example: "  passrig schema > scenario.schema.json\n  passrig schema adapter > adapter.schema.json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return oneOf("schema", schemaKinds()...)(cmd, args)
		},
		ValidArgs: schemaKinds(),
		RunE: func(_ *cobra.Command, args []string) error {
			schema, err := schemaOf(args)
			if err != nil {
				return err
			}
			_, err = env.Stdout.Write(schema)
			return err
		},
	}
}

func schemaKinds() []string { return []string{kindScenario, kindAdapter, kindSteps, kindProvider} }

func schemaOf(args []string) ([]byte, error) {
	if len(args) == 0 {
		return scenarios.Schema()
	}
	switch args[0] {
	case kindAdapter:
		return scenarios.AdapterSchema()
	case kindSteps:
		return scenarios.StepsSchema()
	case kindProvider:
		return providers.Schema()
	}
	return scenarios.Schema()
}
