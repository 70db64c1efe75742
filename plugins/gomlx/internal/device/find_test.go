package device

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFind(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	t.Setenv(EnvPlugin, "")
	require.Empty(t, Find(""))
	user, err := os.UserCacheDir()
	require.NoError(t, err)
	var newest string
	for _, version := range []string{"2025.1.1", "2026.6.23"} {
		newest = filepath.Join(user, "kakeyad", "pjrt", version, cpuPlugin)
		require.NoError(t, os.MkdirAll(filepath.Dir(newest), 0o700))
		require.NoError(t, os.WriteFile(newest, nil, 0o600))
	}
	require.Equal(t, newest, Find(""))
	t.Setenv(EnvPlugin, "/from/the/environment")
	require.Equal(t, "/from/the/environment", Find(""))
	require.Equal(t, "/asked/for", Find("/asked/for"))
}
