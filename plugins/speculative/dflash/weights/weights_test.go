package weights_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/plugins/speculative/dflash/net"
	"github.com/kakeyad/kakeyad/plugins/speculative/dflash/weights"
)

// What is built in is whole, and small enough to be in the repository.
func TestAll(t *testing.T) {
	all := weights.All()
	require.NotEmpty(t, all)
	for _, w := range all {
		f, err := net.Open(bytes.NewReader(w.GGUF))
		require.NoError(t, err, w.Name)
		assert.Equal(t, 8, f.Block, w.Name)
		assert.Less(t, len(w.GGUF), 25<<20, w.Name)
	}
}
