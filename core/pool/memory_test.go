package pool

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const meminfo = "MemFree:  100 kB\nMemTotal:       16000000 kB\n"

func TestLinuxMemory(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing known": {nil, 0},
		"no groups":     {map[string]string{"proc/meminfo": meminfo}, 16000000 << 10},
		"version 2": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/memory.max": "1000000\n", "sys/fs/cgroup/a/b/memory.max": "max\n",
		}, 1000000},
		"version 2 in a container": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "2000000",
		}, 2000000},
		"version 1": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "3:cpu,cpuacct:/x\n2:hugetlb,memory:/docker/1\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "3000000\n",
		}, 3000000},
		"no limit": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "2:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 16000000 << 10},
		"a path that climbs": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/memory.max": "2000000",
		}, 2000000},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			for path, data := range c.files {
				root[path] = &fstest.MapFile{Data: []byte(data)}
			}
			require.Equal(t, c.want, linuxMemory(root))
		})
	}
}

func TestDefaultBudget(t *testing.T) {
	require.Positive(t, DefaultBudget())
}

func FuzzLinuxMemory(f *testing.F) {
	f.Add(meminfo, "0::/a/b\n2:memory:/x", "max")
	f.Add("MemTotal: -1 kB", "0::../..", "123")
	f.Fuzz(func(t *testing.T, info, groups, limit string) {
		n := linuxMemory(fstest.MapFS{
			"proc/meminfo":             {Data: []byte(info)},
			"proc/self/cgroup":         {Data: []byte(groups)},
			"sys/fs/cgroup/memory.max": {Data: []byte(limit)},
		})
		if n < 0 {
			t.Errorf("%d bytes", n)
		}
	})
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536 << 10: "1.5 MiB", 8 << 30: "8 GiB", 1<<63 - 1: "8 EiB",
	} {
		require.Equal(t, want, size(n))
	}
}
