package pool

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// fallbackMemory is what a machine is taken to have that does not say.
const fallbackMemory = 8 << 30

// MachineMemory is the bytes that this process may use: the machine's, or what its control groups
// allow if that is less.
func MachineMemory() int64 {
	if n := machineMemory(); n > 0 {
		return n
	}
	return fallbackMemory
}

// DefaultBudget is half of MachineMemory.
func DefaultBudget() int64 { return MachineMemory() / 2 }

// linuxMemory reads the memory of a linux machine from its root file system. 0: it does not say.
func linuxMemory(root fs.FS) int64 {
	limit := int64(0)
	lower := func(n int64) {
		if n > 0 && (limit == 0 || n < limit) {
			limit = n
		}
	}
	if data, err := fs.ReadFile(root, "proc/meminfo"); err == nil {
		lower(parseMeminfo(string(data)))
	}
	data, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return limit
	}
	for _, g := range parseCgroups(string(data)) {
		// In a container the path may be that of the host: then only its mount point exists.
		for dir := path.Join(g.mount, g.path); ; dir = path.Dir(dir) {
			if data, err := fs.ReadFile(root, path.Join(dir, g.file)); err == nil {
				lower(parseLimit(string(data)))
			}
			if dir == g.mount || dir == "." {
				break
			}
		}
	}
	return limit
}

// parseMeminfo returns MemTotal of /proc/meminfo in bytes, or 0.
func parseMeminfo(s string) int64 {
	for line := range strings.Lines(s) {
		rest, ok := strings.CutPrefix(line, "MemTotal:")
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
		if err != nil || n < 0 || n > 1<<50 {
			return 0
		}
		return n << 10
	}
	return 0
}

// cgroup says where a group's memory limit is kept, without the leading slash.
type cgroup struct{ mount, path, file string }

// parseCgroups returns the groups of /proc/self/cgroup that may limit memory.
func parseCgroups(s string) []cgroup {
	var out []cgroup
	for line := range strings.Lines(s) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		// A leading slash keeps ".." from leaving the mount point.
		dir := strings.TrimPrefix(path.Clean("/"+fields[2]), "/")
		switch {
		case fields[0] == "0" && fields[1] == "":
			out = append(out, cgroup{"sys/fs/cgroup", dir, "memory.max"})
		case hasController(fields[1], "memory"):
			out = append(out, cgroup{"sys/fs/cgroup/memory", dir, "memory.limit_in_bytes"})
		}
	}
	return out
}

func hasController(list, name string) bool {
	for c := range strings.SplitSeq(list, ",") {
		if c == name {
			return true
		}
	}
	return false
}

// parseLimit returns a group's limit in bytes; 0: none.
func parseLimit(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n < 0 || n >= 1<<60 {
		return 0
	}
	return n
}
