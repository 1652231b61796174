package providers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// schema is a JSON Schema, or a part of one.
type schema map[string]any

// Schema is the JSON Schema (draft-07) of provider files, for editors. It is made of [Members].
func Schema() ([]byte, error) {
	named := func(name string) schema { return schema{"$ref": "#/definitions/" + name} }
	certainty := schema{"enum": certainties()}
	root := mappingOf(schema{
		"passrig-provider": schema{"enum": []any{1, "1"}, "description": "The version of the language: 1."},
		"name":             schema{"type": "string", "pattern": namePattern.String(), "description": "What scenarios call it."},
		"title":            schema{"type": "string", "description": "Its name as people write it."},
		"summary":          schema{"type": "string", "description": "One sentence."},
		"like":             schema{"type": "string", "description": "The row that it is assumed to be like where it says nothing."},
		"certainty":        described(certainty, "No fact of the file is surer."),
		"facts":            listOf(named("facts")),
		"versions":         described(listOf(named("version")), "From the oldest to the newest."),
	}, "passrig-provider", "name", "title", "summary")
	root["$schema"], root["$id"], root["title"] = "http://json-schema.org/draft-07/schema#", "https://github.com/passrig/passrig/virtual/providers/provider.schema.json", "passrig provider"
	root["anyOf"] = []schema{{"required": []string{"facts"}}, {"required": []string{"versions"}}}
	root["definitions"] = schema{
		"facts": factsSchema(named("rule")),
		"version": mappingOf(schema{
			"version":   schema{"type": []string{"string", "number"}, "pattern": versionPattern.String()},
			"title":     schema{"type": "string"},
			"like":      schema{"type": "string", "description": "The row that it begins with, instead of the version before."},
			"certainty": described(certainty, "No fact of the version is surer."),
			"assumes":   schema{"type": "string", "description": "What has to be so for the version to hold."},
			"facts":     listOf(named("facts")),
		}, "version", "facts"),
		"rule": ruleSchema(),
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return out.Bytes(), nil
}

func mappingOf(properties schema, required ...string) schema {
	s := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func listOf(item schema) schema { return schema{"type": "array", "items": item} }

// described is a copy of a schema with a description.
func described(s schema, text string) schema {
	copied := maps.Clone(s)
	copied["description"] = text
	return copied
}

// factsSchema is a group of facts.
func factsSchema(rule schema) schema {
	properties := schema{
		"certainty": schema{"enum": certainties(), "description": "How sure all of these are."},
		"source":    schema{"type": "string", "description": "Who says so."},
		"rules":     described(listOf(rule), "Who may save and use passkeys."),
		"notes":     schema{"type": "object", "additionalProperties": schema{"type": "string"}, "description": "What else a person should know, by a word for it."},
	}
	for _, m := range Members() {
		inner, into := m.Name, properties
		if outer, name, ok := strings.Cut(m.Name, "."); ok {
			if properties[outer] == nil {
				properties[outer] = mappingOf(schema{})
			}
			inner, into = name, properties[outer].(schema)["properties"].(schema)
		}
		into[inner] = described(m.schema(), m.Doc)
	}
	return mappingOf(properties, "certainty", "source")
}

// schema is what a member's value looks like.
func (m *Member) schema() schema {
	text := schema{"type": []string{"string", "number"}}
	if m.Values != nil {
		text = schema{"enum": m.Values}
	}
	switch m.Kind {
	case KindBool:
		return schema{"type": "boolean"}
	case KindInt:
		return schema{"type": "integer", "minimum": 0}
	case KindTexts:
		return listOf(text)
	case KindDuration:
		return schema{"type": "string", "pattern": `^([0-9.]+(ns|us|µs|ms|s|m|h))+$|^0$`}
	case KindText:
	}
	return text
}

func ruleSchema() schema {
	accounts := listOf(schema{"enum": accountTypes()})
	releases := listOf(schema{"type": "string"})
	return mappingOf(schema{
		"id":           schema{"type": "string", "pattern": namePattern.String(), "description": "A later version replaces the rule of the same id."},
		"for":          listOf(schema{"enum": []Action{Save, Use}}),
		"text":         schema{"type": "string", "description": "What it says, to come after \"cannot save passkeys:\"."},
		"account":      described(accounts, "The account is of one of these types."),
		"os":           described(releases, "The system is one of these: NAME or NAME >= VERSION."),
		"client":       described(releases, "The client is one of these: NAME or NAME >= VERSION, both with \"on SYSTEM\" behind it or without."),
		"policy":       described(mappingOf(schema{"name": schema{"type": "string"}, "short": schema{"type": "string"}, "account": accounts}, "name"), "The policy is not off."),
		"verification": schema{"enum": []bool{true}, "description": "The device can verify its user."},
	}, "id", "for", "text")
}
