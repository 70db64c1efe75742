package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	files, err := generate("..")
	require.NoError(t, err)
	for name, want := range files {
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "%s is old: run go generate ./core/config", name)
	}
}

func TestEveryKeyIsDescribed(t *testing.T) {
	s, err := schema("..")
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, section := range sections {
		listed[section.typ.Name()] = true
	}
	for name, def := range s.Definitions {
		require.True(t, listed[name], "%s has no table", name)
		for p := def.Properties.Oldest(); p != nil; p = p.Next() {
			require.NotEmpty(t, p.Value.Description, "%s.%s", name, p.Key)
		}
	}
}
