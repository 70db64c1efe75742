package main

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/experiment"
)

// A second daemon on one data_dir serves, says so, and leaves the first one's results alone.
func TestResultsOfTwoDaemons(t *testing.T) {
	dir := t.TempDir()
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	of := func(name string) experiment.Definition {
		return experiment.Definition{Name: name, A: "one", B: "two", Split: 0.5, Sticky: channel.StickyRequest, Digest: "d"}
	}
	first, err := openResults(dir, log)
	require.NoError(t, err)
	first.Swap([]experiment.Definition{of("first")})
	first.Record(of("first"), experiment.Observation{})
	require.Empty(t, said.String())

	second, err := openResults(dir, log)
	require.NoError(t, err)
	assert.Contains(t, said.String(), "data_dir")
	second.Swap([]experiment.Definition{of("second")})
	second.Record(of("second"), experiment.Observation{})
	require.NoError(t, first.Close())
	require.NoError(t, second.Close())

	again, err := openResults(dir, log)
	require.NoError(t, err)
	again.Swap([]experiment.Definition{of("first"), of("second")})
	one, _ := again.Report("first")
	other, _ := again.Report("second")
	assert.EqualValues(t, 1, one.A.Requests)
	assert.Zero(t, other.A.Requests)
	require.NoError(t, again.Close())
}
