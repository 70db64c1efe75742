package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/config"
)

const examples = "../../examples/configs"

// Every example is a valid configuration, by the daemon and by the schema as an editor reads it.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examples, "*.yaml"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 3)
	schema := editorSchema(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			cfg, err := config.Load(config.Options{File: file, Environ: []string{"HOME=/home/someone"}})
			require.NoError(t, err)
			require.NotEmpty(t, cfg.Set.All())
			_, err = cfg.Set.Resolve("smollm2-135m")
			require.NoError(t, err)
			require.NoError(t, schema.Validate(yamlValues(t, file)))
		})
	}
}

// The example of every key has every key.
func TestFullExampleIsFull(t *testing.T) {
	have := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, v := range v {
				have[k] = true
				walk(v)
			}
		case []any:
			for _, v := range v {
				walk(v)
			}
		}
	}
	walk(yamlValues(t, filepath.Join(examples, "full.yaml")))
	var schema struct {
		Defs map[string]struct {
			Properties map[string]any
		} `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(config.Schema(), &schema))
	require.NotEmpty(t, schema.Defs)
	for name, def := range schema.Defs {
		for key := range def.Properties {
			require.True(t, have[key], "full.yaml lacks %s of %s", key, name)
		}
	}
}

// Files that the schema refuses are refused by the daemon; the two cannot drift apart.
func TestBadFilesAreRefusedByBoth(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	schema := editorSchema(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			require.Error(t, schema.Validate(yamlValues(t, file)))
			_, err := config.Load(config.Options{File: file, Environ: []string{}})
			require.ErrorIs(t, err, config.ErrInvalid)
		})
	}
}

// editorSchema is the schema as others read it: formats of ours are notes to them.
func editorSchema(t *testing.T) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("schema.json", doc))
	schema, err := c.Compile("schema.json")
	require.NoError(t, err)
	return schema
}

func yamlValues(t *testing.T, file string) any {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	text, err = yaml.YAMLToJSON(text)
	require.NoError(t, err)
	values, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return values
}
