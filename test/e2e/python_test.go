package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPythonClient runs scenario.py, which uses openai-python, against the daemon.
func TestPythonClient(t *testing.T) {
	d := start(t, oneModel)
	out, err := exec.CommandContext(t.Context(), env.python, "scenario.py", d.url+"/v1", smollm2).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, 9, strings.Count(string(out), "ok "), "%s", out)
}
