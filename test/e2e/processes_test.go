package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// children returns the process ids below a process, from /proc.
func children(t *testing.T, pid int) []int {
	t.Helper()
	var out []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range tasks {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(b)) {
			child, err := strconv.Atoi(field)
			require.NoError(t, err)
			out = append(append(out, child), children(t, child)...)
		}
	}
	return out
}

// alive says whether a process exists and is no zombie.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// backendPID is the process of the llamacpp plugin.
func (d *daemon) backendPID() int {
	d.t.Helper()
	return d.pluginPID("kakeya-backend-llamacpp")
}

// pluginPID is the process of a plugin, by the name of its binary.
func (d *daemon) pluginPID(binary string) int {
	d.t.Helper()
	var found int
	d.eventually("the process of "+binary, func() bool {
		for _, pid := range children(d.t, d.cmd.Process.Pid) {
			name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if strings.Contains(string(name), binary) && alive(pid) {
				found = pid
				return true
			}
		}
		return false
	})
	return found
}
